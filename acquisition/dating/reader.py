"""Reading of bytes that anybody may have sent: every place and length is checked, and what is read at all is bounded."""

import io
from typing import BinaryIO

MOST_BYTES = 8 * 2**20
MOST_READS = 4000


class Garbage(Exception):
    """The bytes are not what they say that they are."""


class Reader:
    """Reads of a seekable binary file of unknown honesty.

    Garbage where a place lies outside of it, or where more is read than any tag needs: MOST_BYTES in all, in MOST_READS reads.
    """

    def __init__(self, source: BinaryIO):
        self._source = source
        self._bytes, self._reads = 0, 0
        self.size = source.seek(0, io.SEEK_END)

    def at(self, place: int, length: int) -> bytes:
        """Exactly `length` bytes from `place` on."""
        self._bytes, self._reads = self._bytes + length, self._reads + 1
        if place < 0 or length < 0 or place + length > self.size or self._bytes > MOST_BYTES or self._reads > MOST_READS:
            raise Garbage(f"{length} bytes at {place} of {self.size}")
        self._source.seek(place)
        pieces = []
        while length:
            piece = self._source.read(length)
            if not piece:
                raise Garbage("the file ends before its end")
            pieces.append(piece)
            length -= len(piece)
        return b"".join(pieces)

    def number(self, place: int, length: int, order: str = "big") -> int:
        return int.from_bytes(self.at(place, length), order)  # type: ignore[arg-type]


def of_bytes(data: bytes) -> Reader:
    return Reader(io.BytesIO(data))
