"""Where a network runs, in what precision, and how its memory is kept."""

from __future__ import annotations

import ctypes
import gc
import logging
import mmap
import platform
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import torch

log = logging.getLogger(__name__)

Result = TypeVar("Result")

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # names and numbers of glibc's <malloc.h>
# Bytes by which the heap grows at once: usually, so that it seldom does, and where memory is scarce.
_USUAL_PAD, _LEAST_PAD = 64 << 20, 128 << 10
_RESERVE = 128 << 20
_reserve: list[mmap.mmap] = []
# Names that `torch.cpu.get_capabilities` has for units that multiply bfloat16, of x86 and of ARM.
_BFLOAT16_UNITS = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")
# What the allocators of torch, oneDNN and C++ say when there is no more memory.
_NO_MEMORY = ("not enough memory", "can't allocate memory", "out of memory", "bad_alloc", "cannot allocate memory")
_ONEDNN = ("could not create a memory", "could not create a primitive", "could not execute a primitive")


def _glibc() -> bool:
    return platform.system() == "Linux" and platform.libc_ver()[0] == "glibc"


def keep_freed_memory() -> bool:
    """Tell glibc to reuse what was freed instead of handing it back to the system.

    An activation of a few MiB is by default mapped afresh at every step, and touching its new pages costs ten times
    what an activation function does. Holds for the whole process; other C libraries are left as they are.
    Returns whether the allocator took it.
    """
    if not _glibc():
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, 2**31 - 1) and mallopt(_M_TOP_PAD, _USUAL_PAD))


def choose_device(wanted: torch.device | str | None = None) -> torch.device:
    """The device asked for; without a wish the GPU where there is one, else the CPU."""
    return torch.device(wanted or ("cuda" if torch.cuda.is_available() else "cpu"))


@dataclass(frozen=True)
class Precision:
    """In what a step is reckoned. dtype: of autocast, None for float32 throughout. scaled: whether gradients need loss scaling,
    as float16 does, whose smallest number is 6e-8 (Micikevicius et al. 2018)."""

    dtype: torch.dtype | None
    scaled: bool = False


@cache
def quickest_precision(device: torch.device) -> Precision:
    """What this device reckons quickest in without harm.

    bfloat16 where it has units for it: half the bytes to move, with the range of float32. float16 with a scaled loss on GPUs
    before Ampere (compute capability 8.0). float32 on CPUs that would only imitate bfloat16.
    """
    if device.type == "cuda":
        ampere = torch.cuda.get_device_capability(device) >= (8, 0)
        return Precision(torch.bfloat16) if ampere else Precision(torch.float16, scaled=True)
    capabilities = torch.cpu.get_capabilities()
    quick = any(capabilities.get(unit, False) for unit in _BFLOAT16_UNITS)
    return Precision(torch.bfloat16 if quick else None)


def mixed_precision(device: torch.device, precision: Precision | None = None) -> AbstractContextManager[Any]:
    """Autocast in `precision`, or in the quickest one of the device."""
    chosen = precision or quickest_precision(device)
    return nullcontext() if chosen.dtype is None else torch.autocast(device.type, dtype=chosen.dtype)


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that the device, or the machine, has no memory left for what was asked."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    told = str(error).lower()
    return isinstance(error, RuntimeError) and any(sign in told for sign in _NO_MEMORY + _ONEDNN)


def give_back_memory(device: torch.device) -> None:
    """Make room, so that pieces of another size fit.

    On the CPU the reserve is let go and the heap's free pages are given back; it grows by no more than is asked for from now on.
    Without a reserve nothing could be done any more: a full heap in pieces gives no address back, and oneDNN must map the code
    that it makes for pieces of a new size.
    """
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        return
    while _reserve:
        _reserve.pop().close()
    if _glibc():
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_TOP_PAD, _LEAST_PAD)
        libc.malloc_trim(0)


def if_it_fits(work: Callable[[], Result], device: torch.device) -> Result | None:
    """What `work` gives; None where the memory ends also once everything that can be was given back."""
    for _ in range(2):
        try:
            return work()
        except (RuntimeError, MemoryError) as error:
            if not ran_out_of_memory(error):
                raise
            log.warning("the memory ended beside the steps of a training: %s", error)
        give_back_memory(device)
    return None


def keep_reserve() -> None:
    """Set addresses aside that `give_back_memory` can let go once; no memory is used for them."""
    if not _reserve:
        _reserve.append(mmap.mmap(-1, _RESERVE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
