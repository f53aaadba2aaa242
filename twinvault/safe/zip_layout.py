"""A ZIP that is not there: every byte of it can be told from what lies in it, without reading the rest.

Entries are stored, not compressed (films and pictures would not shrink, and ciphertext comes at gigabytes a second), so that
once sizes and checksums are known every offset is. Format: PKWARE APPNOTE 6.3.10, ZIP64 where a number needs it.
"""

import bisect
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from twinvault.custody.reading import SizedReader

LOCAL, CENTRAL, END, END64, LOCATOR = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
UTF8_NAME, STORED = 0x0800, 0
PLAIN_VERSION, ZIP64_VERSION = 20, 45
MOST_32, MOST_16 = 0xFFFFFFFF, 0xFFFF


@dataclass(frozen=True)
class Entry:
    """One file in the ZIP: its path, bytes, CRC-32, and what `open_entry` knows it by."""

    path: str
    size: int
    crc: int
    source: str


def _dos_time(moment: datetime) -> tuple[int, int]:
    date = (max(moment.year, 1980) - 1980) << 9 | moment.month << 5 | moment.day
    return moment.hour << 11 | moment.minute << 5 | moment.second // 2, date


class ZipLayout:
    """Where everything lies in a ZIP of `entries`, all dated `moment`. `size` is the whole in bytes."""

    def __init__(self, entries: list[Entry], moment: datetime):
        self.entries = entries
        self._time, self._date = _dos_time(moment)
        self._starts: list[int] = []
        at = 0
        for entry in entries:
            self._starts.append(at)
            at += len(self.local_header(entry)) + entry.size
        self.directory_start = at
        directory = b"".join(self._central(entry, start) for entry, start in zip(entries, self._starts, strict=True))
        self.directory = directory + self._end(len(directory))
        self.size = at + len(self.directory)

    def local_header(self, entry: Entry) -> bytes:
        name, wide = entry.path.encode(), entry.size >= MOST_32
        extra = struct.pack("<HHQQ", 1, 16, entry.size, entry.size) if wide else b""
        size = MOST_32 if wide else entry.size
        version = ZIP64_VERSION if wide else PLAIN_VERSION
        fields = (version, UTF8_NAME, STORED, self._time, self._date, entry.crc, size, size, len(name), len(extra))
        return LOCAL + struct.pack("<HHHHHLLLHH", *fields) + name + extra

    def _central(self, entry: Entry, start: int) -> bytes:
        name, wide, far = entry.path.encode(), entry.size >= MOST_32, start >= MOST_32
        numbers = [entry.size, entry.size] * wide + [start] * far
        extra = struct.pack(f"<HH{len(numbers)}Q", 1, 8 * len(numbers), *numbers) if numbers else b""
        size = MOST_32 if wide else entry.size
        version = ZIP64_VERSION if numbers else PLAIN_VERSION
        fields = (version, version, UTF8_NAME, STORED, self._time, self._date, entry.crc, size, size, len(name), len(extra))
        return CENTRAL + struct.pack("<HHHHHHLLLHHHHHLL", *fields, 0, 0, 0, 0, MOST_32 if far else start) + name + extra

    def _end(self, length: int) -> bytes:
        count, start = len(self.entries), self.directory_start
        wide = b""
        if count >= MOST_16 or length >= MOST_32 or start >= MOST_32:
            fields = (44, ZIP64_VERSION, ZIP64_VERSION, 0, 0, count, count, length, start)
            wide = END64 + struct.pack("<QHHLLQQQQ", *fields) + LOCATOR + struct.pack("<LQL", 0, start + length, 1)
        few = min(count, MOST_16)
        return wide + END + struct.pack("<HHHHLLH", 0, 0, few, few, min(length, MOST_32), min(start, MOST_32), 0)

    def at(self, offset: int) -> tuple[int, int]:
        """(index of the entry that holds this offset, where it starts); the index is -1 in the directory."""
        if offset >= self.directory_start:
            return -1, self.directory_start
        index = bisect.bisect_right(self._starts, offset) - 1
        return index, self._starts[index]


class ZipReader(SizedReader):
    """The ZIP as a seekable reader; opens one entry at a time, by `open_entry`, only when bytes of it are asked for."""

    def __init__(self, layout: ZipLayout, open_entry: Callable[[Entry], BinaryIO]):
        super().__init__()
        self._layout, self._open_entry = layout, open_entry
        self.size = layout.size
        self._held: tuple[int, BinaryIO] | None = None

    def read(self, size: int = -1) -> bytes:
        end = self.end_of(size)
        pieces = []
        while self._at < end:
            piece = self._some(end - self._at)
            pieces.append(piece)
            self._at += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def readinto(self, buffer) -> int:
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def _some(self, wanted: int) -> bytes:
        """From 1 to `wanted` bytes at the offset, as many as lie together."""
        index, start = self._layout.at(self._at)
        inside = self._at - start
        if index < 0:
            return self._layout.directory[inside : inside + wanted]
        entry = self._layout.entries[index]
        header = self._layout.local_header(entry)
        if inside < len(header):
            return header[inside : inside + wanted]
        inside -= len(header)
        reader = self._entry(index, entry)
        reader.seek(inside)
        piece = reader.read(min(wanted, entry.size - inside))
        if not piece:
            raise OSError(f"{entry.path} is shorter than it was when the export was put together")
        return piece

    def _entry(self, index: int, entry: Entry) -> BinaryIO:
        if self._held is None or self._held[0] != index:
            self._release()
            self._held = (index, self._open_entry(entry))
        return self._held[1]

    def _release(self) -> None:
        if self._held is not None:
            self._held[1].close()
            self._held = None

    def close(self) -> None:
        if not self.closed:
            self._release()
        super().close()
