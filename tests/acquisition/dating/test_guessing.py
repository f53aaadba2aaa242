"""Proposals for what has no date, and whom one believes."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from acquisition.dating import Dating, Precision, Source, best
from acquisition.dating.datings import since
from acquisition.dating.guessing import Neighbour, guess

BATCH = "one go"


def near(filename: str, day: date | None = None, folder: str = "", batch=BATCH, last: date | None = None) -> Neighbour:
    return Neighbour(filename, filename, folder, batch, day, last or day)


def one(filename: str, *others: Neighbour):
    found = guess([*others, near(filename, folder=others[0].folder, batch=others[0].batch)]).get(filename)
    return (found.day, found.precision, found.reason) if found else None


def test_a_number_between_two_of_a_day_is_of_that_day():
    day = date(2019, 7, 4)

    assert one("IMG_0012.jpg", near("IMG_0010.jpg", day), near("IMG_0014.jpg", day)) == (
        day,
        Precision.DAY,
        "It is counted between IMG_0010.jpg and IMG_0014.jpg.",
    )


@pytest.mark.parametrize(
    ("last", "first", "precision"),
    [
        (date(2019, 7, 6), date(2019, 7, 1), Precision.MONTH),
        (date(2019, 9, 6), date(2019, 1, 1), Precision.YEAR),
    ],
)
def test_it_is_no_more_exact_than_its_neighbours(last, first, precision):
    found = one("IMG_0012.jpg", near("IMG_0010.jpg", date(2019, 7, 4)), near("IMG_0014.jpg", last))

    assert found[:2] == (first, precision)


def test_between_two_years_nothing_is_proposed():
    assert one("IMG_0012.jpg", near("IMG_0010.jpg", date(2018, 12, 31)), near("IMG_0014.jpg", date(2019, 1, 2))) is None


def test_one_neighbour_tells_the_month():
    assert one("IMG_0012.jpg", near("IMG_0010.jpg", date(2019, 7, 4)))[:2] == (date(2019, 7, 1), Precision.MONTH)
    assert one("IMG_0112.jpg", near("IMG_0010.jpg", date(2019, 7, 4))) is None


def test_counters_of_other_folders_and_other_goes_say_nothing():
    elsewhere = [near("IMG_0010.jpg", date(2019, 7, 4), batch="before"), near("IMG_0014.jpg", date(2019, 7, 4), batch="before")]

    assert guess([*elsewhere, near("IMG_0012.jpg")]) == {}


def test_a_folder_tells_what_its_files_agree_on():
    inside = [near("a.jpg", date(1987, 6, 1), "Sea"), near("b.jpg", date(1987, 8, 1), "Sea", last=date(1987, 8, 31))]

    assert one("c.jpg", *inside) == (date(1987, 1, 1), Precision.YEAR, "The others in the folder Sea are of that time.")


def test_what_was_sent_together_is_of_one_time():
    assert one("c.jpg", near("a.jpg", date(1987, 6, 1)), near("b.jpg", date(1987, 6, 9)))[:2] == (
        date(1987, 6, 1),
        Precision.MONTH,
    )
    assert one("c.jpg", near("a.jpg", date(1987, 6, 1))) is None


def said(source: Source, day: date, precision: Precision = Precision.DAY) -> Dating:
    return Dating(day, precision, source)


def test_the_more_trusted_wins():
    datings = [said(source, date(2000 + at, 1, 1)) for at, source in enumerate(Source)]

    assert best(datings).source is Source.PERSON
    assert best(datings[1:]).source is Source.XMP_SIDECAR
    assert best([]) is None


def test_the_less_trusted_makes_it_more_exact_but_not_another():
    year = said(Source.NAME, date(1987, 1, 1), Precision.YEAR)
    inside, outside = said(Source.CONTAINER, date(1987, 12, 24)), said(Source.CONTAINER, date(2005, 3, 1))

    assert best([inside, year]) == inside
    assert best([outside, year]) == year


def test_a_persons_year_stays_a_year():
    year = said(Source.PERSON, date(1987, 1, 1), Precision.YEAR)

    assert best([said(Source.EXIF, date(1987, 12, 24)), year]) == year


def test_a_time_in_utc_is_shown_by_the_clock_at_home():
    moment = since(datetime(1970, 1, 1, tzinfo=UTC), 1562281200, Source.TAKEOUT, date(2026, 1, 1))

    assert moment.day == date(2019, 7, 4)
    assert moment.in_zone(timezone(timedelta(hours=2))).day == date(2019, 7, 5)
