"""Encrypted streams: seekable, segmented AES-256-GCM in the wire format of Tink's AES256-GCM-HKDF streaming AEAD.

    header    1 byte 40 | 32 bytes salt | 7 bytes nonce prefix
    segments  1 MiB of ciphertext each, tag included; the first is shorter by the header, the last is as long as it needs

Key of a stream: HKDF-SHA256(file key, salt, info = associated data, 32 bytes). Nonce of segment i: prefix | uint32 i | 1 if it
is the last, else 0. So segments cannot be dropped, repeated or exchanged, and a stream cannot stand in for another with other
associated data.
Specification: developers.google.com/tink/streaming-aead/aes_gcm_hkdf_streaming
"""

import io
import os
import struct
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from twinvault.custody.reading import SizedReader

SEGMENT = 2**20
HEADER = 40
TAG = 16
FIRST_PLAIN = SEGMENT - HEADER - TAG
NEXT_PLAIN = SEGMENT - TAG


class StreamDamaged(ValueError):
    """The ciphertext is truncated, altered, or belongs to another object or key."""


class SegmentCipher:
    """Encrypts and decrypts single segments of one stream. `name` is what errors call the stream by: "object 12ab..."."""

    def __init__(self, file_key: bytes, header: bytes, associated: bytes, name: str = ""):
        self._name = name
        if len(header) != HEADER or header[0] != HEADER:
            raise self.damaged("the header")
        key = HKDF(algorithm=SHA256(), length=32, salt=header[1:33], info=associated).derive(file_key)
        self._aead = AESGCM(key)
        self._prefix = header[33:40]

    def _nonce(self, index: int, last: bool) -> bytes:
        return self._prefix + struct.pack(">IB", index, last)

    def encrypt_into(self, index: int, plain: memoryview, last: bool, cipher: memoryview) -> None:
        """`cipher` must be longer than `plain` by TAG."""
        self._aead.encrypt_into(self._nonce(index, last), plain, None, cipher)

    def decrypt_into(self, index: int, cipher: memoryview, last: bool, plain: memoryview) -> None:
        """`plain` must be shorter than `cipher` by TAG. After StreamDamaged nothing in it may be used."""
        try:
            self._aead.decrypt_into(self._nonce(index, last), cipher, None, plain)
        except InvalidTag as error:
            raise self.damaged(f"segment {index}") from error

    def damaged(self, what: str, how: str = "damaged") -> StreamDamaged:
        return StreamDamaged(f"{self._name}: {what} is {how}" if self._name else f"{what} of the encrypted stream is {how}")


def new_header() -> bytes:
    return bytes([HEADER]) + os.urandom(32 + 7)


def segments_before(cipher_size: int) -> int:
    """How many whole segments lie in the first `cipher_size` bytes of ciphertext."""
    return cipher_size // SEGMENT


def plain_before(segments: int) -> int:
    """Plaintext bytes in the first `segments` whole segments."""
    return 0 if segments == 0 else FIRST_PLAIN + (segments - 1) * NEXT_PLAIN


