"""What was seen in footage, as the safe erases, exports and imports it."""

import json
from collections.abc import Iterator
from uuid import UUID

from django.db.models import Q

from processing.erasure import forget_nobodies
from processing.models import Analysis, Change, Dataset, Face, Judging, Person, Segment, Track
from twinvault.custody.objects import destroy_keys
from twinvault.safe.holdings import Holding, Rows
from twinvault.safe.models import Scope
from twinvault.vaults.models import Subject, Vault


def rows(vault: Vault) -> list[Rows]:
    """A look that has not ended is left out: it is begun anew where the footage is. So is what can be counted again."""
    whole = Segment.objects.filter(footage__vault=vault, analysis__isnull=False)
    return [
        Rows(Analysis.objects.filter(footage__vault=vault)),
        Rows(whole),
        Rows(Person.objects.filter(vault=vault)),
        Rows(Track.objects.filter(segment__in=whole)),
        Rows(Face.objects.filter(track__segment__in=whole)),
        Rows(Judging.objects.filter(vault=vault)),
    ]


def erase(vault: Vault, _scope: Scope) -> None:
    found = Segment.objects.filter(footage__vault=vault)
    gone = found.filter(Q(footage__content__wrapped_key=b"") | Q(pack__wrapped_key=b"") | Q(descriptors__wrapped_key=b""))
    footage = list(gone.values_list("footage_id", flat=True).distinct())
    gone = found.filter(footage__in=footage)
    # one that was written while the erasure was asked for has keys of its own
    for column in ("pack_id", "descriptors_id"):
        destroy_keys(gone.exclude(**{column: None}).values_list(column, flat=True))
    gone.delete()
    Analysis.objects.filter(footage__in=footage).delete()
    Change.objects.filter(vault=vault).delete()
    _forget_counts(vault)
    forget_nobodies(vault.id)
    Subject.objects.filter(vault=vault, reference__wrapped_key=b"").update(reference=None)


def _forget_counts(vault: Vault) -> None:
    """What is still there of the faces is counted again when it is looked at."""
    counted = Dataset.objects.filter(life_stage__subject__vault=vault)
    for column in ("count_id", "corrections_id"):
        destroy_keys(counted.exclude(**{column: None}).values_list(column, flat=True))
    counted.delete()


def paths(vault: Vault) -> Iterator[tuple[UUID, str]]:
    found = Segment.objects.filter(footage__vault=vault, analysis__isnull=False, pack__isnull=False)
    for footage_id, number, pack_id, descriptors_id in found.values_list("footage_id", "number", "pack_id", "descriptors_id"):
        yield pack_id, f"other/faces/{footage_id}/{number}/crops.jpegs"
        yield descriptors_id, f"other/faces/{footage_id}/{number}/measures.npz"


def texts(vault: Vault) -> Iterator[tuple[str, bytes]]:
    """Who was seen where, and which faces were kept: for people, and for programs that know nothing of ours."""
    labels: dict = {"subject": vault.subject.name, "footage": {}}
    tracks = Track.objects.filter(segment__footage__vault=vault, segment__analysis__isnull=False)
    tracks = tracks.select_related("segment__footage__life_stage", "person").prefetch_related("faces")
    for track in tracks.order_by("segment__footage_id", "segment__number", "number").iterator(50):
        footage = track.segment.footage
        one = labels["footage"].setdefault(
            str(footage.id),
            {
                "file": footage.filename,
                "life_stage": footage.life_stage.name,
                "filmed_on": str(footage.filmed_on or ""),
                "filmed_on_is_known_from": footage.filmed_source,
                "tracks": [],
            },
        )
        faces = [
            {"row": face.row, "offset": face.offset, "bytes": face.length, "state": face.state, "reason": face.reason}
            for face in track.faces.all()
        ]
        person = {"person": str(track.person_id), "who": track.person.who}
        one["tracks"].append({"segment": track.segment.number, "track": track.number, **person, "faces": faces})
    yield "labels.json", json.dumps(labels, indent=1, ensure_ascii=False).encode()


HOLDING = Holding(
    "processing",
    models=(Analysis, Segment, Person, Track, Face, Judging),
    rows=rows,
    erase=erase,
    paths=paths,
    texts=texts,
)
