"""What the timeline shows: footage by year, along the stages of life. The same few queries however much there is."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import ExtractYear

from acquisition.dates import spans
from acquisition.dating import Source
from acquisition.models import Footage
from acquisition.queries import footage_of
from twinvault.vaults.ages import Span, age_in_words, stage_at
from twinvault.vaults.models import LifeStage, Vault

FOOTAGE_A_PAGE = 100
GUESSED = Q(filmed_source=Source.GUESS) | Q(stage_source=Footage.StageSource.GUESS)
UNDATED = Q(filmed_on=None)
LANES = {"": "All", "dated": "Dated", "guessed": "Guessed", "undated": "Undated", "moving": "Would move"}


@dataclass(frozen=True)
class Wanted:
    """Which footage to show; what is empty does not narrow it down."""

    lane: str = ""
    stage: UUID | None = None
    year: int | None = None

    @property
    def named(self) -> dict[str, str]:
        """As an address names it."""
        named = {"lane": self.lane, "stage": self.stage, "year": self.year}
        return {name: str(value) for name, value in named.items() if value}


def moving(vault: Vault) -> dict[UUID, LifeStage]:
    """{footage: the stage of life in which its date lies}, where that is another and no person has chosen one."""
    known = spans(vault.subject)
    dated = vault.footage.filter(filmed_on__isnull=False).exclude(stage_source=Footage.StageSource.PERSON).order_by()
    found = {}
    for footage_id, first, last, stage_id in dated.values_list("id", "filmed_on", "filmed_to", "life_stage_id"):
        stage, _ = stage_at(known, first, last)
        if isinstance(stage, LifeStage) and stage.id != stage_id:
            found[footage_id] = stage
    return found


def timeline(vault: Vault, wanted: Wanted, moves: dict[UUID, LifeStage]) -> QuerySet[Footage]:
    """The earliest first, what is undated last."""
    rows = narrowed(footage_of(vault), wanted)
    if wanted.lane == "dated":
        rows = rows.exclude(UNDATED).exclude(GUESSED)
    elif wanted.lane == "guessed":
        rows = rows.filter(GUESSED)
    elif wanted.lane == "undated":
        rows = rows.filter(UNDATED)
    elif wanted.lane == "moving":
        rows = rows.filter(id__in=list(moves))
    return rows.order_by(F("filmed_on").asc(nulls_last=True), F("filmed_time").asc(nulls_first=True), "filename", "id")


def narrowed(rows: QuerySet[Footage], wanted: Wanted) -> QuerySet[Footage]:
    if wanted.stage:
        rows = rows.filter(life_stage_id=wanted.stage)
    return rows.filter(filmed_on__year=wanted.year) if wanted.year else rows


def lanes(vault: Vault, wanted: Wanted, moves: dict[UUID, LifeStage]) -> dict[str, int]:
    """How much each lane holds."""
    counts = narrowed(vault.footage.order_by(), wanted).aggregate(
        all=Count("id"),
        dated=Count("id", filter=~UNDATED & ~GUESSED),
        guessed=Count("id", filter=GUESSED),
        undated=Count("id", filter=UNDATED),
    )
    return {"": counts.pop("all"), **counts, "moving": len(moves)}


@dataclass(frozen=True)
class Bar:
    """The footage of one year, in a drawing of WIDTH x HEIGHT units."""

    year: int
    dated: int
    guessed: int
    age: str
    x: int
    top: int
    guessed_top: int
    width: int

    @property
    def guessed_height(self) -> int:
        return self.top - self.guessed_top

    @property
    def height(self) -> int:
        return HEIGHT - self.top


@dataclass(frozen=True)
class Band:
    """A stage of life beneath the years."""

    name: str
    x: int
    width: int


@dataclass(frozen=True)
class Picture:
    bars: list[Bar]
    bands: list[Band]
    decades: list[tuple[int, int]]


WIDTH, HEIGHT = 1000, 100


def picture(vault: Vault, stage: UUID | None) -> Picture | None:
    """Footage by year over the stages of life; None while nothing is dated."""
    rows = narrowed(vault.footage.exclude(UNDATED).order_by(), Wanted(stage=stage)).annotate(year=ExtractYear("filmed_on"))
    counts = rows.values("year").annotate(all=Count("id"), guessed=Count("id", filter=Q(filmed_source=Source.GUESS)))
    found = {row["year"]: (row["all"] - row["guessed"], row["guessed"]) for row in counts}
    if not found:
        return None
    subject, known = vault.subject, spans(vault.subject)
    first, last = min([*found, subject.born or 9999]), max(found)
    step = WIDTH / (last - first + 1)
    most = max(sum(both) for both in found.values())
    bars = []
    for year, (dated, guessed) in sorted(found.items()):
        # a single piece is seen, too
        top = HEIGHT - (max(4, round(dated / most * HEIGHT)) if dated else 0)
        guessed_top = max(0, top - (max(4, round(guessed / most * HEIGHT)) if guessed else 0))
        age = age_in_words(subject.born, subject.born_on, date(year, 1, 1), date(year, 12, 31))
        bars.append(Bar(year, dated, guessed, age, round((year - first) * step), top, guessed_top, max(2, round(step) - 1)))
    bands = [band for span in known if (band := _band(span, first, last, step))]
    decades = [(year, round((year - first) * step)) for year in range(-(-first // 10) * 10, last + 1, 10)]
    return Picture(bars, bands, decades)


def _band(span: Span, first: int, last: int, step: float) -> Band | None:
    begins, ends = max(span.first.year, first), min(span.last.year, last)
    if begins > ends:
        return None
    return Band(span.stage.name, round((begins - first) * step), max(2, round((ends - begins + 1) * step) - 2))


def with_ages(vault: Vault, rows: list[Footage]) -> list[Footage]:
    """The rows, each with `.age`: how old the subject was, in words."""
    subject = vault.subject
    for row in rows:
        row.age = age_in_words(subject.born, subject.born_on, row.filmed_on, row.filmed_to) if row.filmed_on else ""
    return rows
