"""What a database keeps of rows that it has deleted or overwritten, and how that goes.

A wrapped key that was destroyed must not be found in today's database by whoever reads its files.
"""

import time

from django.apps import apps
from django.db import OperationalError, connection
from django.db.models import BinaryField

TRIES, PAUSE_S = 120, 5.0


class ResidueLeft(RuntimeError):
    """Another connection holds the old state of the database open; try again. For the operator."""


def tables_with_keys() -> list[str]:
    """Every table that holds encrypted bytes or wrapped keys."""
    models = apps.get_models()
    return sorted(m._meta.db_table for m in models if any(isinstance(f, BinaryField) for f in m._meta.local_concrete_fields))


def forget() -> None:
    """Removes what is left of deleted and overwritten keys from the database's files. Does nothing inside a transaction.

    SQLite overwrites freed bytes itself (`secure_delete`, see settings), but the old pages stay in the write-ahead log until
    that is emptied. PostgreSQL keeps dead rows until their table is written anew. ResidueLeft if that cannot be done now.
    """
    if connection.in_atomic_block:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy, _, _ = cursor.fetchone()
            if busy:
                raise ResidueLeft("the write-ahead log could not be emptied: a reader holds it open")
        elif connection.vendor == "postgresql":
            _write_tables_anew(cursor)


def _write_tables_anew(cursor) -> None:
    # whoever waits for a table holds up everybody who comes after
    cursor.execute("SET lock_timeout = '2s'")
    try:
        for table in tables_with_keys():
            cursor.execute(f"VACUUM FULL {connection.ops.quote_name(table)}")
    except OperationalError as error:
        raise ResidueLeft(f"a table could not be written anew: {error}") from error
    finally:
        cursor.execute("RESET lock_timeout")


def forget_patiently(work) -> None:
    """The same for a job: tries again for some minutes, as while a backup is made. ResidueLeft if it was in vain."""
    for tries_left in reversed(range(TRIES)):
        try:
            return forget()
        except ResidueLeft:
            if not tries_left:
                raise
            work.report(0.97, "waiting for a quiet moment to overwrite old keys")
            time.sleep(PAUSE_S)
