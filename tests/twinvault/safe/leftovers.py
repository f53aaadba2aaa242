"""Looks for destroyed keys in the files of a real database, byte by byte; prints how many were found as JSON.

Run by `test_leftovers.py` in an installation of its own; the argument is the folder that SQLite writes to.
"""

import json
import os
import sqlite3
import sys
from contextlib import contextmanager
from pathlib import Path

import django
import psycopg

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from twinvault.accounts.models import User  # noqa: E402
from twinvault.custody import objects  # noqa: E402
from twinvault.custody.models import LentKey, StoredObject  # noqa: E402
from twinvault.custody.residue import ResidueLeft, forget  # noqa: E402
from twinvault.safe import erasure, services  # noqa: E402
from twinvault.safe.models import Scope  # noqa: E402
from twinvault.vaults.services import open_vault  # noqa: E402
from worker.inline import run_queued_jobs  # noqa: E402

PASSWORD = "the boat under the walnut tree"
HOW_MANY = 300


def found(wraps: list[bytes]) -> int:
    """How many of these lie anywhere in the database's files, as bytes or, as PostgreSQL may log them, in hexadecimal."""
    folder = Path(sys.argv[1])
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("CHECKPOINT")
            cursor.execute("SHOW data_directory")
            folder = Path(cursor.fetchone()[0])
    there = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and "pg_wal" not in path.parts)
    return sum(wrap in there or wrap.hex().encode() in there for wrap in wraps)


def wraps_of(rows) -> list[bytes]:
    return [bytes(wrap) for wrap in rows.values_list("wrapped_key", flat=True)]


@contextmanager
def somebody_who_reads():
    """Another connection that holds the old state of the database open, as a backup does."""
    if connection.vendor == "postgresql":
        with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
            other.execute("SELECT count(*) FROM custody_storedobject")
            yield
            other.rollback()
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 200")
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM custody_storedobject").fetchone()
    User.objects.filter(username="alice").update(first_name="Alice")
    yield
    other.close()


told = {}
call_command("migrate", verbosity=0)
alice = User.objects.create_user("alice", "alice@example.org", "correct horse battery")
vault = open_vault(alice, name="Grandpa", subject_name="Franck", stages=["adult"])
for _ in range(HOW_MANY):
    objects.store(vault.keyring, "footage", os.urandom(50))
mine = StoredObject.objects.filter(keyring=vault.keyring)

before = wraps_of(mine)
told["before"] = found(before)
services.set_password(vault, PASSWORD, by=alice)
locks = [bytes(vault.keyring.archive.locked_by_password)]
services.seal(vault, by=alice, password=PASSWORD)
run_queued_jobs()
told["after the seal"] = found(before)

services.unseal(vault, by=alice, password=PASSWORD, hours=1)
lent = wraps_of(LentKey.objects.all())
told["lent"] = found(lent)
services.close(vault, by=alice)
run_queued_jobs()
told["after it was closed"] = found(lent)

services.change_password(vault, "a walk by the river", by=alice, password=PASSWORD)
run_queued_jobs()
told["the old lock"] = found(locks)

sealed = [*wraps_of(mine), bytes(vault.keyring.wrapped_key)]
told["sealed"] = found(sealed)
erasure.ask(vault, Scope.VAULT, by=alice)
run_queued_jobs()
told["after the erasure"] = found(sealed)
with somebody_who_reads() as reader:
    try:
        forget()
    except ResidueLeft:
        told["while somebody reads"] = "left"
forget()
sys.stdout.write("\n" + json.dumps(told))
