"""How old somebody was, and in which stage of life."""

from dataclasses import dataclass
from datetime import date

import pytest

from twinvault.vaults import ages


@dataclass
class Stage:
    name: str
    from_age: int | None = None
    to_age: int | None = None
    from_year: int | None = None
    to_year: int | None = None


USUAL = [Stage(name, first, last) for name, (first, last) in ages.USUAL_AGES.items()]


def test_the_usual_stages_follow_each_other_without_a_gap():
    for born_on in (None, date(1940, 6, 15), date(1940, 2, 29)):
        spans = ages.spans_of(USUAL, 1940, born_on)

        assert ages.gaps(spans) == []
        assert all(ages.overlapping(stage, spans) is None for stage in USUAL)


@pytest.mark.parametrize(
    ("day", "stage"),
    [
        (date(1939, 12, 31), None),
        (date(1940, 6, 15), "Childhood"),
        (date(1953, 6, 14), "Childhood"),
        (date(1953, 6, 15), "Youth"),
        (date(1965, 6, 15), "Adult years"),
        (date(2000, 6, 15), "Later years"),
        (date(2026, 1, 1), "Later years"),
    ],
)
def test_a_day_lies_in_the_stage_of_that_age(day, stage):
    found, certain = ages.stage_at(ages.spans_of(USUAL, 1940, date(1940, 6, 15)), day, day)

    assert (found.name if found else None, certain) == (stage, stage is not None)


def test_a_year_that_straddles_two_stages_is_not_certain():
    spans = ages.spans_of(USUAL, 1940, date(1940, 3, 1))

    assert ages.stage_at(spans, date(1953, 1, 1), date(1953, 12, 31)) == (USUAL[1], False)
    assert ages.stage_at(spans, date(1954, 1, 1), date(1954, 12, 31)) == (USUAL[1], True)


def test_with_the_year_alone_one_is_as_old_as_one_gets_in_it():
    assert ages.years_old(1940, None, date(1953, 1, 1)) == 13
    assert ages.age_in_words(1940, None, date(1953, 1, 1), date(1953, 12, 31)) == "13 years old"


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (date(1953, 6, 14), date(1953, 6, 14), "12 years old"),
        (date(1953, 1, 1), date(1953, 12, 31), "12 or 13 years old"),
        (date(1941, 7, 1), date(1941, 7, 1), "1 year old"),
        (date(1939, 1, 1), date(1939, 12, 31), ""),
    ],
)
def test_an_age_in_words(first, last, words):
    assert ages.age_in_words(1940, date(1940, 6, 15), first, last) == words


def test_nothing_is_known_without_a_birth():
    assert ages.spans_of(USUAL, None, None) == []
    assert ages.years_old(None, None, date(1953, 1, 1)) is None


def test_stages_in_years_need_no_birth_and_may_leave_gaps():
    lyon, sea = Stage("Lyon", from_year=1965, to_year=1979), Stage("At sea", from_year=1982)
    spans = ages.spans_of([sea, lyon], None, None)

    assert ages.gaps(spans) == [(lyon, sea)]
    assert (
        ages.overlapping(Stage("Youth", from_year=1979), [*spans, ages.span_of(Stage("Youth", from_year=1979), None, None)])
        == lyon
    )
