"""How old the subject was, and which stage of life that is. Pure: days in, days and words out.

A stage's bounds are ages or years, both ends included. Ages become days by the day of birth; where only its year is known,
somebody is taken to be as old all through a year as they get in it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Protocol

USUAL_AGES = {"Childhood": (0, 12), "Youth": (13, 24), "Adult years": (25, 59), "Later years": (60, None)}
"""The stages of life that a new vault proposes, and their bounds in years of age; None is open."""
OLDEST = 130
OF_AGE = 18
"""Until then guardians consent for a child; from then on nobody does in somebody's place."""
ANYBODY = 1900


class Stage(Protocol):
    """What is asked of a stage of life."""

    name: str
    from_age: int | None
    to_age: int | None
    from_year: int | None
    to_year: int | None


@dataclass(frozen=True)
class Span:
    """A stage of life from a day to a day, both included."""

    stage: Stage
    first: date
    last: date


def birthday(born_on: date, age: int) -> date:
    """The day on which somebody gets so old; of those born on a 29 February, in other years the first of March."""
    try:
        return born_on.replace(year=born_on.year + age)
    except ValueError:
        return date(born_on.year + age, 3, 1)


def years_before(day: date, years: int) -> date:
    """The last day of birth of those who are so old on that day, as `birthday` counts."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return date(day.year - years, 2, 28)


def span_of(stage: Stage, born: int | None, born_on: date | None) -> Span | None:
    """The days of a stage. None if it has no bounds, or has ages and no birth to count them from."""
    first, last = date.min, date.max
    if stage.from_age is not None or stage.to_age is not None:
        if born is None:
            return None
        begins = born_on or date(born, 1, 1)
        if stage.from_age is not None:
            first = birthday(begins, stage.from_age)
        if stage.to_age is not None:
            last = birthday(begins, stage.to_age + 1) - timedelta(days=1)
        # nobody is filmed before birth
        return Span(stage, max(first, begins), last)
    if stage.from_year is None and stage.to_year is None:
        return None
    if stage.from_year is not None:
        first = date(stage.from_year, 1, 1)
    if stage.to_year is not None:
        last = date(stage.to_year, 12, 31)
    return Span(stage, first, last)


def spans_of(stages: Iterable[Stage], born: int | None, born_on: date | None) -> list[Span]:
    """Of the stages whose days are known, in the order of life."""
    spans = (span_of(stage, born, born_on) for stage in stages)
    return sorted((span for span in spans if span), key=lambda span: span.first)


def stage_at(spans: Iterable[Span], first: date, last: date) -> tuple[Stage | None, bool]:
    """The stage in which the middle of a time lies, and whether all of that time does. (None, False) if it lies in none."""
    middle = first + (last - first) / 2
    for span in spans:
        if span.first <= middle <= span.last:
            return span.stage, span.first <= first and last <= span.last
    return None, False


def comparable(stages: Iterable[Stage], born: int | None, born_on: date | None) -> list[Span]:
    """The spans that can be held against each other: while no birth is known, ages against ages, as of anybody; else all."""
    stages = list(stages)
    aged = [stage for stage in stages if stage.from_age is not None or stage.to_age is not None]
    return spans_of(stages, born, born_on) if born or not aged else spans_of(aged, ANYBODY, None)


def overlapping(stage: Stage, spans: list[Span]) -> Stage | None:
    """Another stage that shares a day with this one, or None."""
    mine = next((span for span in spans if span.stage == stage), None)
    for span in spans:
        if mine and span.stage != stage and span.first <= mine.last and mine.first <= span.last:
            return span.stage
    return None


def gaps(spans: list[Span]) -> list[tuple[Stage, Stage]]:
    """Stages that follow each other with days between them."""
    return [
        (earlier.stage, later.stage)
        for earlier, later in pairwise(spans)
        if earlier.last < date.max and later.first > earlier.last + timedelta(days=1)
    ]


def years_old(born: int | None, born_on: date | None, day: date) -> int | None:
    """Whole years of age on a day; None if the birth is not known, or came later."""
    if born is None or day < (born_on or date(born, 1, 1)):
        return None
    if born_on is None:
        return day.year - born
    return day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day))


def age_in_words(born: int | None, born_on: date | None, first: date, last: date) -> str:
    """`12 years old`, `11 or 12 years old`; empty where it is not known."""
    oldest = years_old(born, born_on, last)
    if oldest is None:
        return ""
    youngest = years_old(born, born_on, first)
    if youngest is None or youngest == oldest:
        return f"{oldest} year{'' if oldest == 1 else 's'} old"
    return f"{youngest} or {oldest} years old"
