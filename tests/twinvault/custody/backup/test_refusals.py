"""What cannot end well is refused in one sentence, and nothing is restored of it."""

import json
import os
import sqlite3
from pathlib import Path

import pytest

from tests import environment
from tests.twinvault.custody.backup.conftest import Site, files_below
from twinvault.custody.backup.folder import BackupUnusable
from twinvault.custody.backup.restoring import restore_backup


@pytest.fixture
def new(make_site) -> Site:
    return make_site("new")


def change_header(backup: Path, **values) -> None:
    path = backup / "backup.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def rows_file(backup: Path) -> Path:
    [path] = (backup / "rows").iterdir()
    return path


def an_object(backup: Path) -> Path:
    return next(path for path in sorted((backup / "objects").rglob("*")) if path.is_file())


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(bytes(content))


def require_nothing_restored(new: Site) -> None:
    """Told by the database itself: no table that the backup fills has a row, if it was made at all."""
    with sqlite3.connect(new.data / "twinvault.sqlite3") as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table in tables & {"accounts_user", "custody_keyring", "custody_storedobject", "vaults_vault", "audit_entry"}:
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table


def refused(backup: Path) -> str:
    """What is said of a folder, without a look at the database (which these tests may not touch)."""
    with pytest.raises(BackupUnusable) as raised:
        restore_backup(backup, say=pytest.fail)
    return str(raised.value)


@pytest.mark.parametrize("folder_made", [True, False])
def test_a_folder_without_a_backup(tmp_path, folder_made):
    if folder_made:
        (tmp_path / "empty").mkdir()

    assert "holds no backup" in refused(tmp_path / "empty")


def test_a_header_that_is_no_json(backup):
    (backup / "backup.json").write_text("{")

    assert "backup.json cannot be read" in refused(backup)


def test_a_header_that_lacks_something(backup):
    path = backup / "backup.json"
    said = json.loads(path.read_text())
    del said["counts"]
    path.write_text(json.dumps(said))

    assert "backup.json is not complete" in refused(backup)


def test_another_format(backup):
    change_header(backup, format=2)

    assert "has format 2; this version of TwinVault reads 1" in refused(backup)


@pytest.mark.parametrize("values", [{"objects": 29}, {"made_at": "2020-01-01"}, {"rows_sha256": "0" * 64}, {"wrapped_key": "x"}])
def test_a_header_that_was_changed(backup, values):
    change_header(backup, **values)

    assert "backup.json is not what was written" in refused(backup)


def test_rows_that_were_changed(backup):
    flip(rows_file(backup), 5000)

    assert "its rows are not those that were written" in refused(backup)


def test_rows_that_are_missing(backup):
    rows_file(backup).unlink()

    assert "its rows are not those that were written" in refused(backup)


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: os.truncate(path, path.stat().st_size - 1)])
def test_an_object_that_is_missing_or_cut_off(backup, damage):
    path = an_object(backup)
    damage(path)

    assert f"{path.name} is missing or cut off" in refused(backup)


def test_an_object_whose_content_was_changed(new, backup):
    path = an_object(backup)
    flip(path, 100)

    assert f"{path.name} does not open" in new.refuses("restore", backup)
    require_nothing_restored(new)


def test_a_change_in_the_middle_is_found_by_verifying(new, site, folder, make_site):
    """The middle segment of three: the first and the last open."""
    site.does("store_large")
    site.manage("backup", folder)
    path = max((folder / "objects").rglob("*"), key=lambda path: path.stat().st_size)
    flip(path, 2**20 + 500)

    assert f"{path.name} does not open" in new.refuses("restore", folder, "--verify")
    require_nothing_restored(new)
    make_site("other").manage("restore", folder)


def test_keys_that_are_not_here(new, backup, tmp_path):
    said = json.loads((environment.ROOT / "keys/master.json").read_text())
    new.environment["TWINVAULT_MASTER_KEY_FILE"] = str(tmp_path / "other keys/master.json")
    new.manage("make_keys")

    sentence = new.refuses("restore", backup)

    assert f"not in this installation's key file: master key {said['current']}" in sentence
    require_nothing_restored(new)
    assert not new.files


def test_every_key_that_anything_needs_must_be_here(new, site, folder):
    site.does("lose_a_key")
    site.manage("backup", folder)

    assert "master key 20200101-lost" in new.refuses("restore", folder)


def test_a_database_in_use(backup, make_site):
    other = make_site("other")
    other.does("open_vault", 1)
    before = other.does("facts")

    assert "is in use: it has users" in other.refuses("restore", backup)

    assert other.does("facts") == before


def test_the_site_that_it_was_made_of(site, backup):
    assert "is in use" in site.refuses("restore", backup)


def test_a_version_with_other_tables(new, site, folder):
    """The last migration of an app is taken back in the site that is backed up."""
    site.does("forget_a_migration")
    site.manage("backup", folder)

    assert "without accounts.0001_initial: restore it with that version" in new.refuses("restore", folder)
    require_nothing_restored(new)


def test_a_backup_among_other_things(site, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/franck.jpg").write_bytes(b"a face")

    assert "holds other things than a backup" in site.refuses("backup", tmp_path / "photos")
    assert files_below(tmp_path / "photos") == {"franck.jpg": b"a face"}


def test_a_backup_on_the_disk_it_saves_from(site):
    assert "lie in each other" in site.refuses("backup", site.data / "backup")
    assert "lie in each other" in site.refuses("backup", site.data.parent)


def test_a_backup_over_that_of_another_installation(backup, new, tmp_path):
    new.environment["TWINVAULT_MASTER_KEY_FILE"] = str(tmp_path / "other keys/master.json")
    new.manage("make_keys")
    new.does("open_vault", 1)
    before = files_below(backup)

    assert "not in this installation's key file" in new.refuses("backup", backup)

    assert files_below(backup) == before


def test_a_site_that_has_lost_a_ciphertext(site, folder):
    name, content = next(iter(sorted(site.files.items())))
    (site.data / "objects" / name).unlink()
    assert f"{name} is lost" in site.refuses("backup", folder)

    (site.data / "objects" / name).write_bytes(content[:-1])
    assert "has not the size" in site.refuses("backup", folder)

    (site.data / "objects" / name).write_bytes(content)
    site.manage("backup", folder)
    assert files_below(folder / "objects") == site.files
