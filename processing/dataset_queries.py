"""Reads for the pages on datasets. What describes a face comes from what was counted last, so no page reads tables of faces."""

from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Count, OuterRef, Subquery, Sum

from acquisition.models import Footage
from processing import queries
from processing.counting import Counted, mark
from processing.engine import coverage
from processing.engine.bounds import BOUNDS, Bound
from processing.engine.categories import AXES, CONDITIONS
from processing.engine.coverage import NEEDED, NEEDED_OF, PITCHES, YAWS
from processing.engine.filtering import Thresholds
from processing.models import Dataset, Face, Person
from twinvault.custody import objects
from twinvault.vaults.models import LifeStage, Vault

FILMS_SHOWN = 8
AXES_SHOWN = (
    ("expression", "Expression"),
    ("brightness", "Level of the light"),
    ("light", "Where the light comes from"),
    ("ambient", "Colour of the light"),
)


@dataclass(frozen=True)
class Light:
    """A condition that faces were seen in. missing: faces that it lacks to a twin of its own."""

    name: str
    label: str
    faces: int
    missing: int


def lights(counted: Counted | None) -> list[Light]:
    """Those that any face was seen in, most faces first."""
    found = [] if counted is None else [(one, counted.conditions.get(one.name, 0)) for one in CONDITIONS]
    needed = coverage.FACES_FOR_OWN_MODEL
    shown = [Light(one.name, one.label, faces, max(0, needed - faces)) for one, faces in found if faces]
    return sorted(shown, key=lambda light: -light.faces)


@dataclass
class Stage:
    """A life stage as its page tells of it. counted: None while nothing was. waiting: people in its footage whom nobody named."""

    stage: LifeStage
    counts: queries.Counts
    counted: Counted | None = None
    is_current: bool = False
    waiting: int = 0
    name: str = ""

    @property
    def advice(self) -> list[str]:
        if self.counted is None:
            return coverage.advice(coverage.NOTHING, self.name) if not self.counts.kept else []
        return coverage.advice(self.counted.coverage, self.name)

    @property
    def share(self) -> int:
        """Percent of the looks needed that are there."""
        return round(100 * self.counted.coverage.share) if self.counted else 0

    @property
    def lights(self) -> list[Light]:
        return lights(self.counted)


def stages(vault: Vault) -> list[Stage]:
    """Every life stage of a vault that is not sealed. The same few queries however many faces there are."""
    current = _marks(vault)
    waiting = _waiting(vault)
    rows = {row.life_stage_id: row for row in _counts(vault)}
    found = []
    for stage, counts in queries.counts_by_stage(vault):
        row = rows.get(stage.id)
        found.append(
            Stage(
                stage,
                counts,
                counted=Counted.load(objects.read(row.count)) if row else None,
                is_current=(row.counted if row else mark(0, 0)) == current.get(stage.id, mark(0, 0)),
                waiting=waiting.get(stage.id, 0),
                name=vault.subject.name,
            )
        )
    return found


def counted_of(vault: Vault) -> dict[UUID, Counted]:
    """Life stage id -> what was counted of it last. One query, and a small read for each."""
    return {row.life_stage_id: Counted.load(objects.read(row.count)) for row in _counts(vault)}


def _counts(vault: Vault):
    rows = Dataset.objects.filter(life_stage__subject__vault=vault, count__isnull=False)
    return rows.select_related("count__keyring")


def _marks(vault: Vault) -> dict[UUID, str]:
    kept = Face.objects.filter(state=Face.State.KEPT, offset__gte=0, track__segment__footage__vault=vault)
    sums = kept.order_by().values_list("track__segment__footage__life_stage").annotate(count=Count("id"), sum=Sum("id"))
    return {stage: mark(count, total) for stage, count, total in sums}


