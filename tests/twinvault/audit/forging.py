"""What somebody with SQL does to the record, and how what is found of it reads in a test."""

from twinvault.audit.models import Entry
from twinvault.audit.verify import Finding, Kind, findings

COLUMNS = ", ".join(field.column for field in Entry._meta.concrete_fields)


def edited(first: int, last: int | None = None) -> Finding:
    return Finding(Kind.EDITED, first, last or first)


def removed(after: int, up_to: int) -> Finding:
    return Finding(Kind.REMOVED, after, up_to)


def gap_before(entry_id: int) -> Finding:
    return Finding(Kind.GAP, entry_id, entry_id)


def missing(entry_id: int) -> Finding:
    return Finding(Kind.MISSING, entry_id, entry_id)


def kinds() -> list[str]:
    return [finding.kind for finding in findings()]


def rows(sql) -> list[tuple]:
    return sql(f"SELECT {COLUMNS.replace(' at,', ' CAST(at AS TEXT),')} FROM audit_entry ORDER BY id")


def put_in(sql, row: tuple) -> None:
    sql(f"INSERT INTO audit_entry ({COLUMNS}) VALUES ({', '.join(['%s'] * len(row))})", *row)


def put_back(sql, copy: list[tuple]) -> None:
    sql("DELETE FROM audit_entry")
    for row in copy:
        put_in(sql, row)
