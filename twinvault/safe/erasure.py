"""Erasing for good: keys first, then rows, then files; with a receipt.

1. `ask`: in one transaction the keys of everything that goes are destroyed. From its commit on nothing of it opens, whatever else
   happens. It takes neither the secondary password nor an open safe: nobody is locked out of erasing.
2. `erase`, a job that may be killed and begun again at any moment: rows, then a line of the receipt for every object, then files.
3. The receipt says how much is gone, and has a digest of every ciphertext, by which an old copy is known again.
"""

import hashlib
from datetime import timedelta
from uuid import UUID

from django.core.files.storage import storages
from django.db import transaction
from django.db.models import Count, ProtectedError, Q, Sum
from django.utils import timezone

from twinvault.audit.record import record
from twinvault.custody.ciphertext import open_ciphertext
from twinvault.custody.models import SOURCE_KINDS, Archive, Keyring, StoredObject
from twinvault.custody.objects import destroy_keys
from twinvault.custody.residue import forget_patiently
from twinvault.jobs.models import Job
from twinvault.jobs.services import OPEN, enqueue
from twinvault.jobs.services import stop as stop_job
from twinvault.safe import exports
from twinvault.safe.holdings import holdings
from twinvault.safe.models import ErasedObject, Erasure, Scope
from twinvault.vaults.models import Vault

ERASE = "erase"
BATCH = 200
PIECE = 2**20
# an object that is being written while its rows are taken away is met at the next round
ROUNDS = 5
AGAIN_AFTER = timedelta(minutes=1)


@transaction.atomic
def ask(vault: Vault, scope: Scope, *, by=None) -> Erasure:
    """Destroys the keys of all that `scope` takes, stops work on it, and queues the rest. Who asks has proved who they are."""
    Vault.objects.select_for_update().get(id=vault.id)
    going = _going(vault.keyring_id, scope)
    expected = destroy_keys(going.values_list("id", flat=True))
    erasure = Erasure.objects.create(
        vault_id=vault.id, keyring_id=vault.keyring_id, scope=scope, expected=expected, asked_by=by if by and by.pk else None
    )
    exports.end_all(vault, by=by)
    for holding in holdings():
        holding.destroy_keys(vault, scope)
    for job in vault.jobs.filter(state__in=OPEN).exclude(kind=ERASE):
        stop_job(job)
    if scope == Scope.VAULT:
        # nobody enters any more, whatever becomes of the rest
        vault.memberships.all().delete()
        _destroy_working_key(vault.keyring_id)
    record("erasure asked for", actor=by, vault_id=vault.id, target=erasure, scope=scope, objects=expected)
    _enqueue(erasure)
    return erasure


def _enqueue(erasure: Erasure) -> Job:
    # a job of the vault would go with the vault
    return enqueue(ERASE, erasure.id, queue="cpu", title="Erase for good, and write the receipt")


def _going(keyring_id: UUID, scope: str):
    rows = StoredObject.objects.filter(keyring_id=keyring_id)
    return rows.filter(kind__in=(*SOURCE_KINDS, "export")) if scope == Scope.SOURCES else rows


def _destroy_working_key(keyring_id: UUID) -> None:
    """The key of all keys of a vault: what it wrapped in any older copy of a row stays shut against today's database."""
    Keyring.objects.filter(id=keyring_id).update(wrapped_key=b"")
    Archive.objects.filter(keyring_id=keyring_id).delete()


def erase(erasure_id: UUID, work) -> None:
    """Job handler: carries out an erasure. Every step may be done again."""
    erasure = Erasure.objects.get(id=erasure_id)
    if erasure.state == Erasure.State.DONE:
        return
    work.report(0.0, "Taking rows away")
    vault = Vault.objects.select_related("keyring__archive").filter(id=erasure.vault_id).first()
    for _ in range(ROUNDS):
        if vault is not None:
            _take_rows(vault, erasure.scope)
        if _take_objects(erasure, work):
            break
    else:
        raise RuntimeError(f"{erasure}: objects are still pointed to by rows after {ROUNDS} rounds")
    _delete_files(erasure, work)
    if erasure.scope == Scope.VAULT:
        _take_vault(vault, erasure.keyring_id)
    forget_patiently(work)
    _write_receipt(erasure)


