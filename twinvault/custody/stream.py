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

SEGMENT = 2**20
HEADER = 40
TAG = 16
FIRST_PLAIN = SEGMENT - HEADER - TAG
NEXT_PLAIN = SEGMENT - TAG


class StreamDamaged(ValueError):
    """The ciphertext is truncated, altered, or belongs to another object or key."""


class SegmentCipher:
    """Encrypts and decrypts single segments of one stream."""

    def __init__(self, file_key: bytes, header: bytes, associated: bytes):
        if len(header) != HEADER or header[0] != HEADER:
            raise StreamDamaged("the header of the encrypted stream is damaged")
        key = HKDF(algorithm=SHA256(), length=32, salt=header[1:33], info=associated).derive(file_key)
        self._aead = AESGCM(key)
        self._prefix = header[33:40]

    def _nonce(self, index: int, last: bool) -> bytes:
        return self._prefix + struct.pack(">IB", index, last)

    def encrypt(self, index: int, plain: bytes | memoryview, last: bool) -> bytes:
        return self._aead.encrypt(self._nonce(index, last), plain, None)

    def decrypt(self, index: int, cipher: bytes, last: bool) -> bytes:
        try:
            return self._aead.decrypt(self._nonce(index, last), cipher, None)
        except InvalidTag as error:
            raise StreamDamaged(f"segment {index} of the encrypted stream is damaged") from error


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
    most one segment of plaintext; `resume` takes it back.
    """

    def __init__(self, raw: BinaryIO, file_key: bytes, associated: bytes):
        header = new_header()
        raw.write(header)
        self._start(raw, SegmentCipher(file_key, header, associated), segments=0, tail=b"")

    @classmethod
    def resume(cls, raw: BinaryIO, file_key: bytes, associated: bytes, tail: bytes) -> "SegmentWriter":
        """Goes on with a stream of whole segments in `raw`, open for reading and writing; a torn one at its end is cut off."""
        writer = cls.__new__(cls)
        raw.seek(0)
        cipher = SegmentCipher(file_key, raw.read(HEADER), associated)
        segments = segments_before(raw.seek(0, io.SEEK_END))
        raw.seek(max(HEADER, segments * SEGMENT))
        raw.truncate()
        writer._start(raw, cipher, segments, tail)
        return writer

    def _start(self, raw: BinaryIO, cipher: SegmentCipher, segments: int, tail: bytes) -> None:
        self._raw, self._cipher, self._segments = raw, cipher, segments
        self._buffer = bytearray(tail)

    @property
    def size(self) -> int:
        """Plaintext bytes taken so far."""
        return plain_before(self._segments) + len(self._buffer)

    @property
    def tail(self) -> bytes:
        return bytes(self._buffer)

    def write(self, data: bytes | memoryview) -> int:
        self._buffer += data
        limit = NEXT_PLAIN if self._segments else FIRST_PLAIN
        while len(self._buffer) > limit:
            self._raw.write(self._cipher.encrypt(self._segments, bytes(self._buffer[:limit]), last=False))
            del self._buffer[:limit]
            self._segments += 1
            limit = NEXT_PLAIN
        return len(data)

    def finish(self) -> int:
        """Writes the last segment; returns the plaintext size of the stream."""
        size = self.size
        self._raw.write(self._cipher.encrypt(self._segments, bytes(self._buffer), last=True))
        self._buffer.clear()
        return size


class DecryptingReader(io.RawIOBase):
    """Reads a finished stream from anywhere. Only segments that are asked for are read; each is verified before use.

    The last segment is verified first, so that a truncated stream is noticed before anything of it is used.
    """

    def __init__(self, raw: BinaryIO, file_key: bytes, associated: bytes):
        super().__init__()
        self._raw = raw
        raw.seek(0)
        self._cipher = SegmentCipher(file_key, raw.read(HEADER), associated)
        self._cipher_size = raw.seek(0, io.SEEK_END)
        self._last = max(1, -(-self._cipher_size // SEGMENT)) - 1
        self.size = plain_size(self._cipher_size)
        self._at = 0
        self._held_index, self._held = -1, b""
        if self.size < 0:
            raise StreamDamaged("the encrypted stream is truncated")
        self._segment(self._last)

    def _segment(self, index: int) -> bytes:
        if index != self._held_index:
            begin = index * SEGMENT if index else HEADER
            self._raw.seek(begin)
            cipher = self._raw.read(min((index + 1) * SEGMENT, self._cipher_size) - begin)
            self._held = self._cipher.decrypt(index, cipher, last=index == self._last)
            self._held_index = index
        return self._held

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise ValueError("cannot seek before the beginning")
        self._at = start + offset
        return self._at

    def readinto(self, buffer) -> int:
        wanted = min(len(buffer), self.size - self._at)
        if wanted <= 0:
            return 0
        index = 0 if self._at < FIRST_PLAIN else 1 + (self._at - FIRST_PLAIN) // NEXT_PLAIN
        piece = self._segment(index)
        inside = self._at - plain_before(index)
        given = piece[inside : inside + wanted]
        buffer[: len(given)] = given
        self._at += len(given)
        return len(given)

    def read(self, size: int = -1) -> bytes:
        """All that was asked for, across segments (a raw stream would give at most one segment)."""
        end = self.size if size is None or size < 0 else min(self._at + size, self.size)
        pieces = []
        while self._at < end:
            index = 0 if self._at < FIRST_PLAIN else 1 + (self._at - FIRST_PLAIN) // NEXT_PLAIN
            inside = self._at - plain_before(index)
            piece = self._segment(index)[inside : inside + end - self._at]
            pieces.append(piece)
            self._at += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()
