"""What the safe does by itself, every few seconds, in whichever worker's sweep comes first."""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from twinvault.audit.record import record
from twinvault.custody import archive as archives
from twinvault.custody.models import Archive, StoredObject
from twinvault.custody.residue import ResidueLeft, forget
from twinvault.safe import erasure, exports, services
from twinvault.safe.models import Retention, Scope
from twinvault.vaults.models import Vault
from twinvault.vaults.services import NotAllowed

log = logging.getLogger(__name__)


def keep_house() -> None:
    """Ends what is over, goes on with what was broken off, seals and erases what is due. Safe to run anywhere, any time."""
    close_overdue()
    exports.end_overdue()
    erasure.go_on_with_erasures()
    keep_retentions()


def close_overdue() -> None:
    closed = archives.close_overdue()
    for lending in closed:
        if lending.general:
            vault = Vault.objects.filter(keyring_id=lending.archive_id).first()
            record("closed again by the clock", vault_id=vault.id if vault else None, target=vault or "")
    if closed:
        try:
            forget()
        except ResidueLeft as error:
            log.warning("keys of an ended lending are not overwritten yet: %s", error)


def due_on(retention: Retention):
    """When it acts: `days` after the last footage came in. None while there is no footage that it could act on."""
    sources = StoredObject.objects.filter(keyring_id=retention.vault.keyring_id, kind="footage").exclude(wrapped_key=b"")
    if retention.action == Retention.Action.SEAL:
        sources = sources.filter(sealed=False)
    last = sources.aggregate(last=Max("created_at"))["last"]
    return last + timedelta(days=retention.days) if last else None


def keep_retentions() -> None:
    for retention in Retention.objects.select_related("vault__keyring__archive"):
        due = due_on(retention)
        if due is None or due > timezone.now():
            continue
        _act(retention)


def _act(retention: Retention) -> None:
    vault = retention.vault
    if retention.action == Retention.Action.ERASE:
        if services.work_on_sources(vault):
            return
        with transaction.atomic():
            record("retention: the sources are erased", vault_id=vault.id, target=vault, days=retention.days)
            erasure.ask(vault, Scope.SOURCES)
        return
    if vault.archive is not None and vault.archive.state != Archive.State.OPEN:
        return
    try:
        with transaction.atomic():
            services.begin_sealing(vault)
            record("retention: the sources are sealed", vault_id=vault.id, target=vault, days=retention.days)
    except NotAllowed as error:
        # work on the sources is under way: the next round asks again
        log.info("%s is not sealed yet: %s", vault.id, error)
