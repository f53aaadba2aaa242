"""Anchors hold the chain from outside the database: a file to which each entry adds one line, its id and its digest.

Whoever has only the database can cut entries off its end, empty it, or put an older copy of it back, and what is left is a chain
that holds. The anchors still know what was there. Every machine has a file of its own, of what its processes wrote; the chain
must have every anchor of every machine.

A line is written once its entry is committed, so what was rolled back leaves none, and a process that is killed in between leaves
an entry without one: entries before the next anchor are held by the chain itself. After a power cut SQLite may have lost commits
of the last moments that the anchors know of; `record.reset_anchors` is for that, too.
"""

import errno
import fcntl
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

ANCHOR = re.compile(rb"(\d{1,18}) ([0-9a-f]{64})\n")


@dataclass(frozen=True)
class Anchor:
    """One line of the file. `entry_id` is None where the line is none of ours."""

    line: int
    entry_id: int | None
    digest: str


def path() -> Path:
    return settings.AUDIT_DIR / "anchors"


def append(entry_id: int, digest: str) -> None:
    """OSError if it cannot be written whole; then nothing of it stays."""
    line = f"{entry_id} {digest}\n".encode()
    path().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        end = os.fstat(descriptor).st_size
        if os.write(descriptor, line) < len(line):
            os.ftruncate(descriptor, end)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path()))
    finally:
        os.close(descriptor)


def read() -> Iterator[Anchor]:
    """Every anchor that is there now, in the order of the file, which is not quite that of the entries.

    OSError if there is a file and it cannot be read.
    """
    try:
        file = path().open("rb")
    except FileNotFoundError:
        return
    with file:
        # no writer is in the middle of a line while this is held; what comes after is left for the next time
        fcntl.flock(file, fcntl.LOCK_SH)
        left = os.fstat(file.fileno()).st_size
        fcntl.flock(file, fcntl.LOCK_UN)
        number = 0
        while left > 0 and (line := file.readline(min(left, 200))):
            left -= len(line)
            number += 1
            yield _parse(number, line)


def _parse(number: int, line: bytes) -> Anchor:
    found = ANCHOR.fullmatch(line)
    return Anchor(number, int(found[1]), found[2].decode()) if found else Anchor(number, None, "")


def set_aside(name: str) -> None:
    """Renames the file, if there is one; the next entry begins a new one."""
    if path().exists():
        path().rename(path().with_name(name))
