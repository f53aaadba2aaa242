"""Backups of a site that goes on working: only what is new is copied, what was erased goes, and a killed one spoils nothing."""

import fcntl
import json
import os
from pathlib import Path

import pytest

from tests.twinvault.custody.backup.conftest import SITE, Site, files_below, held_up_at, how_many_below, kill_when


def header(folder: Path) -> dict:
    return json.loads((folder / "backup.json").read_text())


def require_restorable(make_site, folder: Path, name: str = "new") -> dict:
    new = make_site(name)
    new.manage("restore", folder, "--verify")
    return new.does("facts")


def test_a_second_backup_copies_what_is_new_and_removes_what_was_erased(make_site, site, backup):
    before = {path: path.stat().st_ino for path in (backup / "objects").rglob("*") if path.is_file()}
    erased, stored = site.does("erase", 4), site.does("store", 3)

    said = site.manage("backup", backup)

    assert "3 new objects copied" in said and "4 objects removed" in said
    after = files_below(backup / "objects")
    assert after == site.files
    assert not after.keys() & set(erased) and after.keys() >= set(stored)
    for name in after.keys() - set(stored):
        assert before[backup / "objects" / name] == (backup / "objects" / name).stat().st_ino, "it was copied again"
    assert len(list((backup / "rows").iterdir())) == 1
    assert require_restorable(make_site, backup)["rows"] == site.does("facts")["rows"]


def test_what_lies_in_the_folder_from_another_time_is_not_taken_for_the_object(site, backup):
    """An object of the same name and size, but not the same: an upload may be sent again to a restored site."""
    path = next(path for path in (backup / "objects").rglob("*") if path.is_file())
    path.write_bytes(os.urandom(path.stat().st_size))

    assert "1 new objects copied" in site.manage("backup", backup)

    assert files_below(backup / "objects") == site.files


def test_two_backups_at_once_into_one_folder(site, backup):
    with (backup / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "Another backup" in site.refuses("backup", backup)
    site.manage("backup", backup)


@pytest.mark.parametrize("database", ["SQLite", "PostgreSQL"])
def test_a_backup_while_others_store_and_erase(make_site, site, folder, request, tmp_path, database):
    if database == "PostgreSQL":
        site = make_site("busy", DATABASE=request.getfixturevalue("postgres"))
        site.does("open_vault", 30)
    bustles = [site.starts(SITE, "bustle") for _ in range(2)]
    try:
        for bustle in bustles:
            assert bustle.stdout.readline() == "bustling\n"
        for _ in range(2):
            site.manage("backup", folder)
            assert all(bustle.poll() is None for bustle in bustles), "the bustle has ended"
    finally:
        for bustle in bustles:
            bustle.kill()
            bustle.communicate()
    said = header(folder)

    facts = require_restorable(make_site, folder)

    assert len(facts["plaintexts"]) == said["objects"] == len(files_below(folder / "objects"))
    assert said["objects"] > 30 and facts["chain holds"]


def test_a_backup_holds_one_moment_on_postgresql(make_site, folder, postgres):
    """It is held up at a table behind that of the objects, while the site goes on."""
    site = make_site("old", DATABASE=postgres)
    site.does("open_vault", 5)
    moment = site.does("facts")
    with held_up_at("vaults_lifestage", postgres, "ACCESS EXCLUSIVE") as it_waits:
        process = site.starts("manage.py", "backup", folder)
        while not it_waits():
            assert process.poll() is None, process.communicate()
        site.does("erase", 2)
        site.does("store", 3)
    said, _ = process.communicate()
    assert process.returncode == 0, said

    facts = require_restorable(make_site, folder)

    assert (facts["rows"], facts["plaintexts"]) == (moment["rows"], moment["plaintexts"])


def test_a_backup_killed_while_it_copies_leaves_the_one_before_it(make_site, site, backup):
    old, restorable = header(backup), site.does("facts")["rows"]
    site.does("store", 150)

    kill_when(site.starts("manage.py", "backup", backup), lambda: how_many_below(backup / "objects") > 60)

    assert header(backup) == old
    assert require_restorable(make_site, backup)["rows"] == restorable
    require_whole_again(make_site, site, backup)


def test_a_backup_killed_while_it_writes_the_rows_leaves_the_one_before_it(make_site, folder, postgres):
    """It is held up by somebody who has locked the last table."""
    site = make_site("old", DATABASE=postgres)
    site.does("open_vault", 5)
    site.manage("backup", folder)
    old, restorable = header(folder), site.does("facts")["rows"]
    site.does("store", 5)

    with held_up_at("productions_signingauthority", postgres, "ACCESS EXCLUSIVE") as it_waits:
        kill_when(site.starts("manage.py", "backup", folder), it_waits)

    assert header(folder) == old and len(list((folder / "rows").iterdir())) == 2
    assert require_restorable(make_site, folder)["rows"] == restorable
    require_whole_again(make_site, site, folder)


def require_whole_again(make_site, site: Site, folder: Path) -> None:
    """The next backup is as if there had been no kill."""
    site.manage("backup", folder)
    assert files_below(folder / "objects") == site.files
    assert len(list((folder / "rows").iterdir())) == 1
    assert require_restorable(make_site, folder, "newer")["rows"] == site.does("facts")["rows"]


def test_the_first_backup_is_killed(site: Site, make_site, folder):
    site.does("store", 100)
    kill_when(site.starts("manage.py", "backup", folder), lambda: how_many_below(folder) > 5)

    assert "holds no backup" in make_site("other").refuses("restore", folder)
    require_whole_again(make_site, site, folder)