def plain_size(cipher_size: int) -> int:
    """Plaintext bytes of a finished stream of `cipher_size` bytes."""
    segments = max(1, -(-cipher_size // SEGMENT))
    return cipher_size - HEADER - segments * TAG


class SegmentWriter:
    """Appends plaintext to a stream, segment by segment, and can go on where another process ended.

    A segment is written once more is known to follow it, since the last one is marked. What is not yet written is `tail`, at
    most one segment of plaintext; `resume` takes it back. `raw` must take all that it is given, and keep none of it in place:
    the buffer is used again.
    """

    def __init__(self, raw: BinaryIO, file_key: bytes, associated: bytes, name: str = ""):
        header = new_header()
        raw.write(header)
        self._start(raw, SegmentCipher(file_key, header, associated, name), segments=0, tail=b"")

    @classmethod
    def resume(cls, raw: BinaryIO, file_key: bytes, associated: bytes, tail: bytes, name: str = "") -> "SegmentWriter":
        """Goes on with a stream of whole segments in `raw`, open for reading and writing; a torn one at its end is cut off."""
        writer = cls.__new__(cls)
        raw.seek(0)
        cipher = SegmentCipher(file_key, raw.read(HEADER), associated, name)
        segments = segments_before(raw.seek(0, io.SEEK_END))
        raw.seek(max(HEADER, segments * SEGMENT))
        raw.truncate()
        writer._start(raw, cipher, segments, tail)
        return writer

    def _start(self, raw: BinaryIO, cipher: SegmentCipher, segments: int, tail: bytes) -> None:
        self._raw, self._cipher, self._segments = raw, cipher, segments
        self._plain, self._encrypted = memoryview(bytearray(NEXT_PLAIN)), memoryview(bytearray(SEGMENT))
        self._filled, self._finished = 0, False
        self.write(tail)

    @property
    def size(self) -> int:
        """Plaintext bytes taken so far."""
        return plain_before(self._segments) + self._filled

    @property
    def tail(self) -> bytes:
        return bytes(self._plain[: self._filled])

    def write(self, data: bytes | memoryview) -> int:
        """Takes all of `data`. If `raw` cannot be written, its error comes through and `size` and `tail` tell what was taken."""
        if self._finished:
            raise ValueError("the encrypted stream is finished")
        rest = memoryview(data).cast("B")
        taken = len(rest)
        while rest:
            room = (NEXT_PLAIN if self._segments else FIRST_PLAIN) - self._filled
            if not room:
                self._write_segment(last=False)
                self._segments, self._filled = self._segments + 1, 0
                continue
            piece, rest = rest[:room], rest[room:]
            self._plain[self._filled : self._filled + len(piece)] = piece
            self._filled += len(piece)
        return taken

    def finish(self) -> int:
        """Writes the last segment; returns the plaintext size of the stream."""
        if not self._finished:
            self._write_segment(last=True)
            # a second last segment under the same nonce would give both away
            self._finished = True
        return self.size

    def _write_segment(self, last: bool) -> None:
        encrypted = self._encrypted[: self._filled + TAG]
        self._cipher.encrypt_into(self._segments, self._plain[: self._filled], last, encrypted)
        self._raw.write(encrypted)


def _fill(raw: BinaryIO, target: memoryview) -> int:
    """Reads into `target`; returns how much came, less only at the end. A raw file may give it in several pieces: no damage."""
    readinto, filled = getattr(raw, "readinto", None), 0
    while filled < len(target):
        rest = target[filled:]
        if readinto is not None:
            came = readinto(rest) or 0
        else:
            piece = raw.read(len(rest))
            came = len(piece)
            rest[:came] = piece
        if not came:
            break
        filled += came
    return filled


class DecryptingReader(SizedReader):
    """Reads a finished stream from anywhere. Only segments that are asked for are read; each is verified before use.

    The last segment is verified first, so that a truncated stream is noticed before anything of it is used, and kept, so that a
    look at the end costs no more. `name` is what errors call the stream by. Memory: three segments.
    """

    def __init__(self, raw: BinaryIO, file_key: bytes, associated: bytes, name: str = ""):
        super().__init__()
        self._raw = raw
        raw.seek(0)
        header = bytearray(HEADER)
        came = _fill(raw, memoryview(header))
        self._cipher = SegmentCipher(file_key, bytes(header[:came]), associated, name)
        self._cipher_size = raw.seek(0, io.SEEK_END)
        self._last = max(1, -(-self._cipher_size // SEGMENT)) - 1
        self.size = plain_size(self._cipher_size)
        if self._cipher_size - max(HEADER, self._last * SEGMENT) < TAG:
            raise StreamDamaged(f"{name or 'the encrypted stream'} is truncated")
        # buffers that are used again: fresh memory for each segment costs more than to decrypt it
        self._encrypted = memoryview(bytearray(min(SEGMENT, self._cipher_size)))
        self._end = memoryview(bytearray(self.size - plain_before(self._last)))
        self._decrypt_into(self._end, self._last)
        self._plain = memoryview(bytearray(NEXT_PLAIN if self._last else 0))
        self._held_index, self._held = -1, self._plain

    def _decrypt_into(self, plain: memoryview, index: int) -> None:
        begin = index * SEGMENT if index else HEADER
        self._raw.seek(begin)
        encrypted = self._encrypted[: len(plain) + TAG]
        if _fill(self._raw, encrypted) < len(encrypted):
            raise self._cipher.damaged(f"segment {index}", "truncated")
        self._cipher.decrypt_into(index, encrypted, index == self._last, plain)

    def _segment(self, index: int) -> memoryview:
        """The plaintext of a segment, until the next one is asked for."""
        if index == self._last:
            return self._end
        if index != self._held_index:
            # what does not pass must not be taken for what was held before
            self._held_index = -1
            self._held = self._plain[: NEXT_PLAIN if index else FIRST_PLAIN]
            self._decrypt_into(self._held, index)
            self._held_index = index
        return self._held

    def _here(self, end: int) -> memoryview:
        """What the segment at this place holds, up to `end` bytes of the whole; moves on behind it."""
        index = 0 if self._at < FIRST_PLAIN else 1 + (self._at - FIRST_PLAIN) // NEXT_PLAIN
        begin = plain_before(index)
        piece = self._segment(index)[self._at - begin : end - begin]
        self._at += len(piece)
        return piece

    def readinto(self, buffer) -> int:
        """As much as one segment gives, as a raw stream may."""
        target = memoryview(buffer).cast("B")
        end = min(self._at + len(target), self.size)
        if self._at >= end:
            return 0
        piece = self._here(end)
        target[: len(piece)] = piece
        return len(piece)

    def read(self, size: int = -1) -> bytes:
        """All that was asked for, across segments (a raw stream would give at most one segment)."""
        end = self.end_of(size)
        if self._at >= end:
            return b""
        # one block of memory, of the right size from the beginning, which `getvalue` gives away without a copy
        whole = io.BytesIO()
        whole.seek(end - self._at - 1)
        whole.write(b"\0")
        with whole.getbuffer() as rest:
            filled = 0
            while self._at < end:
                piece = self._here(end)
                rest[filled : filled + len(piece)] = piece
                filled += len(piece)
        return whole.getvalue()

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()
