"""All tables as they are at one moment, while others go on writing."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def snapshot() -> Iterator[None]:
    """Inside, every query sees the database as it was when the first one was asked, and nobody has to wait.

    RuntimeError inside a transaction, which sees what it has changed itself.
    """
    if connection.in_atomic_block:
        raise RuntimeError("a snapshot cannot be taken inside a transaction")
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
        return
    with connection.cursor() as cursor:
        # SQLite in WAL mode; Django's own transactions begin with the lock for writing
        cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")
