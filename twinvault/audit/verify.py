"""Does the record hold? Finds every edit, deletion, insertion and re-ordering, whoever did it and however.

The chain alone shows what was changed inside it; the anchors show what was cut off its end, and that an older copy was put back.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import chain as joined
from itertools import islice

from django.db import DatabaseError, connection
from django.db.models import TextField
from django.db.models.functions import Cast

from twinvault.audit import anchors, chain
from twinvault.audit.models import Entry
from twinvault.custody.keys import KeyUnavailable

BATCH = 500
# what reading a column raises that somebody filled with what never belongs there
UNREADABLE = (ValueError, TypeError, AttributeError, OverflowError, DatabaseError)


class Kind(StrEnum):
    KEY = "key"
    EDITED = "edited"
    GAP = "gap"
    MISSING = "missing"
    REMOVED = "removed"
    EXCHANGED = "exchanged"
    DAMAGED = "damaged"


SAID = {
    Kind.EDITED: "{} edited, or not written by this installation: the digest does not fit.",
    Kind.MISSING: "{} missing: there is an anchor for it.",
    Kind.EXCHANGED: "{} exchanged: the anchor is that of another, as where an older copy of the record was put back.",
}


@dataclass(frozen=True)
class Finding:
    """One fault, or the same fault of neighbours.

    `first` to `last` are ids of entries; where anchors are damaged, lines of their file.
    REMOVED: entries after `first` are gone, of which the anchors know up to `last`. GAP: before `first`.
    """

    kind: Kind
    first: int = 0
    last: int = 0
    why: str = ""

    def __str__(self) -> str:
        match self.kind:
            case Kind.KEY:
                return self.why
            case Kind.GAP:
                return f"There is a gap before entry {self.first}: it does not follow on the entry before it."
            case Kind.REMOVED:
                what = f"Entries after {self.first}" if self.first else "All entries"
                return f"{what} were removed" + (f": the anchors know of entry {self.last}." if self.last else ".")
            case Kind.DAMAGED:
                return f"{_span('Line', self.first, self.last)} of the file of anchors cannot be read."
        were = "was" if self.first == self.last else "were"
        return SAID[self.kind].format(f"{_span('Entry', self.first, self.last)} {were}")


def _span(what: str, first: int, last: int) -> str:
    many = {"Entry": "Entries", "Line": "Lines"}[what]
    return f"{what} {first}" if first == last else f"{many} {first} to {last}"


class Verification:
    """One walk over the whole record, while others may write. What was looked at can be read from it afterwards.

    entries, anchors: how many. begins, ends: the times of the first and the last entry, None without any.
    """

    def __init__(self) -> None:
        self.entries = self.anchors = 0
        self.begins: datetime | None = None
        self.ends: datetime | None = None
        self._last_id = 0
        self._key: bytes | None = None

    def findings(self) -> Iterator[Finding]:
        """Every fault, in flat memory. OSError if the file of anchors cannot be read."""
        # in this order: the keyring is committed together with the first entry
        written = Entry.objects.exists()
        keyring = chain.keyring()
        if keyring is None and written:
            yield Finding(Kind.KEY, why="The key of the record was removed: whether entries were edited cannot be told.")
        elif keyring is not None:
            try:
                self._key = chain.key_of(keyring)
            except (KeyUnavailable, *UNREADABLE) as error:
                yield Finding(Kind.KEY, why=f"The key of the record does not open, so edits cannot be told: {error}.")
        yield from _merged(joined(self._in_the_chain(), self._by_the_anchors(was_begun=keyring is not None)))

    def _in_the_chain(self) -> Iterator[Finding]:
        previous: set[str] | None = {chain.FIRST}
        after: int | None = None
        misfits = 0
        while batch := _rows(after):
            otherwise = _written_otherwise([entry for _, entry in batch if entry])
            for after, entry in batch:
                self.entries += 1
                if entry is None:
                    misfits += 1
                    previous = None
                    yield Finding(Kind.EDITED, after, after)
                    continue
                self.begins, self.ends = self.begins or entry.at, entry.at or self.ends
                digest = chain.digest_of(entry, self._key) if self._key else entry.digest
                if digest != entry.digest or after in otherwise:
                    misfits += 1
                    yield Finding(Kind.EDITED, after, after)
                elif previous is not None and entry.previous_digest not in previous:
                    yield Finding(Kind.GAP, after, after)
                # where only the digest was edited, the next entry still follows on what it was
                previous = {entry.digest, digest}
        self._last_id = after or 0
        if self._key and misfits and misfits == self.entries:
            yield Finding(Kind.KEY, why="Not one entry fits the key of the record: all were rewritten, or the key was exchanged.")

    def _by_the_anchors(self, was_begun: bool) -> Iterator[Finding]:
        removed_up_to = 0
        every = anchors.read()
        while batch := list(islice(every, BATCH)):
            ids = [anchor.entry_id for anchor in batch if anchor.entry_id is not None]
            digests = dict(Entry.objects.filter(id__in=ids).values_list("id", "digest"))
            for anchor in batch:
                self.anchors += 1
                entry_id = anchor.entry_id
                if entry_id is None:
                    yield Finding(Kind.DAMAGED, anchor.line, anchor.line)
                elif entry_id not in digests:
                    if entry_id > self._last_id:
                        removed_up_to = max(removed_up_to, entry_id)
                    else:
                        yield Finding(Kind.MISSING, entry_id, entry_id)
                elif digests[entry_id] != anchor.digest and self._holds(entry_id):
                    yield Finding(Kind.EXCHANGED, entry_id, entry_id)
        if removed_up_to or (was_begun and not self.entries):
            yield Finding(Kind.REMOVED, self._last_id, removed_up_to)

    def _holds(self, entry_id: int) -> bool:
        """Whether an entry fits its own digest; one that does not was found in the chain already."""
        entry = _row(entry_id)
        return entry is not None and (self._key is None or entry.digest == chain.digest_of(entry, self._key))


def findings() -> list[Finding]:
    """Every fault of the record; none where it holds."""
    return list(Verification().findings())


def misfits(entries: Iterable[Entry]) -> set[int] | None:
    """Ids of those entries that do not fit their digests; None where that cannot be told, for want of the key."""
    keyring = chain.keyring()
    try:
        key = chain.key_of(keyring) if keyring else None
    except (KeyUnavailable, *UNREADABLE):
        key = None
    return None if key is None else {entry.id for entry in entries if entry.digest != chain.digest_of(entry, key)}


def _rows(after: int | None) -> list[tuple[int, Entry | None]]:
    """The next entries in the order of their ids; None for one with a column that cannot be read."""
    rows = Entry.objects.order_by("id")
    if after is not None:
        rows = rows.filter(id__gt=after)
    ids = list(rows.values_list("id", flat=True)[:BATCH])
    try:
        found = Entry.objects.in_bulk(ids)
    except UNREADABLE:
        found = {entry_id: _row(entry_id) for entry_id in ids}
    return [(entry_id, found.get(entry_id)) for entry_id in ids]


def _row(entry_id: int) -> Entry | None:
    try:
        return Entry.objects.filter(id=entry_id).first()
    except UNREADABLE:
        return None


def _written_otherwise(entries: list[Entry]) -> set[int]:
    """Ids of entries with a column that reads as ours and is written in another way.

    SQLite keeps any text in any column: the id of a vault in capitals reads the same, and no page of the vault finds it.
    """
    if connection.vendor != "sqlite":
        return set()
    fields = Entry._meta.concrete_fields
    as_text = Entry.objects.values_list("id", *(Cast(field.attname, TextField()) for field in fields))
    texts = {entry_id: written for entry_id, *written in as_text.filter(id__in=[entry.id for entry in entries])}
    ours = {entry.id: [_text(field, getattr(entry, field.attname)) for field in fields] for entry in entries}
    return {entry_id for entry_id, written in ours.items() if texts.get(entry_id) != written}


def _text(field, value) -> str | None:
    kept = field.get_db_prep_save(value, connection=connection)
    return None if kept is None else str(kept)


def _merged(found: Iterable[Finding]) -> Iterator[Finding]:
    """Neighbours with the same fault as one finding. A gap stays by itself: each is a deletion of its own."""
    current: Finding | None = None
    for finding in found:
        alike = current is not None and finding.kind == current.kind and finding.kind not in {Kind.GAP, Kind.KEY}
        if current is not None and alike and current.first <= finding.first <= current.last + 1:
            current = replace(current, last=max(current.last, finding.last))
            continue
        if current is not None:
            yield current
        current = finding
    if current is not None:
        yield current
