"""Rotation of master keys: every working key is wrapped anew, and no stored file is touched.

1. `prepare` adds the next master key to the key file without using it, so that the file can be copied to other machines first.
2. `begin` makes it, or a fresh one, the current key: keyrings that are made from now on take it.
3. `rewrap_all` wraps the working keys of all other keyrings by the current key, in batches, while the site runs.
4. `retire` takes a key that wraps nothing any more out of the key file.

Each step may be broken off at any moment and begun again: a keyring is always under a key that is in the file. Several processes
may do it at once: a row is changed only if it is still as it was read (compare and swap).

Whoever needs both takes the database's lock first and the key file's second. The file is replaced just before the transaction
that records it ends, so a crash in between leaves a deed without its record, never a record of what did not happen.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet

from twinvault.audit.record import record
from twinvault.custody import keys
from twinvault.custody.models import Keyring, in_use

log = logging.getLogger(__name__)
# a few hundredths of a second in which nobody else writes on SQLite
BATCH = 250


class RotationRefused(RuntimeError):
    """The key cannot be taken away, or there is no such key. The message is one sentence for the operator."""


def prepare(new: bool = False) -> tuple[str, bool]:
    """(id of the key that comes next, whether it was added now). One that was prepared already is kept, except with `new`."""
    with transaction.atomic(), keys.edit_key_file(settings.ENV.master_key_file) as file:
        if file.prepared is not None and not new:
            return file.prepared, False
        key_id = file.add(make_current=False)
        record("master key prepared", target=f"master key {key_id}")
        return key_id, True


def begin(new: bool = False) -> tuple[str, bool]:
    """(id of the current key, whether it became so now). A rotation that has not ended is gone on with, except with `new`."""
    with transaction.atomic(), keys.edit_key_file(settings.ENV.master_key_file) as file:
        if not new and not_under_current(file).exists():
            return file.current, False
        before = file.current
        key_id = file.add(make_current=True) if new or file.prepared is None else file.take_prepared()
        record("master key made current", target=f"master key {key_id}", before=before)
        return key_id, True


def not_under_current(file: keys.KeyFile | None = None) -> QuerySet[Keyring]:
    """Keyrings that a rotation still has to wrap anew. Those whose master key is lost are not among them."""
    file = file or keys.key_file()
    return in_use().filter(master_key_id__in=set(file.keys) - {file.current})


@dataclass(frozen=True)
class Batch:
    """What became of some keyrings in one go."""

    wrapped: int
    """how many are under the current master key by this"""
    unopened: frozenset[UUID]
    """ids of those that did not open; they were logged, and are as they were"""
    overtaken: bool
    """whether another process changed some of them meanwhile, perhaps to a master key that is not the current one any more"""


def rewrap_all() -> Iterator[Batch]:
    """Wraps all working keys by the current master key, batch by batch."""
    again = True
    # once more after the last, for keyrings that were just being made when the key changed
    while again:
        again, last = False, None
        while waiting := _batch_after(last):
            last = waiting[-1].id
            batch = _rewrap(waiting)
            again |= batch.wrapped > 0 or batch.overtaken
            yield batch


def _batch_after(last) -> list[Keyring]:
    waiting = not_under_current().order_by("id")
    return list(waiting[:BATCH] if last is None else waiting.filter(id__gt=last)[:BATCH])


def _rewrap(batch: list[Keyring]) -> Batch:
    working, unopened = {}, set()
    for keyring in batch:
        try:
            working[keyring] = keys.working_key(keyring)
        except keys.KeyUnavailable as error:
            log.error("keyring %s is left under master key %s: %s", keyring.id, keyring.master_key_id, error)
            unopened.add(keyring.id)
    while working:
        target, _ = keys.master_keys()
        wrapped = {keyring: keys.wrap_working_key(keyring, key, target) for keyring, key in working.items()}
        with transaction.atomic():
            count = sum(_swap(keyring, target, fresh) for keyring, fresh in wrapped.items())
            # asked before the record is written: its own keyring may be among those that were just wrapped
            if keys.still_there(target):
                if count:
                    record("keyrings wrapped anew", target=f"master key {target}", keyrings=count)
                return Batch(count, frozenset(unopened), overtaken=count < len(working))
            transaction.set_rollback(True)
    return Batch(0, frozenset(unopened), overtaken=False)


def _swap(keyring: Keyring, target: str, wrapped: bytes) -> int:
    unchanged = Keyring.objects.filter(id=keyring.id, master_key_id=keyring.master_key_id, wrapped_key=bytes(keyring.wrapped_key))
    return unchanged.update(master_key_id=target, wrapped_key=wrapped)


def retire(key_id: str) -> None:
    """Takes a master key that wraps nothing any more out of the key file. RotationRefused says why not.

    What it had wrapped in older copies of the database, backups among them, opens no more by this key file.
    """
    path = settings.ENV.master_key_file
    with transaction.atomic():
        _hold_off_writers()
        with keys.edit_key_file(path) as file:
            if key_id not in file.keys:
                raise RotationRefused(f"There is no master key {key_id} in {path}. There are: {', '.join(file.keys)}.")
            if key_id == file.current:
                raise RotationRefused(f"{key_id} is the current master key. Rotate first: manage.py rotate_master_key --new")
            if count := in_use().filter(master_key_id=key_id).count():
                raise RotationRefused(
                    f"{count} keyrings are still wrapped by {key_id} and would be lost. First: manage.py rotate_master_key"
                )
            file.remove(key_id)
            record("master key retired", target=f"master key {key_id}")


def _hold_off_writers() -> None:
    """Waits for those who are writing keyrings, and keeps others from it until the transaction ends."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {connection.ops.quote_name(Keyring._meta.db_table)} IN SHARE MODE")
    # on SQLite the transaction itself is the one writer (transaction_mode IMMEDIATE)
