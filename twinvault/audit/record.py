"""Writing and checking the record. Call `record` in the transaction of the deed, so that neither is there without the other."""

import hashlib
import json
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from twinvault.audit.models import Entry

FIRST = "0" * 64
CHAIN_LOCK = 7253001


def _digest(entry: Entry) -> str:
    content = [
        entry.at.isoformat(),
        entry.actor_id,
        str(entry.vault_id or ""),
        entry.verb,
        entry.target,
        entry.details,
        entry.previous_digest,
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def record(verb: str, *, actor=None, vault_id: UUID | None = None, target: object = "", **details: str | int | float) -> Entry:
    """Appends one deed to the chain. `target` is a row or a word; its class and id are kept, never its content."""
    name = f"{target._meta.model_name} {target.pk}" if hasattr(target, "_meta") else str(target)
    with transaction.atomic():
        if connection.vendor == "postgresql":
            # two writers at once would otherwise both follow the same entry; SQLite has one writer anyway
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHAIN_LOCK])
        previous = Entry.objects.order_by("-id").values_list("digest", flat=True).first() or FIRST
        entry = Entry(
            at=timezone.now(),
            actor=actor if actor is not None and actor.pk else None,
            vault_id=vault_id,
            verb=verb,
            target=name,
            details=details,
            previous_digest=previous,
        )
        entry.digest = _digest(entry)
        entry.save(force_insert=True)
    return entry


def first_broken() -> Entry | None:
    """The first entry that was edited, or that follows a gap; None where the chain holds."""
    previous = FIRST
    for entry in Entry.objects.order_by("id").iterator():
        if entry.previous_digest != previous or entry.digest != _digest(entry):
            return entry
        previous = entry.digest
    return None
