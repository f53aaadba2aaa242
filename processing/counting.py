"""What a life stage's kept faces amount to: counted when judged, kept encrypted, read by pages and by the sampler."""

import json
from dataclasses import asdict, dataclass, fields

import numpy as np
from django.db import transaction
from django.db.models import Count, Sum
from numpy.typing import NDArray

from processing import tables
from processing.engine.bounds import costs
from processing.engine.categories import CONDITIONS, condition_of
from processing.engine.coverage import Coverage, cover
from processing.engine.descriptors import Measures
from processing.engine.filtering import Thresholds
from processing.engine.pack import DescriptorTable
from processing.engine.selection import pick
from processing.models import Dataset, Face, Person
from processing.queries import kept_faces
from processing.tables import Seen
from twinvault.custody import objects
from twinvault.vaults.models import LifeStage

# faces of one life stage that a model learns from at most; each takes 150 kB of memory while it does
BUDGET = 4000


@dataclass(frozen=True)
class Counted:
    """Numbers of faces of one life stage.

    kept: may be learned from. learned: of those, what is chosen to learn from; held_out: to be tried on. coverage: of the kept
    ones, without years. conditions: name of each of categories.CONDITIONS -> kept faces. costs: name of each bound -> (faces of
    the subject beyond it, those of them that all other bounds let pass). old: ids of footage that was looked at before some of
    the measures existed.
    """

    kept: int
    learned: int
    held_out: int
    coverage: Coverage
    conditions: dict[str, int]
    costs: dict[str, tuple[int, int]]
    old: list[str]

    def dump(self) -> bytes:
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        plain["coverage"] = asdict(self.coverage) | {"looks": self.coverage.looks.tolist(), "years": {}}
        return json.dumps(plain).encode()

    @classmethod
    def load(cls, data: bytes) -> "Counted":
        plain = json.loads(data)
        plain["costs"] = {name: tuple(cost) for name, cost in plain["costs"].items()}
        coverage = plain["coverage"]
        coverage |= {"looks": np.array(coverage["looks"], np.int64), "footage": tuple(coverage["footage"])}
        return cls(**plain | {"coverage": Coverage(**coverage)})


def of_subject(life_stage: LifeStage):
    """The subject's faces of a life stage that can be judged: what a person took out is judged already."""
    faces = Face.objects.filter(track__person__who=Person.Who.SUBJECT, track__segment__footage__life_stage=life_stage)
    return faces.exclude(by_hand=True, state=Face.State.REJECTED)


def mark_of(life_stage: LifeStage) -> str:
    """What tells whether other faces are kept than those that were counted. One query."""
    found = kept_faces(life_stage).aggregate(count=Count("id"), sum=Sum("id"))
    return mark(found["count"], found["sum"] or 0)


def mark(count: int, total: int) -> str:
    """count, total: of the ids of the kept faces."""
    return f"{count}:{total}"


def count(life_stage: LifeStage, seen: Seen, table: DescriptorTable, kept: NDArray[np.bool_], thresholds: Thresholds) -> Counted:
    """Counts and keeps it. seen, table: the faces as judged, with their embeddings; kept: bool (N,)."""
    good = table.rows(kept)
    rows, held_out = pick(good, seen.shot_names[kept], BUDGET)
    numbers = condition_of(good)
    found = Counted(
        kept=int(kept.sum()),
        learned=len(rows) - int(held_out.sum()),
        held_out=int(held_out.sum()),
        coverage=cover(good, seen.footage[kept]),
        conditions={condition.name: int((numbers == number).sum()) for number, condition in enumerate(CONDITIONS)},
        costs=costs(table.rows(~seen.by_hand), thresholds),
        old=_old(seen, table),
    )
    keep(life_stage, "count", found.dump(), counted=mark(found.kept, int(seen.ids[kept].sum())))
    return found


def _old(seen: Seen, table: DescriptorTable) -> list[str]:
    unknown = np.zeros(len(table), dtype=np.bool_)
    for field in fields(Measures):
        column = getattr(table, field.name)
        if np.issubdtype(column.dtype, np.floating):
            unknown |= np.isnan(column)
    places = np.unique(seen.segment[unknown]).tolist()
    return sorted({str(seen.segments[place].footage_id) for place in places})


@transaction.atomic
def keep(life_stage: LifeStage, field: str, data: bytes, **marks) -> None:
    """Puts data, encrypted, in the place of what a field of the life stage's Dataset holds; `marks` are other fields."""
    LifeStage.objects.select_for_update().get(id=life_stage.id)
    row, _ = Dataset.objects.select_related(field).get_or_create(life_stage=life_stage)
    old = getattr(row, field)
    stored = objects.store(life_stage.subject.vault.keyring, "counts", data)
    Dataset.objects.filter(id=row.id).update(**{field: stored}, **marks)
    objects.erase(old)


@transaction.atomic
def forget(life_stage: LifeStage) -> None:
    """Removes what was counted, for nothing is there any more."""
    for row in (
        Dataset.objects.select_for_update(of=("self",)).select_related("count", "corrections").filter(life_stage=life_stage)
    ):
        row.delete()
        objects.erase(row.count)
        objects.erase(row.corrections)


def rows_of(life_stage: LifeStage) -> Dataset | None:
    related = "count__keyring", "corrections__keyring"
    return Dataset.objects.select_related(*related).filter(life_stage=life_stage).first()


def counted(life_stage: LifeStage) -> Counted | None:
    """What was counted when the faces were judged last; None where none were. Reads one small object."""
    row = rows_of(life_stage)
    return Counted.load(objects.read(row.count)) if row and row.count else None


def is_up_to_date(life_stage: LifeStage) -> bool:
    row = Dataset.objects.filter(life_stage=life_stage, count__isnull=False).first()
    return (row.counted if row else mark(0, 0)) == mark_of(life_stage)


def count_again(life_stage: LifeStage, thresholds: Thresholds) -> Counted | None:
    """Counts the faces as they were judged; judges none. None where none of the subject's faces is there."""
    seen = tables.seen(of_subject(life_stage))
    if not len(seen):
        forget(life_stage)
        return None
    return count(life_stage, seen, tables.joined(seen, ["embedding"]), seen.kept, thresholds)
