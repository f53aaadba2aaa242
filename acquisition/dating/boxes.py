"""Boxes, of which MP4, QuickTime, HEIC and AVIF are made (ISO 14496-12)."""

from collections.abc import Iterator

from acquisition.dating.reader import Garbage, Reader

MOST_BOXES = 1000


def boxes(reader: Reader, place: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, where its content begins, where it ends) of each box between two places."""
    for _ in range(MOST_BOXES):
        if place + 8 > end:
            return
        header = reader.at(place, 8)
        length, begins = int.from_bytes(header[:4], "big"), place + 8
        if length == 1:
            length, begins = reader.number(place + 8, 8), place + 16
        stop = end if length == 0 else place + length
        if stop < begins or stop > end:
            raise Garbage(f"a box of {length} bytes at {place}")
        yield header[4:], begins, stop
        place = stop
