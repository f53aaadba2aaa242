"""Reads on faces. Each function costs the same few queries however much footage there is."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Case, Count, F, OuterRef, QuerySet, Subquery, When, Window
from django.db.models.functions import Coalesce, RowNumber

from acquisition.models import Footage
from processing.models import Face, Person, Track
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

    def add(self, state: str, reason: str, count: int) -> None:
        if state == Face.State.KEPT:
            self.kept += count
        elif state == Face.State.PENDING:
            self.waiting += count
        else:
            self.rejected[reason] = self.rejected.get(reason, 0) + count


def _of_vault(vault: Vault) -> QuerySet[Face]:
    return Face.objects.filter(track__segment__footage__vault=vault)


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

    def narrow(self, faces: QuerySet[Face]) -> QuerySet[Face]:
        """Life stage, footage and person, but not state and reason: what the tabs count."""
        if self.stage:
            faces = faces.filter(track__segment__footage__life_stage_id=self.stage)
        if self.footage:
            faces = faces.filter(track__segment__footage_id=self.footage)
        if self.person:
            faces = faces.filter(track__person_id=self.person)
        return faces


def faces(vault: Vault, wanted: FaceFilter) -> tuple[Counts, QuerySet[Face]]:
    """Counts of what the filter's place holds, and the faces that it asks for, in the order in which they were seen."""
    there = wanted.narrow(_of_vault(vault))
    chosen = there.select_related("track__person", "track__segment__footage")
    if wanted.state:
        chosen = chosen.filter(state=wanted.state)
    if wanted.reason:
        chosen = chosen.filter(reason=wanted.reason)
    return counts(there), chosen.order_by("id")


def with_counts(people: QuerySet[Person]) -> QuerySet[Person]:
    """Each person with `found`, `kept`, `rejected` (faces) and `films` (pieces of footage). In the same query."""
    own = Face.objects.filter(track__person=OuterRef("id")).order_by().values("track__person")

    def count(faces: QuerySet[Face]) -> Coalesce:
        return Coalesce(Subquery(faces.annotate(count=Count("id")).values("count")), 0)

    films = Track.objects.filter(person=OuterRef("id")).order_by().values("person")
    return people.annotate(
        found=count(own),
        kept=count(own.filter(state=Face.State.KEPT)),
        rejected=count(own.filter(state=Face.State.REJECTED)),
        films=Subquery(films.annotate(count=Count("segment__footage", distinct=True)).values("count")),
    )


def add_samples(people: Iterable[Person], footage: str | None = None) -> list[Person]:
    """Gives each person `samples`: a few of its faces, spread over them, and `one_film`, its footage if it is seen in one only.

    Two queries, however many people and faces there are.
    """
    shown = list(people)
    # a fixed shuffle: neighbouring rows are neighbouring frames, and look alike
    turn = Window(RowNumber(), partition_by=F("track__person"), order_by=[F("row") * 7919 % 1009, F("id")])
    faces = Face.objects.filter(track__person__in=shown, offset__gte=0)
    if footage:
        faces = faces.filter(track__segment__footage_id=footage)
    chosen = faces.annotate(turn=turn).filter(turn__lte=SAMPLES_A_PERSON).order_by("turn")
    samples: dict[UUID, list[Face]] = {}
    for face in chosen.annotate(owner=F("track__person_id")):
        samples.setdefault(face.owner, []).append(face)
    footage_of: dict[UUID, set] = {}
    seen_in = Footage.objects.filter(segments__tracks__person__in=shown).annotate(owner=F("segments__tracks__person_id"))
    for film in seen_in.select_related("life_stage").distinct():
        footage_of.setdefault(film.owner, set()).add(film)
    for person in shown:
        person.samples = samples.get(person.id, [])
        seen = footage_of.get(person.id, set())
        person.one_film = next(iter(seen)) if len(seen) == 1 else None
    return shown


def people(vault: Vault) -> QuerySet[Person]:
    """Everybody seen in a vault's footage: first who waits to be named, likely subjects ahead, then by number of faces."""
    order = [Person.Who.UNKNOWN, Person.Who.UNSURE, Person.Who.SUBJECT, Person.Who.OTHER]
    turn = Case(*(When(who=who, then=place) for place, who in enumerate(order)))
    return with_counts(Person.objects.filter(vault=vault, tracks__isnull=False).distinct()).order_by(
        turn, "-proposed", "-found", "id"
    )


def people_in(footage: Footage) -> QuerySet[Person]:
    """Everybody seen in a piece of footage, who is seen most first."""
    seen = Person.objects.filter(tracks__segment__footage=footage, tracks__segment__analysis__isnull=False)
    return seen.annotate(here=Count("tracks__faces")).order_by("-here", "id")


def waiting_people(vault: Vault) -> int:
    return Person.objects.filter(vault=vault, who=Person.Who.UNKNOWN, tracks__isnull=False).distinct().count()


def kept_faces(life_stage: LifeStage) -> QuerySet[Face]:
    """What may be learned from, in the order in which it lies in the packs."""
    return Face.objects.filter(state=Face.State.KEPT, offset__gte=0, track__segment__footage__life_stage=life_stage).order_by(
        "track__segment__footage__added_at", "track__segment__footage_id", "track__segment__number", "row"
    )
