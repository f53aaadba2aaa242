"""Making a backup of a running site.

1. Copy the ciphertext of all objects that are not in the folder yet. That takes long, and the site changes meanwhile.
2. In one snapshot, copy what objects it names beyond those, and take the rows. If one was erased in between, begin again.
3. Replace the header: from here on this is the backup.
4. Remove the rows of the backup before it, and the ciphertext that no row names any more.

A kill before 3 leaves the previous backup valid, a kill after it the new one; the next run removes what is left over.

Files of uploads under way are not copied. Their rows are, and a restored site tells the browser that nothing of the file has
arrived, whereupon it sends it from the beginning.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from django.conf import settings

from twinvault.custody import keys
from twinvault.custody.backup.folder import FORMAT, OWN, BackupUnusable, Folder, Header, RowsWriter, sealed_header
from twinvault.custody.backup.rows import migrations_applied, models_carried, write_rows
from twinvault.custody.backup.snapshot import snapshot
from twinvault.custody.ciphertext import copy_whole, open_ciphertext, sync_folder
from twinvault.custody.models import StoredObject
from twinvault.custody.stream import HEADER

TRIES = 30
A_PAGE = 500
_OBJECTS = StoredObject.objects.only("id", "keyring_id", "size").order_by("id")


class _Gone(Exception):
    """Objects that the snapshot names have no ciphertext; its only argument is their ids."""


def make_backup(path: Path, say: Callable[[str], object]) -> Header:
    """Makes or renews the backup in a folder; returns its header. `say` is told what happens. BackupUnusable if it cannot."""
    folder = Folder(path)
    _require_fit(folder)
    for below in (folder.path, folder.path / "objects", folder.path / "rows"):
        below.mkdir(parents=True, exist_ok=True, mode=0o700)
    with folder.locked():
        making = _Making(folder)
        for _ in range(TRIES):
            making.copy_objects()
            say(f"{making.copied} new objects copied")
            try:
                header, named = making.take_rows()
                break
            except _Gone as gone:
                _require_erased(gone.args[0])
                say("an object was erased meanwhile: once more")
        else:
            raise BackupUnusable("The site erases objects faster than they can be copied: try again when it is quieter.")
        folder.keep_header(header)
        removed = making.remove_what_is_not(header, named)
        say(f"{removed} objects removed that were erased since the last time")
    return header


def _require_fit(folder: Folder) -> None:
    """The folder must be empty or hold a backup of this installation, and lie apart from the data."""
    if folder.path.resolve().is_relative_to(settings.DATA_DIR) or settings.DATA_DIR.is_relative_to(folder.path.resolve()):
        raise BackupUnusable(f"{folder.path} and the data folder lie in each other: a lost disk would take both.")
    if folder.path.exists() and not folder.path.is_dir():
        raise BackupUnusable(f"{folder.path} is not a folder.")
    if folder.path.exists() and not {entry.name for entry in folder.path.iterdir()} <= OWN:
        raise BackupUnusable(f"{folder.path} holds other things than a backup: name an empty folder.")
    if before := folder.header():
        folder.file_key(before)


def _require_erased(ids: list[UUID]) -> None:
    """A row goes before its ciphertext does. Where a row is still there, the ciphertext is lost."""
    lost = StoredObject.objects.filter(id__in=ids[:100]).first()
    if lost:
        raise BackupUnusable(f"The ciphertext of object {lost.name} is lost: put it back into the storage first.")


class _Making:
    """One run. What it has once compared with the storage it does not compare again."""

    def __init__(self, folder: Folder):
        self._folder = folder
        self._sure: set[UUID] = set()
        self.copied = 0

    def copy_objects(self) -> None:
        """Brings the folder up to what is in the storage now; what is being erased meanwhile is left to the snapshot."""
        # page by page: one long query would hold up SQLite's write-ahead log for hours, and let it grow
        page = _page_after(UUID(int=0))
        while page:
            for stored in page:
                with suppress(FileNotFoundError):
                    self._bring(stored)
            page = _page_after(page[-1].id)

    def take_rows(self) -> tuple[Header, set[UUID]]:
        """Copies what the rows of one moment name, and writes the rows; returns the header to be, and the objects named."""
        backup_id = str(uuid4())
        path = self._folder.rows_path(backup_id)
        try:
            with snapshot(), path.open("xb") as raw:
                os.fchmod(raw.fileno(), 0o600)
                # at once, before what the snapshot names can be erased
                named, objects_size = self._bring_all()
                rows = RowsWriter(raw, backup_id)
                counts = write_rows(rows)
                digest, size = rows.finish()
                os.fsync(raw.fileno())
                header = Header(
                    format=FORMAT,
                    id=backup_id,
                    made_at=datetime.now(UTC).isoformat(timespec="seconds"),
                    rows_sha256=digest,
                    rows_size=size,
                    counts=counts,
                    objects=len(named),
                    objects_size=objects_size,
                    migrations=migrations_applied(),
                    master_keys=_master_keys_needed(),
                    wrapped_by=keys.master_keys()[0],
                    wrapped_key="",
                )
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
        return sealed_header(header, rows.file_key), named

    def _bring_all(self) -> tuple[set[UUID], int]:
        """Every object of the snapshot, and the bytes of their ciphertext."""
        named, size, gone = set(), 0, []
        # the newest first: they are those that are missing here, and the likeliest to go
        for stored in _OBJECTS.order_by("-created_at").iterator():
            try:
                size += self._bring(stored)
                named.add(stored.id)
            except FileNotFoundError:
                gone.append(stored.id)
        if gone:
            raise _Gone(gone)
        return named, size

    def _bring(self, stored: StoredObject) -> int:
        """Copies a ciphertext unless the folder holds it; returns its bytes. FileNotFoundError if it is gone."""
        path = self._folder.object_path(stored.name)
        if stored.id not in self._sure:
            with open_ciphertext(stored.name) as source:
                # an object is written once, and its first bytes are random: where they are the same, the rest is
                if not (self._folder.holds(stored.name, stored.size) and _begins(path, source.read(HEADER))):
                    source.seek(0)
                    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                    copy_whole(source, path, by_way_of=path.with_suffix(".new"))
                    self.copied += 1
            if not self._folder.holds(stored.name, stored.size):
                raise BackupUnusable(f"The ciphertext of object {stored.name} has not the size that its row says: it is damaged.")
            self._sure.add(stored.id)
        return path.stat().st_size

    def remove_what_is_not(self, header: Header, named: set[UUID]) -> int:
        """Leaves only what the header and its rows name; returns how many objects went."""
        for path in list((self._folder.path / "rows").iterdir()):
            if path.name != header.id:
                path.unlink()
        names = {str(object_id) for object_id in named}
        gone = [path for path in (self._folder.path / "objects").glob("*/*") if path.name not in names]
        for path in gone:
            path.unlink()
        for keyring in {path.parent for path in gone}:
            if not any(keyring.iterdir()):
                keyring.rmdir()
        return len(gone)


def _page_after(object_id: UUID) -> list[StoredObject]:
    return list(_OBJECTS.filter(id__gt=object_id)[:A_PAGE])


def _begins(path: Path, header: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(header)) == header


def _master_keys_needed() -> list[str]:
    """Ids of all master keys that wrap anything in the rows, and of the current one."""
    needed = {keys.master_keys()[0]}
    for model in models_carried():
        if any(field.name == "master_key_id" for field in model._meta.get_fields()):
            needed.update(model._base_manager.values_list("master_key_id", flat=True).distinct().order_by())
    return sorted(key_id for key_id in needed if key_id)
