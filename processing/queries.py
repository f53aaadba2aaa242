"""Reads on faces. Each function costs the same few queries however much footage there is."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Count, Exists, OuterRef, QuerySet

from acquisition.models import Footage
from processing.models import Face, Person, Track
from twinvault.vaults.models import LifeStage, Vault

# of faces: as they lie in the packs
AS_SEEN = "track__segment__footage__added_at", "track__segment__footage_id", "track__segment__number", "row"

FACES_A_PAGE = 120
FILMS_TO_CHOOSE = 300

REASONS = {
    "blurred": "blurred",
    "too_small": "too small",
    "extreme_pose": "turned too far away",
    "dark": "too dark",
    "bright": "too bright",
    "near_duplicate": "nearly the same as another",
    "occluded": "partly hidden",
    "someone_else": "someone else",
    "by_hand": "taken out by hand",
}


def reason_label(reason: str) -> str:
    return REASONS.get(reason, reason.replace("_", " "))


@dataclass
class Counts:
    """How many faces were found, and what became of them. `rejected` counts by reason."""

    kept: int = 0
    waiting: int = 0
    rejected: dict[str, int] = field(default_factory=dict)

    @property
    def rejected_total(self) -> int:
        return sum(self.rejected.values())

    @property
    def found(self) -> int:
        return self.kept + self.waiting + self.rejected_total

    @property
    def reasons(self) -> list[tuple[str, str, int]]:
        """(reason, its words, faces), the most frequent first."""
        ranked = sorted(self.rejected.items(), key=lambda item: (-item[1], item[0]))
        return [(reason, reason_label(reason), count) for reason, count in ranked]

    def of(self, state: str, reason: str = "") -> int:
        """How many a filter by state and reason shows; "" for all."""
        if reason:
            return self.rejected.get(reason, 0) if state in ("", Face.State.REJECTED) else 0
        whole = {"": self.found, Face.State.KEPT: self.kept, Face.State.PENDING: self.waiting}
        return whole.get(state, self.rejected_total)

    def add(self, state: str, reason: str, count: int) -> None:
        if state == Face.State.KEPT:
            self.kept += count
        elif state == Face.State.PENDING:
            self.waiting += count
        else:
            self.rejected[reason] = self.rejected.get(reason, 0) + count


def _of_vault(vault: Vault) -> QuerySet[Face]:
    return Face.objects.filter(track__person__vault=vault)


def counts(faces: QuerySet[Face]) -> Counts:
    """One query."""
    total = Counts()
    for state, reason, count in faces.order_by().values_list("state", "reason").annotate(count=Count("id")):
        total.add(state, reason, count)
    return total


def vault_counts(vault: Vault) -> Counts:
    return counts(_of_vault(vault))


def counts_by_stage(vault: Vault) -> list[tuple[LifeStage, Counts]]:
    """Every life stage of the vault in its order, also those without a face. Two queries."""
    stages = {stage.id: (stage, Counts()) for stage in LifeStage.objects.filter(subject__vault=vault)}
    rows = (
        _of_vault(vault)
        .order_by()
        .values_list("track__segment__footage__life_stage", "state", "reason")
        .annotate(count=Count("id"))
    )
    for stage_id, state, reason, count in rows:
        stages[stage_id][1].add(state, reason, count)
    return list(stages.values())


@dataclass(frozen=True)
class FaceFilter:
    """Which faces a page shows; None or "" for all."""

    state: str = ""
    reason: str = ""
    stage: str | None = None
    footage: str | None = None
    person: str | None = None

    @property
    def narrows(self) -> bool:
        return bool(self.stage or self.footage or self.person)

    def narrow(self, faces: QuerySet[Face]) -> QuerySet[Face]:
        """Life stage, footage and person, but not state and reason: what the tabs count."""
        if self.stage:
            faces = faces.filter(track__segment__footage__life_stage_id=self.stage)
        if self.footage:
            faces = faces.filter(track__segment__footage_id=self.footage)
        if self.person:
            faces = faces.filter(track__person_id=self.person)
        return faces


def faces(vault: Vault, wanted: FaceFilter) -> tuple[Counts, QuerySet[int]]:
    """Counts of what the filter's place holds, and the ids of the faces it asks for, in the order in which they were seen.

    Ids alone: a late page of many would otherwise sort whole rows to leave most of them out.
    """
    there = wanted.narrow(_of_vault(vault))
    chosen = there.values_list("id", flat=True)
    if wanted.state:
        chosen = chosen.filter(state=wanted.state)
    if wanted.reason:
        chosen = chosen.filter(reason=wanted.reason)
    return counts(there), chosen.order_by("id")


def load(ids: Iterable[int]) -> list[Face]:
    """The faces of a page, with what it says of them. One query."""
    rows = Face.objects.filter(id__in=list(ids)).select_related("track__person", "track__segment__footage")
    return list(rows.order_by("id"))


def films(vault: Vault, stage: str | None) -> list[Footage]:
    """What can be chosen from as footage with faces, the newest ahead; at most FILMS_TO_CHOOSE."""
    seen = Footage.objects.filter(vault=vault, analysis__isnull=False)
    return list((seen.filter(life_stage_id=stage) if stage else seen).order_by("-added_at")[:FILMS_TO_CHOOSE])


def people_in(footage: Footage) -> QuerySet[Person]:
    """Everybody seen in a piece of footage, who is seen most first."""
    seen = Person.objects.filter(tracks__segment__footage=footage, tracks__segment__analysis__isnull=False)
    return seen.annotate(here=Count("tracks__faces")).order_by("-here", "id")


def waiting_people(vault: Vault) -> int:
    seen = Exists(Track.objects.filter(person=OuterRef("id")))
    return Person.objects.filter(seen, vault=vault, who=Person.Who.UNKNOWN).count()


def kept_faces(life_stage: LifeStage) -> QuerySet[Face]:
    """What may be learned from, in the order in which it lies in the packs."""
    kept = Face.objects.filter(state=Face.State.KEPT, offset__gte=0, track__segment__footage__life_stage=life_stage)
    return kept.order_by(*AS_SEEN)
