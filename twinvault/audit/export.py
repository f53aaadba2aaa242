"""The record as a file: CSV for a spreadsheet, JSON Lines for a program. Written line by line, however long it is."""

import csv
import json
from collections.abc import Iterable, Iterator

from twinvault.audit.models import Entry

COLUMNS = ("id", "at", "who", "username", "verb", "target", "vault", "origin", "details", "previous_digest", "digest")
# a spreadsheet takes a cell that begins so for a formula, and would run it
FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n")


def as_csv(entries: Iterable[Entry]) -> Iterator[str]:
    """A head line and one line an entry, as RFC 4180 has it."""
    writer = csv.writer(_Passing())
    yield writer.writerow(COLUMNS)
    for entry in entries:
        row = _row(entry) | {"details": json.dumps(entry.details, ensure_ascii=False)}
        yield writer.writerow([_harmless(row[column]) for column in COLUMNS])


def as_json_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """One object a line, in UTF-8."""
    for entry in entries:
        yield json.dumps(_row(entry), ensure_ascii=False) + "\n"


# what a format is called in an address -> (its content type, what writes it)
FORMATS = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "jsonl": ("application/x-ndjson; charset=utf-8", as_json_lines),
}


class _Passing:
    """A file that keeps nothing: `csv.writer` gives back what `write` does."""

    def write(self, line: str) -> str:
        return line


def _row(entry: Entry) -> dict:
    return {
        "id": entry.id,
        "at": entry.at.isoformat(),
        "who": entry.actor.called if entry.actor else "",
        "username": entry.actor.username if entry.actor else "",
        "verb": entry.verb,
        "target": entry.target,
        "vault": str(entry.vault_id or ""),
        "origin": entry.origin,
        "details": entry.details,
        "previous_digest": entry.previous_digest,
        "digest": entry.digest,
    }


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_BEGINS) else cell
