"""What was seen in footage, as the safe erases, exports and imports it."""

import json
from collections.abc import Iterator
from uuid import UUID

from django.db.models import Q

from processing.models import Analysis, Face, Person
from twinvault.custody.objects import destroy_keys
from twinvault.safe.holdings import Holding, Rows
from twinvault.safe.models import Scope
from twinvault.vaults.models import Subject, Vault


def rows(vault: Vault) -> list[Rows]:
    return [
        Rows(Analysis.objects.filter(footage__vault=vault)),
        Rows(Person.objects.filter(analysis__footage__vault=vault)),
        Rows(Face.objects.filter(person__analysis__footage__vault=vault)),
    ]


def erase(vault: Vault, _scope: Scope) -> None:
    gone = Analysis.objects.filter(footage__vault=vault).filter(
        Q(footage__content__wrapped_key=b"") | Q(pack__wrapped_key=b"") | Q(descriptors__wrapped_key=b"")
    )
    # one that was written while the erasure was asked for has keys of its own
    for column in ("pack_id", "descriptors_id"):
        destroy_keys(gone.values_list(column, flat=True))
    gone.delete()
    Subject.objects.filter(vault=vault, reference__wrapped_key=b"").update(reference=None)


def paths(vault: Vault) -> Iterator[tuple[UUID, str]]:
    found = Analysis.objects.filter(footage__vault=vault)
    for footage_id, pack_id, descriptors_id in found.values_list("footage_id", "pack_id", "descriptors_id"):
        yield pack_id, f"other/faces/{footage_id}/crops.jpegs"
        yield descriptors_id, f"other/faces/{footage_id}/measures.npz"


def texts(vault: Vault) -> Iterator[tuple[str, bytes]]:
    """Who was seen where, and which faces were kept: for people, and for programs that know nothing of ours."""
    people = Person.objects.filter(analysis__footage__vault=vault).select_related("analysis__footage__life_stage")
    labels: dict = {"subject": vault.subject.name, "footage": {}}
    for person in people.prefetch_related("faces").order_by("analysis_id", "number").iterator(50):
        footage = person.analysis.footage
        one = labels["footage"].setdefault(
            str(footage.id),
            {
                "file": footage.filename,
                "life_stage": footage.life_stage.name,
                "filmed_on": str(footage.filmed_on or ""),
                "people": [],
            },
        )
        faces = [
            {"row": face.row, "offset": face.offset, "bytes": face.length, "state": face.state, "reason": face.reason}
            for face in person.faces.all()
        ]
        one["people"].append({"number": person.number, "who": person.who, "faces": faces})
    yield "labels.json", json.dumps(labels, indent=1, ensure_ascii=False).encode()


HOLDING = Holding("processing", models=(Analysis, Person, Face), rows=rows, erase=erase, paths=paths, texts=texts)
