"""Ciphertext on S3: sent in parts, read by ranges; nothing passes through memory or a temporary file as a whole."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from botocore.exceptions import BotoCoreError, ClientError
from django.core.files import File
from storages.backends.s3 import S3Storage
from storages.utils import clean_name

from twinvault.custody.ciphertext import OneOfAName
from twinvault.custody.reading import SizedReader


@contextmanager
def _errors_of_files(name: str) -> Iterator[None]:
    """Raises what a file would raise, so that nobody above needs to know where ciphertext rests."""
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if status == 404 and error.response.get("Error", {}).get("Code") != "NoSuchBucket":
            raise FileNotFoundError(errno.ENOENT, "no such object in the S3 bucket", name) from error
        if status in {401, 403}:
            raise PermissionError(errno.EACCES, f"the S3 server refuses us: {error}", name) from error
        raise OSError(errno.EIO, f"the S3 server cannot do it: {error}", name) from error
    except BotoCoreError as error:
        raise OSError(errno.EIO, f"the S3 server cannot be used: {error}", name) from error


class RangeReader(SizedReader):
    """Reads one object, seekable. Each read is one request for just these bytes. FileNotFoundError if there is no such object."""

    def __init__(self, client, bucket: str, key: str):
        super().__init__()
        self._client, self._where = client, {"Bucket": bucket, "Key": key}
        with _errors_of_files(key):
            self.size = client.head_object(**self._where)["ContentLength"]

    def read(self, size: int | None = -1) -> bytes:
        """All that was asked for; fewer bytes only where the object ends."""
        if self.closed:
            raise ValueError("read of a closed file")
        end = self.end_of(size)
        if end <= self._at:
            return b""
        with _errors_of_files(self._where["Key"]):
            answer = self._client.get_object(**self._where, Range=f"bytes={self._at}-{end - 1}")
            with answer["Body"] as body:
                piece = body.read()
        if len(piece) != end - self._at:
            raise OSError(errno.EIO, f"the S3 server gave {len(piece)} bytes instead of {end - self._at}", self._where["Key"])
        self._at = end
        return piece

    def readinto(self, buffer) -> int:
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


class S3Ciphertext(OneOfAName, S3Storage):
    """Ciphertext in one S3 bucket. Needs GetObject, PutObject, DeleteObject and ListBucket, and nothing public."""

    def _open(self, name: str, mode: str = "rb") -> File:
        if mode != "rb":
            raise ValueError("a ciphertext is read only; save a new one instead")
        key = self._normalize_name(clean_name(name))
        return File(RangeReader(self.connection.meta.client, self.bucket_name, key), name)

    def _save(self, name: str, content: File) -> str:
        with _errors_of_files(name):
            return super()._save(name, content)

    def put(self, name: str, source: BinaryIO) -> None:
        """Stores a copy of a file, whole or not at all, in the place of what had that name."""
        self._save(name, File(source, name))

    def exists(self, name: str) -> bool:
        with _errors_of_files(name):
            return super().exists(name)

    def size(self, name: str) -> int:
        with _errors_of_files(name):
            return super().size(name)

    def delete(self, name: str) -> None:
        with _errors_of_files(name):
            super().delete(name)
