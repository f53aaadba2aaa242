"""Where ciphertext rests: files by default. `twinvault.custody.s3` has the same for S3.

Both raise what files raise: FileNotFoundError where nothing is called so, FileExistsError instead of a second copy under another
name, PermissionError where the storage refuses us, OSError for the rest.
"""

import os
import shutil
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.core.files.storage import FileSystemStorage, storages

PIECE = 2**20


def open_ciphertext(name: str) -> BinaryIO:
    """A seekable reader of a ciphertext as it rests. On S3 it fetches the bytes that are asked for, and no others."""
    return storages["ciphertext"].open(name, "rb")


def sync_folder(folder: Path) -> None:
    """Makes what was renamed into a folder last over a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def copy_whole(source: BinaryIO, target: Path, by_way_of: Path) -> int:
    """Copies a file so that `target` is whole and lasting, or not there; returns its size in bytes."""
    try:
        descriptor = os.open(by_way_of, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            shutil.copyfileobj(source, file, PIECE)
            size = file.tell()
            file.flush()
            os.fsync(file.fileno())
        by_way_of.replace(target)
    except BaseException:
        by_way_of.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)
    return size


class OneOfAName:
    """A storage in which a name is given once: what is stored is found under the name it was stored by, or not at all."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        if self.exists(name):
            raise FileExistsError(f"the ciphertext storage holds another {name} already")
        return name


class FileCiphertext(OneOfAName, FileSystemStorage):
    """Ciphertext as files below one folder."""

    def put(self, name: str, source: BinaryIO) -> None:
        """Stores a copy of a file, whole or not at all, in the place of what had that name."""
        target = Path(self.path(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        settings.INCOMING_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
        # always by the same way: what a killed process left there is overwritten when it is done again
        copy_whole(source, target, by_way_of=settings.INCOMING_DIR / f"{target.name}.put")
