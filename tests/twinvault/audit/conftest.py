"""A record of five deeds, and somebody with SQL."""

import uuid

import pytest
from django.db import connection

from twinvault.audit.record import record

# with letters in it, so that it can be written in capitals
VAULT = uuid.UUID("abcdef00-0000-4000-8000-00000000000f")


@pytest.fixture
def sql(db):
    """What somebody does who has the database and nothing else: `sql("DELETE FROM audit_entry")` -> the rows."""

    def execute(statement: str, *values) -> list[tuple]:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    return execute


@pytest.fixture
def do(alice, django_capture_on_commit_callbacks):
    """Does a deed and commits it: `do("deed 3", count=3)` -> its entry."""

    def deed(verb: str, **details):
        with django_capture_on_commit_callbacks(execute=True):
            return record(verb, actor=alice, vault_id=VAULT, target=alice, **details)

    return deed


@pytest.fixture
def deeds(do):
    """Five entries of one vault, 1 to 5."""
    return [do(f"deed {number}", count=number) for number in range(1, 6)]