def _take_rows(vault: Vault, scope: str) -> None:
    """The highest app first: its rows point to those below it."""
    with transaction.atomic():
        for holding in reversed(holdings()):
            holding.erase(vault, Scope(scope))


def _take_objects(erasure: Erasure, work) -> bool:
    """A line of the receipt for every object, in the place of its row. False if some is still pointed to."""
    while True:
        going = _going(erasure.keyring_id, erasure.scope)
        if erasure.scope != Scope.VAULT:
            # what came in after it was asked for stays
            going = going.filter(wrapped_key=b"")
        batch = list(going.order_by("id")[:BATCH])
        if not batch:
            return True
        lines = [
            ErasedObject(erasure=erasure, object_id=stored.id, kind=stored.kind, size=stored.size, digest=_digest(stored.name))
            for stored in batch
        ]
        try:
            with transaction.atomic():
                ErasedObject.objects.bulk_create(lines, ignore_conflicts=True)
                StoredObject.objects.filter(id__in=[stored.id for stored in batch]).delete()
        except ProtectedError:
            return False
        done = erasure.objects_erased.count()
        work.report(0.1 + 0.5 * min(done / max(erasure.expected, 1), 1.0), f"{done:,} of {erasure.expected:,} objects")


def _digest(name: str) -> str:
    """SHA-256 of a ciphertext, hex; empty if it is gone already."""
    if not storages["ciphertext"].exists(name):
        return ""
    digest = hashlib.sha256()
    with open_ciphertext(name) as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _delete_files(erasure: Erasure, work) -> None:
    storage = storages["ciphertext"]
    left = erasure.objects_erased.filter(deleted=False).order_by("id")
    total, done = left.count() or 1, 0
    while batch := list(left[:BATCH]):
        for line in batch:
            storage.delete(f"{erasure.keyring_id}/{line.object_id}")
        ErasedObject.objects.filter(id__in=[line.id for line in batch]).update(deleted=True)
        done += len(batch)
        work.report(0.6 + 0.35 * min(done / total, 1.0), f"{done:,} of {total:,} files deleted")


def _take_vault(vault: Vault | None, keyring_id: UUID) -> None:
    with transaction.atomic():
        if vault is not None:
            Vault.objects.filter(id=vault.id).delete()
        Keyring.objects.filter(id=keyring_id).delete()
    storage, folder = storages["ciphertext"], str(keyring_id)
    try:
        _, left = storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in left:
        # what a killed process left there without a row goes too
        storage.delete(f"{folder}/{name}")
    storage.delete(folder)


def _write_receipt(erasure: Erasure) -> None:
    lines = erasure.objects_erased.order_by("object_id")
    digest = hashlib.sha256()
    for line in lines.iterator():
        digest.update(f"{line}\n".encode())
    sums = erasure.objects_erased.order_by().values_list("kind").annotate(count=Count("id"), bytes=Sum("size"))
    counts = {kind: [count, size] for kind, count, size in sums}
    with transaction.atomic():
        done = Erasure.objects.filter(id=erasure.id, state=Erasure.State.ASKED).update(
            state=Erasure.State.DONE, done_at=timezone.now(), counts=counts, digest=digest.hexdigest()
        )
        if done:
            total = sum(count for count, _ in counts.values())
            record("erased", vault_id=erasure.vault_id, target=erasure, objects=total, digest=digest.hexdigest())


def go_on_with_erasures() -> int:
    """Queues again every erasure that nobody works on, or did a moment ago: it cannot be stopped, only finished."""
    lately = Q(state__in=OPEN) | Q(ended_at__gt=timezone.now() - AGAIN_AFTER)
    worked_on = Job.objects.filter(lately, kind=ERASE).values("target_id")
    left = list(Erasure.objects.filter(state=Erasure.State.ASKED).exclude(id__in=worked_on))
    for erasure in left:
        _enqueue(erasure)
    return len(left)
