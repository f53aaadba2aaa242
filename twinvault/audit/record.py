"""Writing the record. Call `record` in the transaction of the deed, so that neither is there without the other."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from twinvault.audit import anchors, chain
from twinvault.audit.models import Entry
from twinvault.audit.origin import origin

ORIGIN_LENGTH = Entry._meta.get_field("origin").max_length


def record(verb: str, *, actor=None, vault_id: UUID | None = None, target: object = "", **details: str | int | float) -> Entry:
    """Appends one deed to the chain, and its anchor once that is committed. KeyUnavailable if the master key is not at hand.

    `target` is a row or a word; its class and id are kept, never its content. Details are numbers and words of the house
    ("viewer", "unreadable"): never a name, a title, or a sentence that may hold one.
    """
    name = f"{target._meta.model_name} {target.pk}" if hasattr(target, "_meta") else str(target)
    with transaction.atomic():
        chain.hold()
        key = chain.key_to_write()
        last_id, last_digest = Entry.objects.order_by("-id").values_list("id", "digest").first() or (0, chain.FIRST)
        entry = Entry(
            # given here and not by the database, so that the digest covers it
            id=last_id + 1,
            at=timezone.now(),
            actor=actor if actor is not None and actor.pk else None,
            vault_id=vault_id,
            verb=verb,
            target=name,
            details=details,
            origin=origin()[:ORIGIN_LENGTH],
            previous_digest=last_digest,
        )
        entry.digest = chain.digest_of(entry, key)
        entry.save(force_insert=True)
        # the deed is done by then, and stays so where the anchor cannot be written; that is logged
        transaction.on_commit(lambda: anchors.append(entry.id, entry.digest), robust=True)
    return entry


def reset_anchors(verb: str = "record restored from a backup", target: object = "record") -> None:
    """For a database that was restored from a backup: it lacks entries that the anchors know. Call after it, on the new database.

    It records itself, as the deed `verb` done to `target`. The old anchors are kept beside the new ones, with the time in their
    name. On each other machine its file `audit/anchors` is to be moved aside by hand.
    """
    kept_as = f"anchors-{timezone.now():%Y%m%dT%H%M%S%fZ}"
    with transaction.atomic():
        # before the anchor of the entry below, which belongs to the new file
        transaction.on_commit(lambda: anchors.set_aside(kept_as))
        record(verb, target=target)
