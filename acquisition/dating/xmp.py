"""Dates in XMP (ISO 16684-1), inside a file or beside it.

The few properties are looked for by their names; no XML is parsed, so that no entity is ever expanded.
"""

import re
from datetime import date

from acquisition.dating.datings import Dating, Source, written

LONGEST = 2**20
# as an attribute or as an element
_PROPERTY = rb"""%s\s*(?:=\s*["']|>)\s*([0-9][0-9T:.+Z /-]{3,39})"""
FILMED = tuple(re.compile(_PROPERTY % name) for name in (rb"exif:DateTimeOriginal", rb"photoshop:DateCreated"))
DIGITISED = tuple(re.compile(_PROPERTY % name) for name in (rb"exif:DateTimeDigitized", rb"xmp:CreateDate"))


def datings(packet: bytes, today: date, source: Source = Source.XMP) -> list[Dating]:
    """What an XMP packet says; nothing where it is garbage, or in UTF-16."""
    for patterns, whose in ((FILMED, source), (DIGITISED, Source.DIGITISED)):
        for pattern in patterns:
            found = pattern.search(packet[:LONGEST])
            dating = written(found[1].decode("ascii"), whose, today) if found else None
            if dating:
                return [dating]
    return []
