"""Taking pictures and measures out of what is stored of footage: of one person, of one piece of footage."""

from dataclasses import fields, replace
from uuid import UUID

import numpy as np
from django.db import transaction
from django.utils import timezone

from acquisition.models import Footage
from processing.engine.pack import DescriptorTable, dump_descriptors, load_descriptors
from processing.judging import judge
from processing.models import Analysis, Face, Person, Segment, Track
from processing.recognition import forget_tracks, propose
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.vaults.models import Vault

# what says when somebody was seen, but nothing of how they look
HARMLESS = {"frame_index", "time", "track", "shot"}


def forget_analysis(footage: Footage) -> None:
    """Removes what the last whole look at footage saw: rows, crops, measures. Call in a transaction."""
    _forget(Segment.objects.filter(analysis__footage=footage))
    Analysis.objects.filter(footage=footage).delete()


def forget_look(footage: Footage) -> None:
    """Removes what a look that has not ended saw so far. Call in a transaction."""
    _forget(footage.segments.filter(analysis=None))


def _forget(segments) -> None:
    stored = [each for segment in segments.select_related("pack", "descriptors") for each in (segment.pack, segment.descriptors)]
    segments.delete()
    for each in stored:
        objects.erase(each)


def forget_footage(footage: Footage) -> None:
    """What acquisition calls when footage is removed: nobody is known by its faces any more either."""
    tracks = list(Track.objects.filter(segment__footage=footage).values_list("id", flat=True))
    subject = footage.vault.subject
    forget_tracks(subject, tracks)
    forget_analysis(footage)
    forget_look(footage)
    forget_nobodies(footage.vault_id)
    propose(subject)
    # what was put aside for looking like a face that is gone now is worth keeping
    judge(footage.life_stage)


def forget_nobodies(vault_id: UUID) -> None:
    """Removes people of whom no track is left."""
    Person.objects.filter(vault_id=vault_id, tracks=None).delete()


def erase_others(vault: Vault, by=None, *, due_only: bool = False) -> int:
    """Erases for good the pictures and measures of everybody who was said to be someone else; how many people that were.

    due_only: those whose time to take it back is over. Of each segment in which they are seen the pack and the table are written
    anew without them, and the old ones erased. The faces keep their rows (rejected, without a picture), so that counts still tell
    what was found.
    """
    with transaction.atomic():
        Vault.objects.select_for_update().get(id=vault.id)
        others = Person.objects.filter(vault=vault, who=Person.Who.OTHER, erased_at=None)
        if due_only:
            others = others.filter(erase_at__lte=timezone.now())
        going = list(others.values_list("id", flat=True))
        if not going:
            return 0
        tracks = list(Track.objects.filter(person__in=going).values_list("id", flat=True))
        for segment in Segment.objects.filter(tracks__in=tracks, pack__isnull=False).distinct():
            _write_without(segment, going)
        Person.objects.filter(id__in=going).update(erased_at=timezone.now(), erase_at=None)
        forget_tracks(vault.subject, tracks)
        record("pictures of other people erased", actor=by, vault_id=vault.id, target=vault, people=len(going))
        return len(going)


def erase_others_when_due() -> None:
    """For every vault that can be read now. Safe to run anywhere, any time."""
    due = Person.objects.filter(who=Person.Who.OTHER, erased_at=None, erase_at__lte=timezone.now())
    for vault in Vault.objects.filter(people__in=due).select_related("keyring__archive", "subject").distinct():
        if not vault.is_locked:
            erase_others(vault, due_only=True)


def _write_without(segment: Segment, people: list[UUID]) -> None:
    segment = (
        Segment.objects.select_for_update(of=("self",))
        .select_related("footage__vault__keyring", "pack__keyring", "descriptors__keyring")
        .get(id=segment.id)
    )
    keyring = segment.footage.vault.keyring
    old_pack, old_table = segment.pack, segment.descriptors
    going = Face.objects.filter(track__segment=segment, track__person__in=people)

    table = blanked(load_descriptors(objects.read(old_table)), list(going.values_list("row", flat=True)))
    segment.descriptors = objects.store(keyring, "descriptors", dump_descriptors(table))
    going.update(offset=-1, length=0, mask_length=0, state=Face.State.REJECTED, reason="someone_else")

    staying = list(Face.objects.filter(track__segment=segment, offset__gte=0).order_by("offset"))
    segment.pack = None
    if staying:
        with objects.open_object(old_pack) as before, objects.ObjectWriter(keyring, "pack") as after:
            for face in staying:
                before.seek(face.offset)
                face.offset = after.tell()
                after.write(before.read(face.length + face.mask_length))
        segment.pack = after.stored
        Face.objects.bulk_update(staying, ["offset"], batch_size=400)
    segment.save(update_fields=["pack", "descriptors"])
    objects.erase(old_pack)
    objects.erase(old_table)


def blanked(table: DescriptorTable, rows: list[int]) -> DescriptorTable:
    """The table with nothing left in some of its rows but when they were seen: numbers become NaN, whole numbers 0."""
    changes = {}
    for field in fields(table):
        if field.name not in HARMLESS:
            column = getattr(table, field.name).copy()
            column[rows] = np.nan if np.issubdtype(column.dtype, np.floating) else 0
            changes[field.name] = column
    return replace(table, **changes)
