"""Where a network runs, in what precision, and how its memory is kept."""

from __future__ import annotations

import ctypes
import platform
from contextlib import AbstractContextManager
from typing import Any

import torch

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # names and numbers of glibc's <malloc.h>


def keep_freed_memory() -> bool:
    """Tell glibc to reuse what was freed instead of handing it back to the system.

    An activation of a few MiB is by default mapped afresh at every step, and touching its new pages costs ten times
    what an activation function does. Holds for the whole process; other C libraries are left as they are.
    Returns whether the allocator took it.
    """
    if platform.system() != "Linux" or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, 2**31 - 1) and mallopt(_M_TOP_PAD, 64 << 20))


def choose_device(wanted: torch.device | str | None = None) -> torch.device:
    """The device asked for; without a wish the GPU where there is one, else the CPU."""
    return torch.device(wanted or ("cuda" if torch.cuda.is_available() else "cpu"))


def mixed_precision(device: torch.device) -> AbstractContextManager[Any]:
    """bfloat16 autocast: half the bytes to move, with the range of float32, so that no loss scaling is needed."""
    return torch.autocast(device.type, dtype=torch.bfloat16)
