"""What a database keeps of rows that it has deleted or overwritten, and how that goes.

A wrapped key that was destroyed must not be found in today's database by whoever reads its files.
"""

from django.apps import apps
from django.db import connection
from django.db.models import BinaryField


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
            for table in tables_with_keys():
                cursor.execute(f"VACUUM FULL {connection.ops.quote_name(table)}")
