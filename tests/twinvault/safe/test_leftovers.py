"""A key that was destroyed is in no file of today's database: not in a free page, not in a log, not in a dead row."""

from pathlib import Path

from tests.installation import Installation
from tests.postgres import postgres, postgres_server

__all__ = ["postgres", "postgres_server"]

SCRIPT = Path(__file__).with_name("leftovers.py")
EXPECTED = {
    "before": 300,
    "after the seal": 0,
    "lent": 300,
    "after it was closed": 0,
    "the old lock": 0,
    "sealed": 301,
    "after the erasure": 0,
    "while somebody reads": "left",
}


def test_sqlite_keeps_no_destroyed_key(tmp_path):
    installation = Installation(tmp_path, BROKER="memory://")

    assert installation.tell(SCRIPT, installation.data) == EXPECTED


def test_postgresql_keeps_no_destroyed_key_outside_its_log(tmp_path, postgres):
    installation = Installation(tmp_path, BROKER="memory://", DATABASE=postgres)

    assert installation.tell(SCRIPT, installation.data) == EXPECTED
