"""A proposal for what has no date: from the numbers in names, from the folder, from what was sent in the same go.

What is proposed is never finer than what its neighbours agree on, and says why.
"""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath

from acquisition.dating.datings import Precision, last_day

FARTHEST = 200
"""Numbers apart: further away, a counter says nothing."""
NEAR_END = 20
"""Numbers apart, where only one side is dated."""
_NUMBERED = re.compile(r"(.*?)(\d{1,9})$", re.DOTALL)


@dataclass(frozen=True)
class Neighbour:
    """A piece of footage, as proposals see it, filmed between `day` and `last`; None if it has no date, or a guessed one."""

    key: Hashable
    filename: str
    folder: str
    batch: Hashable | None
    day: date | None
    last: date | None = None


@dataclass(frozen=True)
class Guess:
    """When it may have been filmed: from `day` on, as exactly as `precision`; `reason` is a sentence."""

    day: date
    precision: Precision
    reason: str


def guess(neighbours: Iterable[Neighbour]) -> dict[Hashable, Guess]:
    """{key: proposal} for those without a date that can be given one. Names lend weight first, then folders, then batches."""
    rows = list(neighbours)
    found: dict[Hashable, Guess] = {}
    for proposals in (_by_batch(rows), _by_folder(rows), _by_number(rows)):
        found.update(proposals)
    return found


def series_of(filename: str) -> str:
    """What stands before the number at the end of a name: `IMG_` of `IMG_0012.jpg`. Empty where there is none."""
    numbered = _NUMBERED.fullmatch(PurePosixPath(filename).stem)
    return numbered[1] if numbered else ""


def _by_number(rows: list[Neighbour]) -> Iterator[tuple[Hashable, Guess]]:
    """IMG_0012 between dated IMG_0010 and IMG_0014 of the same folder and, where there is no folder, the same batch."""
    series = defaultdict(list)
    for row in rows:
        numbered = _NUMBERED.fullmatch(PurePosixPath(row.filename).stem)
        if numbered:
            series[row.folder, None if row.folder else row.batch, numbered[1]].append((int(numbered[2]), row))
    for counted in series.values():
        counted.sort(key=lambda one: one[0])
        for at, (number, row) in enumerate(counted):
            if row.day is None:
                before = next((one for one in reversed(counted[:at]) if one[1].day and number - one[0] <= FARTHEST), None)
                after = next((one for one in counted[at + 1 :] if one[1].day and one[0] - number <= FARTHEST), None)
                proposal = _between(number, before, after)
                if proposal:
                    yield row.key, proposal


def _between(number: int, before: tuple[int, Neighbour] | None, after: tuple[int, Neighbour] | None) -> Guess | None:
    sides = [side for side in (before, after) if side]
    if before and after:
        reason = f"It is counted between {before[1].filename} and {after[1].filename}."
    elif sides and abs(sides[0][0] - number) <= NEAR_END:
        reason = f"It is counted next to {sides[0][1].filename}."
    else:
        return None
    agreed = _agreed([row for _, row in sides])
    if agreed is None:
        return None
    # one neighbour alone tells the month at most
    if len(sides) == 1 and agreed[1] is Precision.DAY:
        agreed = agreed[0].replace(day=1), Precision.MONTH
    return Guess(*agreed, reason)


def _by_folder(rows: list[Neighbour]) -> Iterator[tuple[Hashable, Guess]]:
    folders = defaultdict(list)
    for row in rows:
        if row.folder:
            folders[row.folder].append(row)
    for folder, inside in folders.items():
        yield from _together(inside, f"The others in the folder {folder.rsplit('/', 1)[-1]} are of that time.")


def _by_batch(rows: list[Neighbour]) -> Iterator[tuple[Hashable, Guess]]:
    batches = defaultdict(list)
    for row in rows:
        if row.batch is not None:
            batches[row.batch].append(row)
    for inside in batches.values():
        yield from _together(inside, "What was sent with it is of that time.")


def _together(rows: list[Neighbour], reason: str) -> Iterator[tuple[Hashable, Guess]]:
    """If at least two are dated, and all that are agree on a year, the others are proposed to be of it."""
    dated = [row for row in rows if row.day]
    agreed = _agreed(dated) if len(dated) > 1 else None
    if agreed:
        for row in rows:
            if row.day is None:
                yield row.key, Guess(*agreed, reason)


def _agreed(rows: list[Neighbour]) -> tuple[date, Precision] | None:
    """The finest period that holds all of them: a day, a month or a year; None if they are of several years."""
    first = min(row.day for row in rows if row.day)
    last = max(row.last for row in rows if row.last)
    for precision, day in (
        (Precision.DAY, first),
        (Precision.MONTH, first.replace(day=1)),
        (Precision.YEAR, date(first.year, 1, 1)),
    ):
        if last <= last_day(day, precision):
            return day, precision
    return None
