"""Restoring a backup into an empty installation.

1. Refuse what cannot end well: a damaged folder, keys that are not here, other tables, a database that is in use.
2. `migrate`.
3. Copy the ciphertext into this installation's storage; what is there already is left. No row names it yet.
4. In one transaction: all rows, the numbering after them, a look into every object, and the deed in the record.

Nothing of it can be seen before 4 is through, so a run that was killed is simply run again.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.files.storage import storages
from django.core.management import call_command
from django.core.management.color import no_style
from django.core.serializers.base import DeserializationError
from django.db import DatabaseError, connection, transaction

from twinvault.audit.models import Entry
from twinvault.audit.record import reset_anchors
from twinvault.custody import objects
from twinvault.custody.archive import ObjectSealed
from twinvault.custody.backup.folder import BackupUnusable, Folder, Header
from twinvault.custody.backup.rows import migrations_applied, models_carried, read_rows, rows_of
from twinvault.custody.ciphertext import open_ciphertext
from twinvault.custody.keys import KeyUnavailable
from twinvault.custody.models import Keyring, StoredObject
from twinvault.custody.stream import HEADER, StreamDamaged

DEED = "backup restored"
SAID_EVERY = 1000


def restore_backup(path: Path, say: Callable[[str], object], verify: bool = False) -> Header:
    """Fills this installation with a backup; returns its header. BackupUnusable, with nothing changed, if it cannot.

    With `verify` every object is decrypted from end to end, else its first and last segment. Run again after it has ended, it
    only opens the objects again.
    """
    folder = Folder(path)
    header = _require_sound(folder)
    if _is_restored(header):
        say("this backup is restored already")
        _require_opening(verify, say)
        return header
    _require_empty()
    say("making the tables")
    call_command("migrate", interactive=False, verbosity=0)
    _require_same_tables(header)
    _copy_objects(folder, header, say)
    with transaction.atomic():
        _require_empty()
        _restore_rows(folder, header, say)
        _require_opening(verify, say)
        _note_the_deed(header)
    _make_lasting()
    return header


def _require_sound(folder: Folder) -> Header:
    """Everything that can be said of the folder without touching this installation."""
    header = folder.header()
    if header is None:
        raise BackupUnusable(f"{folder.path} holds no backup: there is no backup.json in it.")
    folder.file_key(header)
    folder.require_whole_rows(header)
    found = 0
    for stored in _objects_of(folder, header):
        if not folder.holds(stored.name, stored.size):
            raise BackupUnusable(f"The backup in {folder.path} is damaged: object {stored.name} is missing or cut off.")
        found += 1
    if found != header.objects:
        raise BackupUnusable(f"The backup in {folder.path} is damaged: it names {found} objects instead of {header.objects}.")
    return header


def _objects_of(folder: Folder, header: Header) -> Iterator[StoredObject]:
    with folder.lines(header) as lines:
        yield from rows_of(StoredObject, lines)


def _has_rows(model) -> bool:
    return model._meta.db_table in connection.introspection.table_names() and model._base_manager.exists()


def _is_restored(header: Header) -> bool:
    """A run that was killed after its transaction, or the second of two, finds its own deed."""
    last = Entry.objects.filter(verb=DEED).order_by("-id").first() if _has_rows(Entry) else None
    return last is not None and last.target == _target(header)


def _target(header: Header) -> str:
    return f"backup {header.id}"


def _note_the_deed(header: Header) -> None:
    """The record goes on from where the backup ended. A later run knows by this that there is nothing left to do."""
    reset_anchors(DEED, _target(header))


def _require_empty() -> None:
    for model in (get_user_model(), Keyring, StoredObject):
        if _has_rows(model):
            raise BackupUnusable(
                f"The database of this installation is in use: it has {model._meta.verbose_name_plural}. "
                "A backup is restored into an empty one."
            )


def _require_same_tables(header: Header) -> None:
    here, there = set(migrations_applied()), set(header.migrations)
    if here != there:
        more, less = sorted(here - there), sorted(there - here)
        which = f"without {', '.join(more)}" if more else f"with {', '.join(less)}"
        raise BackupUnusable(
            f"The backup was made by another version of TwinVault, of {header.made_at[:10]}, {which}: restore it with that "
            "version, and update afterwards."
        )


def _copy_objects(folder: Folder, header: Header, say: Callable[[str], object]) -> None:
    storage, done = storages["ciphertext"], 0
    for stored in _objects_of(folder, header):
        with folder.object_path(stored.name).open("rb") as source:
            if not _is_there(stored.name, source):
                source.seek(0)
                storage.put(stored.name, source)
        done += 1
        if done % SAID_EVERY == 0:
            say(f"{done} of {header.objects} objects copied")
    say(f"{done} of {header.objects} objects copied")


def _is_there(name: str, source) -> bool:
    """Whether the storage holds this very ciphertext: as long, and with the same random first bytes."""
    try:
        with open_ciphertext(name) as there:
            same_size = there.seek(0, os.SEEK_END) == source.seek(0, os.SEEK_END)
            there.seek(0)
            source.seek(0)
            return same_size and there.read(HEADER) == source.read(HEADER)
    except FileNotFoundError:
        return False


@contextmanager
def _named(what: Callable[[], str]) -> Iterator[None]:
    try:
        yield
    except (DatabaseError, DeserializationError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise BackupUnusable(f"{what()} cannot be restored, so nothing was: {reason}") from error


def _restore_rows(folder: Folder, header: Header, say: Callable[[str], object]) -> None:
    """Puts the rows of the backup in the place of those that `migrate` has made; within a transaction."""
    models = models_carried()
    for model in reversed(models):
        if model._base_manager.exists():
            model._base_manager.all()._raw_delete(using=connection.alias)
    counts = dict.fromkeys(header.counts, 0)
    label, row = "The first row", None
    with folder.lines(header) as lines, _named(lambda: f"{label} {row.object.pk if row else ''}".strip()):
        for row in read_rows(lines):
            label = row.object._meta.label_lower
            row.save(force_insert=True)
            counts[label] += 1
    if counts != header.counts:
        raise BackupUnusable(f"The backup in {folder.path} is damaged: its rows are not as many as its header says.")
    with _named(lambda: "A row that refers to another one"):
        connection.check_constraints()
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)
    say(f"{sum(counts.values())} rows restored")


def _require_opening(verify: bool, say: Callable[[str], object]) -> None:
    """Opens every object: its last and first segment, or with `verify` all of it. What is sealed opens for its owner alone."""
    opened = sealed = 0
    held = StoredObject.objects.exclude(wrapped_key=b"").select_related("keyring")
    for stored in held.order_by("id").iterator():
        try:
            with objects.open_object(stored) as reader:
                # to be open, it has shown its last segment
                while reader.read(2**20 if verify else 1) and verify:
                    pass
        except ObjectSealed:
            sealed += 1
            continue
        except (StreamDamaged, KeyUnavailable, FileNotFoundError) as error:
            raise BackupUnusable(f"Object {stored.name} does not open, so nothing was restored: {error}") from error
        opened += 1
    say(f"{opened} objects {'decrypted' if verify else 'open'}, {sealed} are sealed")


def _make_lasting() -> None:
    """SQLite in WAL mode writes a transaction through to the disk with the next checkpoint only."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
