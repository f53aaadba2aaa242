"""Verbs on the safe as a whole: its secondary password, sealing, unsealing, and what it does by itself.

A wrong password is counted and recorded before it is answered; so what takes one is not to be called in a transaction.
"""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from twinvault.audit.record import record
from twinvault.custody import archive as archives
from twinvault.custody.archive import TooSoon, Unlocked, WrongSecret
from twinvault.custody.models import Archive, Lending
from twinvault.custody.residue import forget_patiently
from twinvault.jobs.models import Job
from twinvault.jobs.services import OPEN, JobRefused, enqueue
from twinvault.safe import exports
from twinvault.safe.models import Retention
from twinvault.vaults.models import Vault
from twinvault.vaults.services import NotAllowed

SEAL, FORGET = "seal_vault", "forget_keys"
# work that reads sources: nobody takes them away under it
READS_SOURCES = ("analyse_footage", "judge_faces", "train_twin", exports.PREPARE)
LONGEST_UNSEALED = timedelta(days=7)


class PasswordRefused(Exception):
    """The secondary password or the recovery code was wrong, or comes too soon after wrong ones. One sentence for the person."""


def require_archive(vault: Vault) -> Archive:
    archive = archives.archive_of(vault.keyring)
    if archive is None:
        raise NotAllowed("This safe has no secondary password yet: set one first.")
    return archive


@transaction.atomic
def set_password(vault: Vault, password: str, *, by) -> str:
    """The first secondary password of a vault. Returns the recovery code, which is kept nowhere and can be shown this once."""
    Vault.objects.select_for_update().get(id=vault.id)
    if archives.archive_of(vault.keyring) is not None:
        raise NotAllowed("This safe has a secondary password already: change it instead.")
    _archive, code = archives.make_archive(vault.keyring, password)
    record("secondary password set", actor=by, vault_id=vault.id, target=vault)
    return code


def change_password(vault: Vault, new: str, *, by, password: str = "", code: str = "") -> str:
    """Another secondary password, for who knows the old one or has the recovery code. Returns the new recovery code."""
    unlocked = unlock(vault, by=by, password=password, code=code)
    with transaction.atomic():
        fresh = archives.relock(unlocked, new)
        record("secondary password changed", actor=by, vault_id=vault.id, target=vault, by_the="code" if code else "password")
        _forget_soon(vault, by)
    return fresh


def unlock(vault: Vault, *, by, password: str = "", code: str = "") -> Unlocked:
    """The archive's private half. PasswordRefused; every wrong try is recorded."""
    archive = require_archive(vault)
    try:
        return archives.unlock(archive, password=password, code=code)
    except WrongSecret as error:
        record("wrong secondary password", actor=by, vault_id=vault.id, target=vault, tried="code" if code else "password")
        archive.refresh_from_db()
        what = "That is not the recovery code." if code else "That is not the secondary password."
        raise PasswordRefused(f"{what}{_wait(archive.next_try_at)}") from error
    except TooSoon as error:
        raise PasswordRefused(f"There were wrong tries before.{_wait(error.until)}") from error


def _wait(until) -> str:
    seconds = (until - timezone.now()).total_seconds() if until else 0
    if seconds <= 0:
        return ""
    amount = f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"
    return f" Wait {amount} before the next try."


def work_on_sources(vault: Vault) -> list[Job]:
    """Jobs under way that read what sealing would lock away."""
    return list(vault.jobs.filter(state__in=OPEN, kind__in=READS_SOURCES).order_by("created_at"))


def seal(vault: Vault, *, by, password: str) -> Job:
    """Begins to seal: from now on new footage goes straight in. It takes the password, so that nobody seals by one they forgot.

    NotAllowed while work on the sources is under way, which is named; PasswordRefused.
    """
    unlock(vault, by=by, password=password)
    return begin_sealing(vault, by=by)


@transaction.atomic
def begin_sealing(vault: Vault, *, by=None) -> Job:
    """What `seal` does once the password was right, and retention without one: to seal takes the public half alone."""
    Vault.objects.select_for_update().get(id=vault.id)
    archive = require_archive(vault)
    if archive.state == Archive.State.SEALED:
        raise NotAllowed("This safe is sealed already.")
    if archive.state == Archive.State.OPEN:
        if busy := work_on_sources(vault):
            raise NotAllowed(f"“{busy[0].title}” is under way and needs the footage: let it end, or stop it, and seal then.")
        for act in _before_sealing:
            act(vault, by)
        archives.begin_sealing(archive)
        exports.end_all(vault, by=by)
        record("sealing begun", actor=by, vault_id=vault.id, target=vault)
    return enqueue(SEAL, vault.id, queue="cpu", title=f"Seal the sources of {vault.name}"[:200], vault=vault, user=by)


