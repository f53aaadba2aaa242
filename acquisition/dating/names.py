"""When footage was filmed, as the names of its file and of its folders say.

What is ambiguous is not read: days and months are never guessed, a camera's counter is no year, two different days are none.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date, time
from pathlib import PurePosixPath

from acquisition.dating.datings import EARLIEST, Dating, Precision, Source, believable, partial

# English, German, French, Spanish, Italian, without accents; three letters only where all write them so
MONTHS = {
    name: month
    for month, names in enumerate(
        (
            "january jan januar janvier enero gennaio",
            "february feb februar fevrier febrero febbraio",
            "march mar marz maerz mars marzo",
            "april apr avril abril aprile",
            "may mai mayo maggio",
            "june jun juni juin junio giugno",
            "july jul juli juillet julio luglio",
            "august aug aout agosto",
            "september sep sept septembre septiembre settembre",
            "october oct oktober okt octobre octubre ottobre",
            "november nov novembre noviembre",
            "december dec dezember dez decembre diciembre dicembre",
        ),
        start=1,
    )
    for name in names.split()
} | dict.fromkeys(["christmas", "xmas", "weihnachten", "heiligabend", "noel", "navidad", "natale"], 12)

# names that cameras and telephones count with: IMG_1987 is the picture after IMG_1986
COUNTERS = re.compile(
    r"(?:IMGP?|_?MG|DSC[NF]?|DCP|CIMG|HPIM|PICT|P|SAM|MVI|MOV|VID|VIDEO|CLIP|GOPR|G[HX]|DJI|MAH|STA|STB|WA|FRAME|IMAGE|PHOTO|FILE)"
    r"[ _-]?\d{3,6}",
    re.IGNORECASE,
)
_DAY = re.compile(r"(?<!\d)(\d{4})(?:([-_. ])(\d{1,2})\2(\d{1,2})|(\d{2})(\d{2}))(?=\D|$)(.*)", re.DOTALL)
_CLOCK = re.compile(r"(?:[-_. T]| at |, ?| um )+(\d{2})([-_.:h]?)(\d{2})\2(\d{2})(?:\D?\d{1,3})?(?!\d)")
_MONTH = re.compile(r"(?<![\d.-])(\d{4})[-_.](\d{2})(?![-_.]?\d)")
_DAY_LAST = re.compile(r"(?<!\d)(\d{1,2})([-_. ])(\d{1,2})\2(\d{4})(?!\d)")
_YEAR = re.compile(r"(?<![\dxX])(\d{4})(?![\dpPxX]|s\b)")
_WORDS = re.compile(r"\d+|[a-z]+")


def of_name(filename: str, today: date) -> list[Dating]:
    """What a file's name says, at most one dating: `IMG_20190704_153000.jpg`, `1987-06 holiday.mp4`, `scan_1962.png`."""
    stem = PurePosixPath(filename).stem
    found = _full(stem, Source.NAME, today) or _rough(stem, Source.NAME, today, counted=bool(COUNTERS.fullmatch(stem)))
    return [found] if found else []


def of_folder(folder: str, today: date) -> list[Dating]:
    """What the names of its folders say, the innermost that says anything: `Holiday 1987/Beach`, `2019/07/04`."""
    parts = [part for part in folder.replace("\\", "/").split("/") if part]
    for end in range(len(parts), 0, -1):
        for begin in range(max(0, end - 3), end - 1):
            numbers = parts[begin:end]
            if re.fullmatch(r"\d{4}(/\d{2}){1,2}", "/".join(numbers)):
                known = partial(*(int(number) for number in numbers))
                if known and believable(known[0], today):
                    return [Dating(*known, Source.FOLDER)]
        found = _full(parts[end - 1], Source.FOLDER, today) or _rough(parts[end - 1], Source.FOLDER, today)
        if found:
            return [found]
    return []


def _full(text: str, source: Source, today: date) -> Dating | None:
    """A whole day with the year first, perhaps with a clock; None if several different ones are named."""
    found: dict[date, Dating] = {}
    while match := _DAY.search(text):
        year, month, day = (int(part) for part in (match[1], match[3] or match[5], match[4] or match[6]))
        text = match[7]
        known = partial(year, month, day)
        if not month or not day or known is None or not believable(known[0], today):
            continue
        at = _clock(text)
        dating = Dating(known[0], Precision.SECOND if at else Precision.DAY, source, at)
        found.setdefault(dating.day, dating)
    return next(iter(found.values())) if len(found) == 1 else None


def _clock(rest: str) -> time | None:
    clock = _CLOCK.match(rest)
    try:
        return time(int(clock[1]), int(clock[3]), int(clock[4])) if clock else None
    except ValueError:
        return None


def _rough(text: str, source: Source, today: date, counted: bool = False) -> Dating | None:
    """A month or a year, or a day with its month in words; None if different ones are named, or only a counter."""
    if counted:
        return None
    found = {known for known in _named(text) if known[0] >= EARLIEST and believable(known[0], today)}
    # the same said less exactly beside it
    found = {one for one in found if not any(_holds(one, other) for other in found - {one})}
    return Dating(*found.pop(), source) if len(found) == 1 else None


def _holds(wide: tuple[date, Precision], narrow: tuple[date, Precision]) -> bool:
    return Dating(*narrow, Source.NAME).refines(Dating(*wide, Source.NAME))


def _named(text: str) -> Iterator[tuple[date, Precision]]:
    for match in _MONTH.finditer(text):
        known = partial(int(match[1]), int(match[2]))
        if known and known[1] is Precision.MONTH:
            yield known
    for match in _DAY_LAST.finditer(text):
        one, other, year = int(match[1]), int(match[3]), int(match[4])
        if one == other or max(one, other) > 12:
            known = partial(year, min(one, other), max(one, other))
            if known and min(one, other):
                yield known
    words = _WORDS.findall(_plain(text))
    for at, word in enumerate(words):
        if word in MONTHS:
            yield from _with_month(words, at)
    for match in _YEAR.finditer(text):
        known = partial(int(match[1]))
        if known:
            yield known


def _with_month(words: list[str], at: int) -> Iterator[tuple[date, Precision]]:
    """`4 July 2019`, `July 4 2019`, `July 2019`, `2019 July 4`: a year beside the month or one number further."""
    before = words[max(0, at - 1) : at]
    after = [re.sub(r"^(?:th|st|nd|rd)$", "", word) for word in words[at + 1 : at + 4]]
    after = [word for word in after if word][:2]
    near = [word for word in (*before, *after[:1]) if word.isdigit() and len(word) == 4]
    days = [int(word) for word in (*before, *after[:1]) if word.isdigit() and len(word) <= 2]
    far = [word for word in after[1:2] if word.isdigit() and len(word) == 4 and after[0].isdigit() and len(after[0]) <= 2]
    years = {int(word) for word in near + far}
    if len(years) != 1:
        return
    # Christmas is a month here, not a day: it is filmed on several
    known = partial(years.pop(), MONTHS[words[at]], days[0] if len(days) == 1 else 0)
    if known:
        yield known


def _plain(text: str) -> str:
    """In small letters without accents."""
    return "".join(sign for sign in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(sign))
