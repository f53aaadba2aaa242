"""kill -9 in the middle of a restore: nothing half-restored is to be seen, and run again it ends well."""

import sqlite3

import psycopg
import pytest

from tests.twinvault.custody.backup.conftest import Site, held_up_at, kill, kill_when


@pytest.fixture
def large(site, folder):
    """A backup with so many objects that a restore takes its time."""
    site.does("store", 170)
    site.manage("backup", folder)
    return folder


def stored_by(site: Site) -> int:
    return sum(path.is_file() for path in (site.data / "objects").rglob("*"))


def users_on_sqlite(site: Site) -> int:
    """0 as well where the tables are not made yet."""
    with sqlite3.connect(site.data / "twinvault.sqlite3") as database:
        made = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'accounts_user'").fetchone()[0]
        return database.execute("SELECT count(*) FROM accounts_user").fetchone()[0] if made else 0


def require_ends_well(new: Site, old: Site, folder) -> None:
    new.manage("restore", folder)
    assert new.files == old.files
    facts = new.does("facts")
    assert facts["rows"] == old.does("facts")["rows"] and facts["chain holds"]
    assert not list((new.data / "incoming").iterdir()), "a torn copy is left"


def test_killed_again_and_again_while_it_copies(make_site, site, large):
    new = make_site("new")
    for number in (1, 60, 120):
        process = new.starts("manage.py", "restore", large)
        kill_when(process, lambda number=number: stored_by(new) >= number)
        assert users_on_sqlite(new) == 0

    require_ends_well(new, site, large)


def test_killed_while_it_makes_the_tables(make_site, site, large):
    new = make_site("new")
    process = new.starts("manage.py", "restore", large)
    assert process.stdout.readline() == "making the tables\n"
    kill(process)
    assert users_on_sqlite(new) == 0

    require_ends_well(new, site, large)


def test_killed_while_the_rows_come_in_on_sqlite(make_site, site, large):
    """The rows are there, to itself, when it says how many; then it opens all objects, and only then it is through."""
    new = make_site("new")
    process = new.starts("manage.py", "restore", large)
    for line in process.stdout:
        if "rows restored" in line:
            break
    kill(process)
    assert users_on_sqlite(new) == 0

    require_ends_well(new, site, large)


@pytest.mark.parametrize("table", ["custody_storedobject", "audit_entry", "vaults_consent"])
def test_killed_while_the_rows_come_in_on_postgresql(make_site, site, large, postgres, table):
    """It is held up at a table by somebody who has locked it, and killed while it waits."""
    new = make_site("new", DATABASE=postgres)
    new.manage("migrate", "--verbosity", "0")
    with held_up_at(table, postgres, "SHARE ROW EXCLUSIVE") as it_waits:
        kill_when(new.starts("manage.py", "restore", large), it_waits)
        with psycopg.connect(postgres) as looker:
            assert looker.execute("SELECT count(*) FROM accounts_user").fetchone() == (0,)

    require_ends_well(new, site, large)


def test_killed_after_it_was_through(make_site, site, backup):
    """Run again it says so, opens the objects, and changes nothing."""
    new = make_site("new")
    new.manage("restore", backup)
    facts = new.does("facts")

    assert "restored already" in new.manage("restore", backup, "--verify")

    assert new.does("facts") == facts