def seal_vault(vault_id: UUID, work) -> None:
    """Job handler: wraps the keys of all sources to the archive, batch by batch; one that was killed goes on where it was."""
    vault = Vault.objects.select_related("keyring__archive").filter(id=vault_id).first()
    if vault is None or vault.archive is None or vault.archive.state == Archive.State.OPEN:
        raise JobRefused("This safe is not being sealed any more.")
    archive = vault.archive
    left = archives.unsealed_sources(vault.keyring).count()
    total, done = left or 1, 0
    while not _end_sealing(vault, archive, done):
        while count := archives.seal_some(archive):
            done += count
            work.report(min(done / total, 1.0) * 0.95, f"{done:,} of {total:,} keys sealed")
    forget_patiently(work)


@transaction.atomic
def _end_sealing(vault: Vault, archive: Archive, done: int) -> bool:
    """Sealed, with the record of it, unless some source is not yet (False). One that was sealed before is not recorded again."""
    sealing = Archive.objects.filter(keyring_id=archive.keyring_id, state=Archive.State.SEALING).exists()
    ended = archives.end_sealing(archive)
    if ended and sealing:
        record("sealed", vault_id=vault.id, target=vault, objects=done)
    return ended


def unseal(vault: Vault, *, by, password: str, hours: float) -> Lending:
    """Lets pages and jobs read the sources for `hours`; footage that came in sealed is looked at. PasswordRefused, NotAllowed."""
    archive = require_archive(vault)
    if archive.state != Archive.State.SEALED:
        raise NotAllowed("This safe is not sealed: there is nothing to unseal.")
    length = timedelta(hours=hours)
    if not timedelta(0) < length <= LONGEST_UNSEALED:
        raise NotAllowed(f"A safe is unsealed for at most {LONGEST_UNSEALED.days} days at a time.")
    unlocked = unlock(vault, by=by, password=password)
    with transaction.atomic():
        lending = archives.lend(unlocked, timezone.now() + length, general=True)
        record("unsealed", actor=by, vault_id=vault.id, target=vault, hours=hours)
        for look in _when_unsealed:
            look(vault, by)
    return lending


# what apps above do once sources can be read again, and while they still can be
_when_unsealed: list = []
_before_sealing: list = []


def before_sealing(act):
    """Adds a verb `(vault, by)` that is called in the transaction in which a person or a rule locks the sources away."""
    if act not in _before_sealing:
        _before_sealing.append(act)
    return act


def when_unsealed(act):
    """Adds a verb `(vault, by)` that is called in the transaction of every unsealing."""
    if act not in _when_unsealed:
        _when_unsealed.append(act)
    return act


@transaction.atomic
def close(vault: Vault, *, by) -> None:
    """Ends an unsealing before its time."""
    lending = Lending.objects.filter(archive__keyring_id=vault.keyring_id, general=True).first()
    if lending is not None:
        for act in _before_sealing:
            act(vault, by)
        archives.take_back(lending)
        record("closed again", actor=by, vault_id=vault.id, target=vault)
        _forget_soon(vault, by)


def _forget_soon(vault: Vault, by) -> None:
    """Old keys are gone from their rows; what the database's files keep of them a worker overwrites."""
    enqueue(FORGET, vault.id, queue="cpu", title="Overwrite what is left of old keys", vault=vault, user=by)


def forget_keys(_vault_id: UUID, work) -> None:
    """Job handler: see `custody.residue`."""
    forget_patiently(work)


@transaction.atomic
def set_retention(vault: Vault, action: str, days: int | None, *, by) -> None:
    """What happens to the sources by itself `days` after the last footage came in; an empty action: nothing does."""
    if not action:
        Retention.objects.filter(vault=vault).delete()
        record("retention ended", actor=by, vault_id=vault.id, target=vault)
        return
    if action == Retention.Action.SEAL:
        require_archive(vault)
    Retention.objects.update_or_create(vault=vault, defaults={"action": action, "days": days})
    record("retention set", actor=by, vault_id=vault.id, target=vault, action=action, days=days)