def _waiting(vault: Vault) -> dict[UUID, int]:
    people = Person.objects.filter(vault=vault, who=Person.Who.UNKNOWN, tracks__isnull=False).order_by()
    rows = people.values_list("tracks__segment__footage__life_stage").annotate(count=Count("id", distinct=True))
    return dict(rows)


@dataclass(frozen=True)
class Cell:
    """One look of the heat map. level: 0 none .. 4 enough."""

    faces: int
    needed: int

    @property
    def level(self) -> int:
        return 0 if not self.faces else min(4, 1 + int(3 * self.faces / self.needed))


def heat_map(counted: Counted) -> list[tuple[str, list[tuple[str, Cell]]]]:
    """(label of the row, [(label of the column, cell)]), looking up first, the picture's left first."""
    looks = counted.coverage.looks
    return [
        (
            _degrees(PITCHES[row], "down", "up", "level"),
            [
                (_degrees(YAWS[column], "left", "right", "front"), Cell(int(looks[column, row]), int(NEEDED[column, row])))
                for column in range(len(YAWS))
            ],
        )
        for row in reversed(range(len(PITCHES)))
    ]


def _degrees(angle: float, below: str, above: str, middle: str) -> str:
    return middle if angle == 0 else f"{abs(angle):.0f}° {below if angle < 0 else above}"


@dataclass(frozen=True)
class Bar:
    label: str
    faces: int
    needed: int = 0
    of: int = 1

    @property
    def is_short(self) -> bool:
        return self.faces < self.needed


def bars(counted: Counted) -> list[tuple[str, list[Bar]]]:
    """(heading, its bars): expressions and light, with what is needed of those that are asked for."""
    return [
        (
            heading,
            [
                Bar(one.label, counted.coverage.kinds[axis][one.name], NEEDED_OF[axis].get(one.name, 0), max(1, counted.kept))
                for one in AXES[axis]
            ],
        )
        for axis, heading in AXES_SHOWN
    ]


@dataclass
class Spread:
    """Over which footage and years the kept faces lie. films: (footage, faces), most first; more: films not named."""

    films: list[tuple[Footage, int]] = field(default_factory=list)
    more: int = 0
    years: list[Bar] = field(default_factory=list)


def spread(life_stage: LifeStage) -> Spread:
    """One query."""
    kept = Face.objects.filter(track__segment__footage=OuterRef("id"), state=Face.State.KEPT).order_by()
    per_film = kept.values("track__segment__footage").annotate(count=Count("id")).values("count")
    films = list(
        Footage.objects.filter(life_stage=life_stage).annotate(kept=Subquery(per_film)).filter(kept__gt=0).order_by("-kept", "id")
    )
    years: dict[int, int] = {}
    for film in films:
        year = film.filmed_on.year if film.filmed_on else 0
        years[year] = years.get(year, 0) + film.kept
    total = max(1, sum(years.values()))
    return Spread(
        films=[(film, film.kept) for film in films[:FILMS_SHOWN]],
        more=max(0, len(films) - FILMS_SHOWN),
        years=[Bar(str(year) if year else "no date", faces, of=total) for year, faces in sorted(years.items())],
    )


@dataclass(frozen=True)
class Cost:
    """A bound with where it stands and what it costs. beyond: faces of the subject; alone: of those that nothing else is held
    against; None where pairs are told and not faces."""

    bound: Bound
    value: float
    usual: float
    beyond: int | None
    alone: int | None

    @property
    def is_moved(self) -> bool:
        return self.value != self.usual


def costs(thresholds: Thresholds, counted: list[Counted]) -> list[Cost]:
    """Every bound, over some life stages."""
    found = []
    for bound in BOUNDS:
        pairs = [one.costs[bound.name] for one in counted if bound.name in one.costs] if bound.column else []
        beyond, alone = (sum(column) for column in zip(*pairs, strict=True)) if pairs else (None, None)
        usual = getattr(Thresholds(), bound.name)
        found.append(Cost(bound, getattr(thresholds, bound.name), usual, beyond, alone))
    return found
