"""The folder of a backup: where what lies, its header, and the encrypted rows."""

import fcntl
import hashlib
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import BinaryIO

from twinvault.custody import keys
from twinvault.custody.ciphertext import sync_folder
from twinvault.custody.stream import DecryptingReader, SegmentWriter, StreamDamaged, plain_size

FORMAT = 1
OWN = {"backup.json", "backup.json.new", "rows", "objects", ".lock"}


class BackupUnusable(Exception):
    """The backup cannot be made or used. One sentence for the operator, with what to do."""


@dataclass(frozen=True)
class Header:
    """What `backup.json` says. `rows_sha256` is of the encrypted rows; counts are rows a model; sizes are bytes of ciphertext."""

    format: int
    id: str
    made_at: str
    rows_sha256: str
    rows_size: int
    counts: dict[str, int]
    objects: int
    objects_size: int
    migrations: list[str]
    master_keys: list[str]
    wrapped_by: str
    wrapped_key: str


_TYPES = {field.name: getattr(field.type, "__origin__", field.type) for field in fields(Header)}


def _purpose(backup_id: str) -> str:
    return f"backup {backup_id}"


def _wrapping_key(master_key: bytes) -> bytes:
    return keys.derive(master_key, "wrap backup keys")


def sealed_header(header: Header, file_key: bytes) -> Header:
    """The header with the wrapped key of its rows, which opens only as long as nothing of the header is changed."""
    master = keys.master_keys()[1][header.wrapped_by]
    return replace(header, wrapped_key=keys.seal(_wrapping_key(master), file_key, _digest(header)).hex())


def _digest(header: Header) -> str:
    said = json.dumps(asdict(replace(header, wrapped_key="")), sort_keys=True)
    return f"{_purpose(header.id)} {hashlib.sha256(said.encode()).hexdigest()}"


class _Digested(io.RawIOBase):
    """Writes into a file and keeps the digest of what went through."""

    def __init__(self, raw: BinaryIO):
        super().__init__()
        self._raw, self.digest, self.size = raw, hashlib.sha256(), 0

    def write(self, data) -> int:
        self._raw.write(data)
        self.digest.update(data)
        self.size += len(data)
        return len(data)


class RowsWriter:
    """Takes text and writes it, encrypted under a fresh key, as the rows of the backup `backup_id`."""

    def __init__(self, raw: BinaryIO, backup_id: str):
        self.file_key = os.urandom(32)
        self._below = _Digested(raw)
        self._writer = SegmentWriter(self._below, self.file_key, _purpose(backup_id).encode())

    def write(self, text: str) -> int:
        return self._writer.write(text.encode())

    def finish(self) -> tuple[str, int]:
        """(SHA-256 in hex, size) of the encrypted rows."""
        self._writer.finish()
        return self._below.digest.hexdigest(), self._below.size


class Folder:
    """A backup on disk."""

    def __init__(self, path: Path):
        self.path = path.absolute()

    def object_path(self, name: str) -> Path:
        return self.path / "objects" / name

    def rows_path(self, backup_id: str) -> Path:
        return self.path / "rows" / backup_id

    def header(self) -> Header | None:
        """None where there is no backup. BackupUnusable if it is damaged or of a format unknown here."""
        try:
            said = json.loads((self.path / "backup.json").read_text())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            raise BackupUnusable(f"The backup in {self.path} is damaged: backup.json cannot be read ({error}).") from error
        found = said.get("format") if isinstance(said, dict) else None
        if isinstance(found, int) and found != FORMAT:
            raise BackupUnusable(f"The backup in {self.path} has format {found}; this version of TwinVault reads {FORMAT}.")
        try:
            return Header(**said)
        except TypeError as error:
            raise BackupUnusable(f"The backup in {self.path} is damaged: backup.json is not complete.") from error

    def keep_header(self, header: Header) -> None:
        """The moment from which on this is the backup."""
        new = self.path / "backup.json.new"
        with new.open("w") as file:
            json.dump(asdict(header), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path / "backup.json")
        sync_folder(self.path)

    def file_key(self, header: Header) -> bytes:
        """What opens the rows. BackupUnusable without all master keys, or if the header is not what was written."""
        here = keys.master_keys()[1]
        missing = sorted({*map(str, header.master_keys), header.wrapped_by} - set(here))
        if missing:
            raise BackupUnusable(
                f"The backup in {self.path} needs what is not in this installation's key file: master key {', '.join(missing)}."
            )
        try:
            return keys.unseal(_wrapping_key(here[header.wrapped_by]), bytes.fromhex(header.wrapped_key), _digest(header))
        except (keys.KeyUnavailable, ValueError) as error:
            raise BackupUnusable(f"The backup in {self.path} is damaged: backup.json is not what was written.") from error

    def require_whole_rows(self, header: Header) -> None:
        try:
            with self.rows_path(header.id).open("rb") as file:
                same = hashlib.file_digest(file, "sha256").hexdigest() == header.rows_sha256
        except OSError:
            same = False
        if not same:
            raise BackupUnusable(f"The backup in {self.path} is damaged: its rows are not those that were written.")

    @contextmanager
    def lines(self, header: Header) -> Iterator[io.TextIOWrapper]:
        """The rows, decrypted, line by line."""
        file_key = self.file_key(header)
        try:
            reader = DecryptingReader(self.rows_path(header.id).open("rb"), file_key, _purpose(header.id).encode())
            with io.TextIOWrapper(io.BufferedReader(reader, 2**20), encoding="utf-8") as text:
                yield text
        except StreamDamaged as error:
            raise BackupUnusable(f"The backup in {self.path} is damaged: its rows do not open ({error}).") from error

    def holds(self, name: str, size: int) -> bool:
        """Whether there is a ciphertext of this name that is as long as one of `size` bytes of plaintext."""
        path = self.object_path(name)
        return path.is_file() and plain_size(path.stat().st_size) == size

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One writer at a time; the lock goes with its process."""
        with (self.path / ".lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BackupUnusable(f"Another backup into {self.path} is running: wait for its end.") from error
            yield
