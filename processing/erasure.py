"""Taking one person's pictures and measures out of what is stored of a piece of footage."""

from dataclasses import fields, replace

import numpy as np

from processing.engine.pack import DescriptorTable, dump_descriptors, load_descriptors
from processing.models import Analysis, Face, Person
from twinvault.custody import objects

# what says when somebody was seen, but nothing of how they look
HARMLESS = {"frame_index", "time", "track"}


def erase_person(person: Person) -> None:
    """Writes the pack and the table anew without this person, and erases the old ones. Call in a transaction.

    The faces keep their rows (rejected, without a picture), so that counts still tell what was found.
    """
    analysis = (
        Analysis.objects.select_for_update(of=("self",))
        .select_related("footage__vault__keyring", "pack__keyring", "descriptors__keyring")
        .get(id=person.analysis_id)
    )
    keyring = analysis.footage.vault.keyring
    old_pack, old_table = analysis.pack, analysis.descriptors

    rows = list(person.faces.values_list("row", flat=True))
    table = blanked(load_descriptors(objects.read(old_table)), rows)
    analysis.descriptors = objects.store(keyring, "descriptors", dump_descriptors(table))

    person.faces.update(offset=-1, length=0, state=Face.State.REJECTED, reason="someone_else")
    staying = list(Face.objects.filter(person__analysis=analysis, offset__gte=0).order_by("offset"))
    with objects.open_object(old_pack) as before, objects.ObjectWriter(keyring, "pack") as after:
        for face in staying:
            before.seek(face.offset)
            face.offset = after.tell()
            after.write(before.read(face.length))
    Face.objects.bulk_update(staying, ["offset"], batch_size=400)
    analysis.pack = after.stored
    analysis.save(update_fields=["pack", "descriptors"])
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
