"""Where pictures keep EXIF and XMP: JPEG (ISO 10918-1), PNG (third edition), WebP (RFC 9649), HEIC and AVIF (ISO 23008-12)."""

from collections.abc import Iterator
from datetime import date

from acquisition.dating import exif, xmp
from acquisition.dating.boxes import boxes
from acquisition.dating.datings import Dating
from acquisition.dating.reader import Garbage, Reader, of_bytes

LARGEST_BLOCK = 2**20
MOST_PARTS = 500
XMP_IN_JPEG = b"http://ns.adobe.com/xap/1.0/\0"
XMP_IN_PNG = b"XML:com.adobe.xmp\0"


def jpeg(reader: Reader, today: date) -> Iterator[Dating]:
    """EXIF and XMP lie in APP1 segments, before the picture begins."""
    place = 2
    for _ in range(MOST_PARTS):
        marker, length = reader.number(place, 2), reader.number(place + 2, 2)
        if marker < 0xFF01 or marker in (0xFFDA, 0xFFD9) or length < 2:
            break
        if marker == 0xFFE1:
            block = reader.at(place + 4, length - 2)
            if block.startswith(b"Exif\0\0"):
                yield from exif.datings(block, today)
            elif block.startswith(XMP_IN_JPEG):
                yield from xmp.datings(block, today)
        place += 2 + length


def png(reader: Reader, today: date) -> Iterator[Dating]:
    place = 8
    for _ in range(MOST_PARTS):
        length, kind = reader.number(place, 4), reader.at(place + 4, 4)
        if kind == b"IEND":
            break
        if kind == b"eXIf" and length <= LARGEST_BLOCK:
            yield from exif.datings(reader.at(place + 8, length), today)
        if kind == b"iTXt" and length <= LARGEST_BLOCK:
            text = reader.at(place + 8, length)
            yield from xmp.datings(text, today) if text.startswith(XMP_IN_PNG) else ()
        place += 12 + length
        if place >= reader.size:
            break


def webp(reader: Reader, today: date) -> Iterator[Dating]:
    for kind, place, length in riff_chunks(reader, 12, reader.size):
        if kind == b"EXIF" and length <= LARGEST_BLOCK:
            yield from exif.datings(reader.at(place, length), today)
        elif kind == b"XMP " and length <= LARGEST_BLOCK:
            yield from xmp.datings(reader.at(place, length), today)


def riff_chunks(reader: Reader, place: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, where its content begins, its length) of the chunks of a RIFF list."""
    for _ in range(MOST_PARTS):
        if place + 8 > end:
            return
        length = reader.number(place + 4, 4, "little")
        yield reader.at(place, 4), place + 8, length
        place += 8 + length + length % 2


def heif(reader: Reader, today: date) -> Iterator[Dating]:
    """Items of the types `Exif` and `mime` are named in `iinf`; `iloc` says where they lie."""
    for kind, place, end in boxes(reader, 0, reader.size):
        if kind != b"meta" or end - place > LARGEST_BLOCK:
            continue
        parts = {inner: reader.at(start, stop - start) for inner, start, stop in boxes(reader, place + 4, end)}
        types = _item_types(parts.get(b"iinf", b""))
        for item, (at, length) in _item_places(parts.get(b"iloc", b"")).items():
            if types.get(item) not in (b"Exif", b"mime") or length > LARGEST_BLOCK:
                continue
            block = reader.at(at, length)
            if types[item] == b"mime":
                yield from xmp.datings(block, today)
            else:
                yield from exif.datings(block[4 + int.from_bytes(block[:4], "big") :], today)


def _item_types(iinf: bytes) -> dict[int, bytes]:
    if len(iinf) < 8:
        return {}
    reader = of_bytes(iinf)
    found = {}
    for kind, place, _ in boxes(reader, 6 if iinf[0] == 0 else 8, len(iinf)):
        version = reader.number(place, 1)
        if kind == b"infe" and version >= 2:
            wide = 2 if version == 2 else 4
            found[reader.number(place + 4, wide)] = reader.at(place + 4 + wide + 2, 4)
    return found


def _item_places(iloc: bytes) -> dict[int, tuple[int, int]]:
    """{item: (place in the file, length)} of the items that lie in one piece in the file itself."""
    if len(iloc) < 8:
        return {}
    reader = of_bytes(iloc)
    version = reader.number(0, 1)
    if version > 2:
        raise Garbage(f"iloc of version {version}")
    sizes = reader.number(4, 2)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    wide = 4 if version == 2 else 2
    count, place = reader.number(6, wide), 6 + wide
    found = {}
    for _ in range(min(count, MOST_PARTS)):
        item, method = reader.number(place, wide), 0
        place += wide
        if version:
            method, place = reader.number(place, 2) & 15, place + 2
        base, place = reader.number(place + 2, base_size), place + 2 + base_size
        extents, place = reader.number(place, 2), place + 2
        skipped = index_size if version else 0
        if extents == 1 and method == 0:
            at = place + skipped
            found[item] = (base + reader.number(at, offset_size), reader.number(at + offset_size, length_size))
        place += extents * (skipped + offset_size + length_size)
    return found
