"""Where films keep when they were made: MP4 and QuickTime, Matroska and WebM, AVI."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime

from acquisition.dating import xmp
from acquisition.dating.boxes import boxes
from acquisition.dating.datings import Dating, Source, since, written
from acquisition.dating.pictures import riff_chunks
from acquisition.dating.reader import Garbage, Reader

LARGEST_TEXT = 2**16
MOST_KEYS = 500
QUICKTIME_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)
MATROSKA_EPOCH = datetime(2001, 1, 1, tzinfo=UTC)
XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
CREATION_DATE = b"com.apple.quicktime.creationdate"


def mp4(reader: Reader, today: date) -> Iterator[Dating]:
    """The camera's `creationdate` with its zone, `©day`, the header's creation_time in UTC, and XMP."""
    for kind, place, end in boxes(reader, 0, reader.size):
        if kind == b"moov":
            yield from _moov(reader, place, end, today)
        elif kind == b"uuid" and 16 < end - place <= xmp.LONGEST and reader.at(place, 16) == XMP_BOX:
            yield from xmp.datings(reader.at(place + 16, end - place - 16), today)


def _moov(reader: Reader, place: int, end: int, today: date) -> Iterator[Dating]:
    for kind, start, stop in boxes(reader, place, end):
        if kind == b"mvhd":
            wide = 8 if reader.number(start, 1) == 1 else 4
            made = since(QUICKTIME_EPOCH, reader.number(start + 4, wide), Source.CONTAINER, today)
            yield from [made] if made else []
        elif kind == b"meta":
            yield from _keyed(reader, start, stop, today)
        elif kind == b"udta":
            yield from _user_data(reader, start, stop, today)


def _keyed(reader: Reader, place: int, end: int, today: date) -> list[Dating]:
    """QuickTime metadata: `keys` names them, `ilst` holds a value for each number. In MP4 a version stands before the boxes."""
    if reader.at(place + 4, 4) != b"hdlr":
        place += 4
    parts = {kind: (start, stop) for kind, start, stop in boxes(reader, place, end)}
    if b"keys" not in parts or b"ilst" not in parts:
        return []
    start, stop = parts[b"keys"]
    wanted = 0
    for number, (_, name, name_end) in enumerate(boxes(reader, start + 8, stop), start=1):
        if number > MOST_KEYS:
            raise Garbage("too many keys")
        if name_end - name == len(CREATION_DATE) and reader.at(name, name_end - name) == CREATION_DATE:
            wanted = number
    for kind, start, stop in boxes(reader, *parts[b"ilst"]):
        if wanted and int.from_bytes(kind, "big") == wanted:
            return _values(reader, start, stop, today)
    return []


def _values(reader: Reader, place: int, end: int, today: date) -> list[Dating]:
    for kind, start, stop in boxes(reader, place, end):
        if kind == b"data" and 8 < stop - start <= LARGEST_TEXT:
            text = reader.at(start + 8, stop - start - 8).decode("latin-1")
            dating = written(text, Source.QUICKTIME, today)
            return [dating] if dating else []
    return []


def _user_data(reader: Reader, place: int, end: int, today: date) -> list[Dating]:
    """`©day`: in QuickTime a length, a language and a text; in MP4's `meta` as iTunes writes it, or keyed."""
    for kind, start, stop in boxes(reader, place, end):
        if kind == b"\xa9day" and 4 < stop - start <= LARGEST_TEXT:
            dating = written(reader.at(start + 4, stop - start - 4).decode("latin-1"), Source.QUICKTIME, today)
            return [dating] if dating else []
        if kind == b"meta":
            if keyed := _keyed(reader, start, stop, today):
                return keyed
            for inner, inner_start, inner_stop in boxes(reader, start + 4, stop):
                if inner == b"ilst":
                    for tag, tag_start, tag_stop in boxes(reader, inner_start, inner_stop):
                        if tag == b"\xa9day":
                            return _values(reader, tag_start, tag_stop, today)
    return []


SEGMENT, INFO, DATE_UTC, CLUSTER = 0x18538067, 0x1549A966, 0x4461, 0x1F43B675


def matroska(reader: Reader, today: date) -> list[Dating]:
    """DateUTC in the segment's information (RFC 9559): nanoseconds since 2001. Nothing behind the first pictures is read."""
    for kind, place, end in _elements(reader, 0, reader.size):
        if kind != SEGMENT:
            continue
        for inner, start, stop in _elements(reader, place, end):
            if inner == CLUSTER:
                return []
            if inner != INFO:
                continue
            for tag, at, tag_end in _elements(reader, start, stop):
                if tag == DATE_UTC and tag_end - at == 8:
                    nanoseconds = int.from_bytes(reader.at(at, 8), "big", signed=True)
                    made = since(MATROSKA_EPOCH, nanoseconds / 1e9, Source.CONTAINER, today)
                    return [made] if made else []
    return []


def _elements(reader: Reader, place: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(id, where its content begins, where it ends) of EBML elements (RFC 8794); one of unknown size reaches to the end."""
    for _ in range(MOST_KEYS):
        if place >= end:
            return
        kind, place = _variable(reader, place, keep_mark=True)
        size, place = _variable(reader, place, keep_mark=False)
        stop = end if size < 0 else place + size
        if stop > end:
            raise Garbage(f"an element of {size} bytes at {place}")
        yield kind, place, stop
        place = stop


def _variable(reader: Reader, place: int, keep_mark: bool) -> tuple[int, int]:
    """A number of one to eight bytes, and the place after it; -1 for the size that says `unknown`."""
    first = reader.number(place, 1)
    length = 9 - first.bit_length()
    if length > (4 if keep_mark else 8):
        raise Garbage(f"no element at {place}")
    value = reader.number(place, length)
    if not keep_mark:
        value &= (1 << 7 * length) - 1
        value = -1 if value == (1 << 7 * length) - 1 else value
    return value, place + length


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_C_TIME = re.compile(r"\w{3}\s+(\w{3})\s+(\d{1,2})\s+(\d{2}:\d{2}:\d{2})\s+(\d{4})")


def avi(reader: Reader, today: date) -> list[Dating]:
    """IDIT in the header: `Thu Jul 04 15:30:00 2019`, or with the year first."""
    for kind, place, length in riff_chunks(reader, 12, reader.size):
        if kind != b"LIST" or length < 4 or reader.at(place, 4) != b"hdrl":
            continue
        for inner, start, size in riff_chunks(reader, place + 4, place + length):
            if inner == b"IDIT" and size <= LARGEST_TEXT:
                text = reader.at(start, size).decode("latin-1").strip("\0\r\n ")
                if found := _C_TIME.fullmatch(text):
                    month = _MONTHS.index(found[1].lower()) + 1 if found[1].lower() in _MONTHS else 0
                    text = f"{found[4]}-{month:02}-{int(found[2]):02} {found[3]}"
                dating = written(text, Source.AVI, today)
                return [dating] if dating else []
    return []
