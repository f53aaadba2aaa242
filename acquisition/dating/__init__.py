"""Reads when footage was filmed from what it brings along: tags, sidecars, names, neighbours. Pure.

The bytes are anybody's. So tags are read by parsers of our own, which are small, know nothing but dates, read a bounded part of a
file, and answer garbage with nothing; no picture is decoded.
"""

from contextlib import suppress
from datetime import date
from typing import BinaryIO

from acquisition.dating import films, pictures
from acquisition.dating.datings import TRUST, Dating, Precision, Source, best
from acquisition.dating.reader import Garbage, Reader

__all__ = ["TRUST", "Dating", "Precision", "Source", "best", "read"]

HEIF_BRANDS = (b"heic", b"heix", b"heif", b"mif1", b"msf1", b"hevc", b"avif")


def read(source: BinaryIO, today: date | None = None) -> list[Dating]:
    """What the tags in a picture or a film say of when it was filmed; nothing for other files and for garbage.

    `source` is a seekable binary reader and is left where the last tag was. `today` is what no footage is later than.
    """
    found: list[Dating] = []
    reader = Reader(source)
    with suppress(Garbage):
        parser = _parser(reader.at(0, 12))
        for dating in parser(reader, today or date.today()) if parser else ():
            found.append(dating)
    return found


def _parser(head: bytes):
    if head.startswith(b"\xff\xd8\xff"):
        return pictures.jpeg
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return pictures.png
    if head.startswith(b"RIFF"):
        return {b"WEBP": pictures.webp, b"AVI ": films.avi}.get(head[8:])
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return films.matroska
    if head[4:8] == b"ftyp":
        return pictures.heif if head[8:] in HEIF_BRANDS else films.mp4
    return films.mp4 if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip") else None
