"""What is known of when footage was filmed: a day, how exact it is, and who says so."""

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

EARLIEST = date(1826, 1, 1)
"""The oldest photograph that is known is of 1826 or 1827."""
EARLIEST_DIGITAL = date(1991, 1, 1)
"""A date that only a program has written cannot be older than the file formats that hold it."""
UNSET_CLOCKS = (date(1904, 1, 1), date(1970, 1, 1), date(1980, 1, 1))
"""What clocks say that nobody has set: zero in QuickTime, Unix and FAT."""


class Precision(StrEnum):
    SECOND = "second"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"


class Source(StrEnum):
    """Who says when footage was filmed. See TRUST for who is believed."""

    PERSON = "person"
    XMP_SIDECAR = "xmp sidecar"
    EXIF = "exif"
    QUICKTIME = "quicktime"
    XMP = "xmp"
    AVI = "avi"
    TAKEOUT = "takeout"
    NAME = "name"
    CONTAINER = "container"
    DIGITISED = "digitised"
    FOLDER = "folder"
    GUESS = "guess"


# the most trusted first; what each is, and why it stands where it stands
TRUST = {
    Source.PERSON: "a person",  # was there, or knows who was; never overwritten
    Source.XMP_SIDECAR: "the .xmp file beside it",  # somebody has put the camera right
    Source.EXIF: "the camera, in the picture",  # DateTimeOriginal: the clock on the wall when the shutter opened
    Source.QUICKTIME: "the camera, in the film",  # com.apple.quicktime.creationdate: with its zone, kept by editing programs
    Source.XMP: "a photo program, in the file",  # DateTimeOriginal or DateCreated, copied from the camera or typed
    Source.AVI: "the camera, in the film",  # IDIT: written by the camera, no zone
    Source.TAKEOUT: "Google Takeout's .json file",  # in UTC, and the day of the upload where Google knew no other
    Source.NAME: "its file name",  # a camera's pattern, or words that a person typed
    Source.CONTAINER: "the program that wrote the file",  # in UTC; often when it was cut, digitised or sent
    Source.DIGITISED: "when it was digitised",  # EXIF CreateDate alone: a scanner's clock
    Source.FOLDER: "its folder's name",  # said of many at once
    Source.GUESS: "a guess",  # by what lies beside it; to be confirmed
}
_RANKS = {source: rank for rank, source in enumerate(TRUST)}
_FINENESS = [Precision.YEAR, Precision.MONTH, Precision.DAY, Precision.SECOND]


@dataclass(frozen=True)
class Dating:
    """When footage was filmed. `day` is the first day of what `precision` leaves open; `at` is the clock on the wall there.

    With `utc` day and time are those of Greenwich, since the source knows no zone.
    """

    day: date
    precision: Precision
    source: Source
    at: time | None = None
    utc: bool = False

    @property
    def last(self) -> date:
        """The last day that it leaves open."""
        return last_day(self.day, self.precision)

    def in_zone(self, zone: tzinfo) -> "Dating":
        """With a UTC time as the clocks of `zone` showed it."""
        if not self.utc or self.at is None:
            return self
        there = datetime.combine(self.day, self.at, UTC).astimezone(zone)
        return replace(self, day=there.date(), at=there.time(), utc=False)

    def refines(self, other: "Dating") -> bool:
        """Whether it says the same as `other`, more exactly."""
        finer = _FINENESS.index(self.precision) > _FINENESS.index(other.precision)
        return finer and other.day <= self.day and self.last <= other.last


def last_day(day: date, precision: str) -> date:
    if precision == Precision.YEAR:
        return date(day.year, 12, 31)
    if precision == Precision.MONTH:
        return date(day.year, day.month, calendar.monthrange(day.year, day.month)[1])
    return day


def best(datings: Iterable[Dating]) -> Dating | None:
    """The dating that is trusted most; of a less trusted one only what makes it more exact. None of none."""
    ranked = sorted(datings, key=lambda dating: _RANKS[dating.source])
    if not ranked:
        return None
    chosen = ranked[0]
    if chosen.source is Source.PERSON:
        return chosen
    for other in ranked[1:]:
        if other.refines(chosen):
            chosen = other
    return chosen


def partial(year: int, month: int = 0, day: int = 0) -> tuple[date, Precision] | None:
    """The first day, and how exact it is; a month or a day of 0 is not known. None for a day that no calendar has."""
    try:
        if not month:
            return (date(year, 1, 1), Precision.YEAR) if not day else None
        if not day:
            return date(year, month, 1), Precision.MONTH
        return date(year, month, day), Precision.DAY
    except ValueError:
        return None


def believable(day: date, today: date, earliest: date = EARLIEST) -> bool:
    """Whether footage can be of that day: no unset clock, not before there were pictures, not in the future."""
    return earliest <= day <= today + timedelta(days=1) and day not in UNSET_CLOCKS


_WRITTEN = re.compile(
    r"\s*(\d{4})(?:[-:/.](\d{1,2})(?:[-:/.](\d{1,2})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?)?)?"
    r"(?:[.,]\d+)?\s*(?:Z|UTC|[-+]\d{2}:?\d{2})?[\s\0]*"
)


def written(text: str, source: Source, today: date, earliest: date = EARLIEST) -> Dating | None:
    """A date as tags write it: `2019:07:04 15:30:00`, `2019-07-04T15:30:00+0200`, `2019-07`, `2019:00:00 00:00:00`.

    A zone is read over: what counts is the clock on the wall. None for garbage, and for what is not believable.
    """
    found = _WRITTEN.fullmatch(text[:64])
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    known = partial(year, month, day)
    if known is None or not believable(known[0], today, earliest):
        return None
    if known[1] is not Precision.DAY or found[4] is None:
        return Dating(*known, source)
    try:
        # a leap second is the one after
        at = time(hour, minute, min(second, 59))
    except ValueError:
        return Dating(*known, source)
    return Dating(known[0], Precision.SECOND, source, at)


def since(epoch: datetime, seconds: float, source: Source, today: date) -> Dating | None:
    """A moment counted in seconds from an epoch, in UTC. None for zero, and for what is not believable."""
    try:
        moment = epoch + timedelta(seconds=seconds)
    except OverflowError:
        return None
    if not seconds or not believable(moment.date(), today, EARLIEST_DIGITAL if source is Source.CONTAINER else EARLIEST):
        return None
    return Dating(moment.date(), Precision.SECOND, source, moment.time().replace(microsecond=0), utc=True)
