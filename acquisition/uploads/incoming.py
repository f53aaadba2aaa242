"""The ciphertext of an upload while it grows, and how far it stands.

Two places know how much has arrived: the file in the incoming folder holds whole segments; the row holds the offset and,
encrypted, the tail of the segment that is not whole yet. They are not changed in one step, so either may be ahead after a
crash. The rule that settles it: if the file holds as many whole segments as the row's offset implies, the row and its tail
are right; otherwise the whole segments in the file are what has arrived, and the sender sends the rest again. A torn segment
at the end of the file never counts.

The sender sends the same bytes again, so a segment that is written anew is the same ciphertext under the same nonce.
"""

import io
import os
import shutil
from contextlib import AbstractContextManager
from uuid import UUID

from django.core.files.storage import storages

from acquisition.models import Upload
from twinvault.custody import keys
from twinvault.custody.archive import context_of
from twinvault.custody.ciphertext import open_ciphertext
from twinvault.custody.models import Keyring, StoredObject
from twinvault.custody.objects import adopt, incoming_path
from twinvault.custody.stream import (
    FIRST_PLAIN,
    HEADER,
    NEXT_PLAIN,
    SEGMENT,
    DecryptingReader,
    SegmentWriter,
    plain_before,
    segments_before,
)


def whole_segments(length: int) -> int:
    """Segments that a writer has put into the file once it has taken `length` bytes: all but the last, which it holds back."""
    return 0 if length <= FIRST_PLAIN else -(-(length - FIRST_PLAIN) // NEXT_PLAIN)


def new_wrapped_key(upload_id: UUID, keyring: Keyring) -> bytes:
    return keys.wrap_file_key(keyring, os.urandom(32), context_of(upload_id))


class _WholeWrites(io.FileIO):
    """An unbuffered file, readable by its owner only. `write` takes all or raises; a plain one takes less as the disk fills."""

    def __init__(self, path: str, mode: str):
        super().__init__(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600))

    def write(self, data) -> int:
        rest = memoryview(data)
        while rest:
            rest = rest[super().write(rest) :]
        return len(data)


class Incoming(AbstractContextManager):
    """The growing file of one upload, open for writing. `with Incoming(upload) as incoming:` under a lease only."""

    def __init__(self, upload: Upload):
        self._upload = upload
        self._path = incoming_path(upload.id)
        self._file_key = keys.unwrap_file_key(upload.vault.keyring, upload.wrapped_key, context_of(upload.id))

    def __enter__(self) -> "Incoming":
        if not self._path.exists():
            self._take_back()
        found = self._path.stat().st_size if self._path.exists() else 0
        self._raw = _WholeWrites(str(self._path), "w+" if found < HEADER else "r+")
        try:
            self._writer = self._begin() if found < HEADER else self._go_on(found)
        except BaseException:
            self._raw.close()
            raise
        return self

    def __exit__(self, *_error) -> None:
        self._raw.close()

    def _begin(self) -> SegmentWriter:
        return SegmentWriter(self._raw, self._file_key, context_of(self._upload.id).encode())

    def _go_on(self, found: int) -> SegmentWriter:
        # a last segment that was written and then not kept is written again from the tail
        on_file = min(segments_before(found), whole_segments(self._upload.length))
        self._cut_behind(on_file)
        tail = self._unseal_tail() if on_file == whole_segments(self._upload.offset) else b""
        return SegmentWriter.resume(self._raw, self._file_key, context_of(self._upload.id).encode(), tail)

    @property
    def size(self) -> int:
        """Plaintext bytes that have arrived."""
        return self._writer.size

    def write(self, piece: bytes) -> None:
        """Takes a piece. If the file cannot grow, the torn segment is cut off, OSError says why; `state` tells what is kept."""
        try:
            self._writer.write(piece)
        except OSError:
            self._cut_behind(segments_before(self._raw.seek(0, io.SEEK_END)))
            raise

    def state(self) -> dict[str, int | bytes]:
        """The row's `offset` and sealed `tail` that fit to what is safely in the file by now."""
        os.fsync(self._raw.fileno())
        segments = segments_before(self._raw.seek(0, io.SEEK_END))
        # after a failed write the writer holds more than a segment; the row keeps at most one
        offset = min(self.size, plain_before(segments + 1))
        tail = self._writer.tail[: offset - plain_before(segments)]
        return {"offset": offset, "tail": keys.seal(self._tail_key(), tail, self._tail_context(offset))}

    def finish(self) -> None:
        """Writes the last segment. May be done again after a crash, as long as the row keeps the tail."""
        self._writer.finish()
        os.fsync(self._raw.fileno())

    def keep(self, content_type: str) -> StoredObject:
        """Moves what was finished into the storage, as footage; in the transaction that keeps its row."""
        storages["ciphertext"].delete(self._name_in_storage())
        upload = self._upload
        return adopt(upload.id, upload.vault.keyring, "footage", content_type, self._file_key, upload.length)

    def reader(self) -> DecryptingReader:
        """Reads what was finished."""
        return DecryptingReader(self._path.open("rb"), self._file_key, context_of(self._upload.id).encode())

    def _cut_behind(self, segments: int) -> None:
        self._raw.truncate(min(self._raw.seek(0, io.SEEK_END), max(HEADER, segments * SEGMENT)))
        self._raw.seek(0, io.SEEK_END)

    def _tail_key(self) -> bytes:
        return keys.derive(self._file_key, "unfinished tail")

    def _tail_context(self, offset: int) -> str:
        return f"tail of {self._upload.id} at {offset}"

    def _unseal_tail(self) -> bytes:
        if not self._upload.tail:
            return b""
        return keys.unseal(self._tail_key(), self._upload.tail, self._tail_context(self._upload.offset))

    def _take_back(self) -> None:
        """A finished file had been moved to the storage when the transaction that would have kept it was lost."""
        name = self._name_in_storage()
        if not storages["ciphertext"].exists(name):
            return
        copy = self._path.with_suffix(".back")
        with open_ciphertext(name) as moved, _WholeWrites(str(copy), "w") as file:
            shutil.copyfileobj(moved, file, SEGMENT)
            os.fsync(file.fileno())
        copy.replace(self._path)

    def _name_in_storage(self) -> str:
        return StoredObject(id=self._upload.id, keyring=self._upload.vault.keyring).name


def arrived(upload: Upload) -> int:
    """Plaintext bytes of an unfinished upload that are safe by now, without changing anything."""
    path = incoming_path(upload.id)
    found = path.stat().st_size if path.exists() else 0
    if found < HEADER:
        return 0
    on_file = min(segments_before(found), whole_segments(upload.length))
    return upload.offset if on_file == whole_segments(upload.offset) else plain_before(on_file)
