"""Verbs on stored objects: create, open, read, erase. Plaintext passes through memory only."""

import hmac
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

from django.conf import settings
from django.core.files import File
from django.core.files.storage import storages
from django.db import transaction
from django.db.models import QuerySet

from twinvault.custody import keys
from twinvault.custody.archive import context_of, file_key_of, wrap_for
from twinvault.custody.ciphertext import open_ciphertext
from twinvault.custody.models import Keyring, Lending, LentKey, StoredObject
from twinvault.custody.stream import DecryptingReader, SegmentWriter

IDS_AT_ONCE = 10_000


def incoming_path(object_id: UUID) -> Path:
    """Where the ciphertext of an object grows until it is whole."""
    settings.INCOMING_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
    return settings.INCOMING_DIR / str(object_id)


class _Finished(File):
    """A finished ciphertext file. A file storage moves it into place, any other reads it."""

    def temporary_file_path(self) -> str:
        return self.file.name


def adopt(object_id: UUID, keyring: Keyring, kind: str, content_type: str, file_key: bytes, size: int) -> StoredObject:
    """Moves a finished ciphertext from the incoming folder into the storage and makes its row, with its key wrapped."""
    row = StoredObject(id=object_id, keyring=keyring, kind=kind, content_type=content_type, size=size)
    path = incoming_path(object_id)
    with path.open("rb") as file:
        os.fsync(file.fileno())
        storages["ciphertext"].save(row.name, _Finished(file, name=row.name))
    path.unlink(missing_ok=True)
    try:
        with transaction.atomic():
            _save_wrapped(row, file_key)
    except BaseException:
        storages["ciphertext"].delete(row.name)
        raise
    return row


def _save_wrapped(row: StoredObject, file_key: bytes) -> None:
    wrap = wrap_for(row.keyring, row.kind, row.id, file_key)
    row.wrapped_key, row.sealed = wrap.wrapped_key, wrap.sealed
    row.save(force_insert=True)
    for lent in wrap.lent:
        lent.stored = row
    LentKey.objects.bulk_create(wrap.lent)


class ObjectWriter(AbstractContextManager):
    """Writes one object. Leaving the block stores it in `.stored`; an exception inside the block leaves nothing behind.

    An import brings the `object_id` that the object had; what a killed import left of it is written over.
    """

    def __init__(
        self,
        keyring: Keyring,
        kind: str,
        content_type: str = "application/octet-stream",
        object_id: UUID | None = None,
    ):
        self._id = object_id or uuid4()
        if object_id:
            incoming_path(object_id).unlink(missing_ok=True)
            storages["ciphertext"].delete(StoredObject(id=object_id, keyring=keyring).name)
        self._keyring, self._kind, self._content_type = keyring, kind, content_type
        self._file_key = os.urandom(32)
        self._raw = incoming_path(self._id).open("xb")
        self._writer = SegmentWriter(self._raw, self._file_key, context_of(self._id).encode())
        self.stored: StoredObject | None = None

    def write(self, data: bytes | memoryview) -> int:
        return self._writer.write(data)

    def tell(self) -> int:
        return self._writer.size

    def __exit__(self, error_type, error, trace) -> None:
        try:
            if error_type is None:
                size = self._writer.finish()
                self._raw.close()
                self.stored = adopt(self._id, self._keyring, self._kind, self._content_type, self._file_key, size)
        finally:
            self._raw.close()
            incoming_path(self._id).unlink(missing_ok=True)


def store(keyring: Keyring, kind: str, data: bytes, content_type: str = "application/octet-stream") -> StoredObject:
    with ObjectWriter(keyring, kind, content_type) as writer:
        writer.write(data)
    assert writer.stored is not None
    return writer.stored


def store_stream(keyring: Keyring, kind: str, source: BinaryIO, content_type: str = "application/octet-stream") -> StoredObject:
    with ObjectWriter(keyring, kind, content_type) as writer:
        while piece := source.read(2**20):
            writer.write(piece)
    assert writer.stored is not None
    return writer.stored


def open_object(stored: StoredObject, lending: Lending | None = None) -> DecryptingReader:
    """A seekable reader of the plaintext.

    StreamDamaged if the ciphertext was tampered with, FileNotFoundError if it is gone, ObjectSealed if it is sealed and nothing
    lends it; `lending` names one that is not general.
    """
    file_key = file_key_of(stored, lending)
    raw = open_ciphertext(stored.name)
    return DecryptingReader(raw, file_key, context_of(stored.id).encode(), name=f"{stored.kind} {stored.id}")


def read(stored: StoredObject) -> bytes:
    with open_object(stored) as reader:
        return reader.read()


def read_range(stored: StoredObject, offset: int, length: int) -> bytes:
    with open_object(stored) as reader:
        reader.seek(offset)
        return reader.read(length)


def erase(stored: StoredObject | None) -> None:
    """Destroys the key with the row now, and the ciphertext once that is committed."""
    if stored is None:
        return
    name = stored.name
    stored.delete()
    transaction.on_commit(lambda: storages["ciphertext"].delete(name))


def destroy_keys(ids: QuerySet | list[UUID]) -> int:
    """From its commit on nothing opens these objects any more; how many there are. Their rows and ciphertext stay for now."""
    chosen = list(ids)
    count = 0
    for start in range(0, len(chosen), IDS_AT_ONCE):
        some = chosen[start : start + IDS_AT_ONCE]
        LentKey.objects.filter(stored_id__in=some).delete()
        count += StoredObject.objects.filter(id__in=some).update(wrapped_key=b"")
    return count


def fingerprint(keyring: Keyring, source: BinaryIO) -> str:
    """Keyed digest of a stream (HMAC-SHA256, hex): tells the same bytes again, and tells a thief nothing."""
    digest = hmac.new(keys.derive(keys.working_key(keyring), "fingerprints"), digestmod="sha256")
    while piece := source.read(2**20):
        digest.update(piece)
    return digest.hexdigest()
