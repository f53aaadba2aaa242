"""Dates in EXIF (CIPA DC-008-2019): a TIFF structure of tags, the same in every kind of picture."""

from datetime import date

from acquisition.dating.datings import Dating, Source, written
from acquisition.dating.reader import Garbage, Reader, of_bytes

ORDERS = {b"II*\0": "little", b"MM\0*": "big"}
MOST_TAGS = 512
LONGEST_TEXT = 64
EXIF_POINTER = 0x8769
DATE_TIME_ORIGINAL, DATE_TIME_DIGITISED = 0x9003, 0x9004
ASCII, LONG = 2, 4


def datings(block: bytes, today: date) -> list[Dating]:
    """What an EXIF block says; it begins with the TIFF header, or with `Exif` and two zeros before that. Nothing of garbage.

    DateTimeOriginal is when the shutter opened. CreateDate (DateTimeDigitized) counts only alone: it is then a scanner's.
    DateTime, which any program changes, is not read; nor is OffsetTime, as the clock on the wall tells the day without it.
    """
    try:
        tags = _exif_tags(of_bytes(block.removeprefix(b"Exif\0\0")))
    except Garbage:
        return []
    for tag, source in ((DATE_TIME_ORIGINAL, Source.EXIF), (DATE_TIME_DIGITISED, Source.DIGITISED)):
        text = tags.get(tag)
        dating = written(text, source, today) if isinstance(text, str) else None
        if dating:
            return [dating]
    return []


def _exif_tags(reader: Reader) -> dict[int, int | str]:
    order = ORDERS.get(reader.at(0, 4))
    if order is None:
        raise Garbage("no TIFF header")
    place = _tags(reader, reader.number(4, 4, order), order).get(EXIF_POINTER)
    return _tags(reader, place, order) if isinstance(place, int) else {}


def _tags(reader: Reader, place: int, order: str) -> dict[int, int | str]:
    """The short texts and the numbers of one directory."""
    count = reader.number(place, 2, order)
    if count > MOST_TAGS:
        raise Garbage(f"{count} tags")
    found: dict[int, int | str] = {}
    for number in range(count):
        entry = reader.at(place + 2 + 12 * number, 12)
        tag, kind, length = (int.from_bytes(entry[at : at + size], order) for at, size in ((0, 2), (2, 2), (4, 4)))  # type: ignore[arg-type]
        value = int.from_bytes(entry[8:], order)  # type: ignore[arg-type]
        if kind == LONG and length == 1:
            found[tag] = value
        elif kind == ASCII and 4 < length <= LONGEST_TEXT and tag in (DATE_TIME_ORIGINAL, DATE_TIME_DIGITISED):
            found[tag] = reader.at(value, length).decode("latin-1")
    return found
