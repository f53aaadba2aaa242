"""Files that lie beside footage and say when it was filmed: Google Takeout's .json, and .xmp of photo programs.

Google's names follow the footage they belong to, clipped: `X.jpg.json`, `X.jpg.supplemental-metadata.json`, of which no more than
46 signs stand before `.json`. A counter moves: `Scan35(1).jpg` has `Scan35.jpg.supplemental-metadata(1).json`. What was edited,
and the film of a moving picture, have none of their own.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import PurePosixPath

from acquisition.dating import xmp
from acquisition.dating.datings import Dating, Source, since

LARGEST = 2**20
CLIPPED = 46
SUPPLEMENT = ".supplemental-metadata"
ENDINGS = (".json", ".xmp")
EDITED = re.compile(
    r"-(?:edited|bearbeitet|modifi[eé]|editad[oa]|modificato|bewerkt|edytowane|redigerad|redigeret|muokattu|編集済み|EFFECTS)$",
    re.IGNORECASE,
)
_COUNTER = re.compile(r"\((\d{1,5})\)$")
UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Name:
    """What a sidecar's name says of whose it is: the footage's name as far as it stands there, and a counter (0: none)."""

    base: str
    counter: int
    ending: str

    @property
    def beginning(self) -> str:
        """How the names of its footage begin, whatever was clipped, counted or edited."""
        return PurePosixPath(self.base).stem[: CLIPPED - 1]


def is_sidecar(filename: str) -> bool:
    """By its ending alone: footage never has these."""
    return PurePosixPath(filename).suffix.lower() in ENDINGS


def name_of(filename: str) -> Name:
    """Whose sidecar a file of this name is."""
    base, ending = filename[: -len(PurePosixPath(filename).suffix)], PurePosixPath(filename).suffix.lower()
    counter = 0
    if ending == ".json" and (found := _COUNTER.search(base)):
        base, counter = base[: found.start()], int(found[1])
    if ending == ".json":
        head, dot, tail = base.rpartition(".")
        # of a clipped supplement at least a letter is left, and the footage's own ending stands before it
        if dot and tail and SUPPLEMENT.startswith(f".{tail}") and ("." in head or tail == SUPPLEMENT[1:]):
            base = head
        base = base.rstrip(".") if len(filename) >= CLIPPED else base
    return Name(base, counter, ending)


def belongs(name: Name, filename: str) -> bool:
    """Whether a sidecar of this name is the one of footage of that name."""
    path = PurePosixPath(filename)
    if name.ending == ".xmp":
        return name.base in (filename, path.stem)
    stem, counter = _plain_stem(filename)
    if counter != name.counter:
        return name.counter == 0 and name.base == filename
    whole = stem + path.suffix
    clipped = CLIPPED - 1 <= len(name.base) < len(whole) and whole.startswith(name.base)
    # the film of a moving picture is named like the picture
    moving = path.suffix.lower() in (".mp4", ".mov") and PurePosixPath(name.base).stem == stem and name.base != stem
    return name.base == whole or clipped or moving


def beginning_of(filename: str) -> str:
    """How the names of all sidecars of footage of that name begin."""
    return _plain_stem(filename)[0][:CLIPPED]


def _plain_stem(filename: str) -> tuple[str, int]:
    """The stem without counter and without what says that it was edited; and the counter, 0 for none."""
    stem, counter = PurePosixPath(filename).stem, 0
    if found := _COUNTER.search(stem):
        stem, counter = stem[: found.start()], int(found[1])
    return EDITED.sub("", stem), counter


def read_sidecar(content: bytes, ending: str, today: date) -> Dating | None:
    """What a sidecar says. None if it is no sidecar, or says nothing that can be believed."""
    if ending == ".xmp":
        return next(iter(xmp.datings(content, today, Source.XMP_SIDECAR)), None)
    try:
        said = json.loads(content[:LARGEST])
        taken = said["photoTakenTime"]["timestamp"]
        return since(UNIX_EPOCH, int(taken), Source.TAKEOUT, today)
    # json nests as deep as Python's stack lets it
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
