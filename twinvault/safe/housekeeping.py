"""What the safe does by itself, every few seconds, in whichever worker's sweep comes first."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from twinvault.audit.record import record
from twinvault.custody import archive as archives
from twinvault.custody.models import Archive, StoredObject
from twinvault.custody.residue import ResidueLeft, forget
from twinvault.safe import erasure, exports, services
from twinvault.safe.models import Retention, Scope
from twinvault.vaults.models import Vault

log = logging.getLogger(__name__)


def keep_house() -> None:
    """Ends what is over, goes on with what was broken off, seals and erases what is due. Safe to run anywhere, any time."""
    close_overdue()
    exports.end_overdue()
    erasure.go_on_with_erasures()
    keep_retentions()


def close_overdue() -> None:
    if not archives.overdue().exists():
        return
    with transaction.atomic():
        for lending in archives.close_overdue():
            if lending.general:
                vault = Vault.objects.filter(keyring_id=lending.archive_id).first()
                record("closed again by the clock", vault_id=vault.id if vault else None, target=vault or "")
    try:
        forget()
    except ResidueLeft as error:
        log.warning("keys of an ended lending are not overwritten yet: %s", error)


def with_due() -> QuerySet[Retention]:
    """Every rule with when the last footage came in, sealed or not, and the last that is not sealed. One query for all vaults."""
    footage = StoredObject.objects.filter(keyring_id=OuterRef("vault__keyring_id"), kind="footage").exclude(wrapped_key=b"")
    latest = footage.order_by("-created_at").values("created_at")
    rules = Retention.objects.annotate(last=Subquery(latest[:1]), last_open=Subquery(latest.filter(sealed=False)[:1]))
    return rules.select_related("vault__keyring__archive")


def due_on(retention: Retention) -> datetime | None:
    """When a rule of `with_due` acts: `days` after the last footage came in. None while there is nothing that it could act on."""
    last = retention.last if retention.action == Retention.Action.ERASE else retention.last_open
    return last + timedelta(days=retention.days) if last else None


def _is_due(retention: Retention) -> bool:
    due = due_on(retention)
    return due is not None and due <= timezone.now()


def keep_retentions() -> None:
    for retention in with_due():
        if _is_due(retention):
            _act(retention)


@transaction.atomic
def _act(retention: Retention) -> None:
    """Another worker may come to the same rule at the same moment: the second finds that it is not due any more."""
    vault = Vault.objects.select_for_update().get(id=retention.vault_id)
    if not any(map(_is_due, with_due().filter(vault=vault))) or services.work_on_sources(vault):
        # work on the sources is under way: the next round asks again
        return
    if retention.action == Retention.Action.ERASE:
        record("retention: the sources are erased", vault_id=vault.id, target=vault, days=retention.days)
        erasure.ask(vault, Scope.SOURCES)
    elif vault.archive is not None and vault.archive.state == Archive.State.OPEN:
        record("retention: the sources are sealed", vault_id=vault.id, target=vault, days=retention.days)
        services.begin_sealing(vault)
