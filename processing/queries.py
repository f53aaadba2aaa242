"""Reads on faces. Each function costs the same few queries however much footage there is."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Case, Count, F, Prefetch, Q, QuerySet, When

from processing.models import Face, Person
from twinvault.vaults.models import LifeStage, Vault

FACES_A_PAGE = 60
PEOPLE_A_PAGE = 12
SAMPLES_A_PERSON = 6

REASONS = {
    "blurred": "blurred",
    "too_small": "too small",
    "extreme_pose": "turned too far away",
    "dark": "too dark",
    "bright": "too bright",
    "near_duplicate": "nearly the same as another",
    "occluded": "partly hidden",
    "someone_else": "someone else",
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

    def add(self, state: str, reason: str, count: int) -> None:
        if state == Face.State.KEPT:
            self.kept += count
        elif state == Face.State.PENDING:
            self.waiting += count
        else:
            self.rejected[reason] = self.rejected.get(reason, 0) + count


def _of_vault(vault: Vault) -> QuerySet[Face]:
    return Face.objects.filter(person__analysis__footage__vault=vault)


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
        .values_list("person__analysis__footage__life_stage", "state", "reason")
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

    def narrow(self, faces: QuerySet[Face]) -> QuerySet[Face]:
        """Life stage, footage and person, but not state and reason: what the tabs count."""
        if self.stage:
            faces = faces.filter(person__analysis__footage__life_stage_id=self.stage)
        if self.footage:
            faces = faces.filter(person__analysis__footage_id=self.footage)
        if self.person:
            faces = faces.filter(person_id=self.person)
        return faces


def faces(vault: Vault, wanted: FaceFilter) -> tuple[Counts, QuerySet[Face]]:
    """Counts of what the filter's place holds, and the faces that it asks for, in the order in which they were seen."""
    there = wanted.narrow(_of_vault(vault))
    chosen = there.select_related("person__analysis__footage")
    if wanted.state:
        chosen = chosen.filter(state=wanted.state)
    if wanted.reason:
        chosen = chosen.filter(reason=wanted.reason)
    return counts(there), chosen.order_by("id")


def with_counts_and_samples(people: QuerySet[Person]) -> QuerySet[Person]:
    """Each person with `found`, `kept`, `rejected` and a few `samples` spread over its faces: one query more."""
    # a fixed shuffle: neighbouring rows are neighbouring frames, and look alike
    spread = F("row") * 7919 % 1009
    samples = Face.objects.filter(offset__gte=0).order_by(spread, "row")[:SAMPLES_A_PERSON]
    return (
        people.select_related("analysis__footage__life_stage", "analysis__footage__vault__subject")
        .annotate(
            found=Count("faces"),
            kept=Count("faces", filter=Q(faces__state=Face.State.KEPT)),
            rejected=Count("faces", filter=Q(faces__state=Face.State.REJECTED)),
        )
        .prefetch_related(Prefetch("faces", queryset=samples, to_attr="samples"))
    )


def people(vault: Vault) -> QuerySet[Person]:
    """Everybody seen in a vault's footage: first who waits to be named, likely subjects ahead, then by number of faces."""
    waiting_first = Case(When(who=Person.Who.UNKNOWN, then=0), When(who=Person.Who.SUBJECT, then=1), default=2)
    return with_counts_and_samples(Person.objects.filter(analysis__footage__vault=vault)).order_by(
        waiting_first, "-proposed", "-found", "id"
    )


def waiting_people(vault: Vault) -> int:
    return Person.objects.filter(analysis__footage__vault=vault, who=Person.Who.UNKNOWN).count()


def kept_faces(life_stage: LifeStage) -> QuerySet[Face]:
    """What may be learned from, in the order in which it lies in the packs."""
    return Face.objects.filter(state=Face.State.KEPT, offset__gte=0, person__analysis__footage__life_stage=life_stage).order_by(
        "person__analysis__footage__added_at", "person__analysis_id", "row"
    )


def by_analysis(rows: Iterable[Face]) -> dict:
    """Faces with `person.analysis` loaded -> {analysis: its faces}, order kept."""
    grouped: dict = {}
    for face in rows:
        grouped.setdefault(face.person.analysis, []).append(face)
    return grouped
