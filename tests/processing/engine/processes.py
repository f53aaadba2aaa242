"""Looks at the processes that decoding starts."""

import gc
import os
import threading
from pathlib import Path

import pytest


def is_alive(process_id: int) -> bool:
    return Path(f"/proc/{process_id}").exists()


def open_descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def is_asleep(process_id: int) -> bool:
    return Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[0] == "S"


def wait_until(holds) -> None:
    paused = threading.Event()
    for _ in range(500):
        if holds():
            return
        paused.wait(0.02)
    pytest.fail("it never came to that")


def children() -> list[int]:
    """Processes that this one has started and that have not ended, or not been waited for."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue  # it has ended meanwhile
            if parent == os.getpid() and (b"decoding/child.py" in command or not command):
                found.append(int(entry.name))
    return found
