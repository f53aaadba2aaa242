"""A site with a whole story is backed up and restored on another database and another storage: everything is there again."""

import pytest

from tests.twinvault.custody.backup.conftest import Site, files_below


@pytest.fixture
def tell(story_written_down, tmp_path):
    """Puts the story into a site, where Alice also has a permission, and an upload under way; gives the upload's id."""

    def put(site: Site) -> str:
        story_written_down.put_files(site.data)
        (tmp_path / "rows.json").write_text(story_written_down.rows)
        site.does("load", tmp_path / "rows.json")
        site.does("give_a_permission")
        return site.does("begin_sending")

    return put


def require_the_same(old: dict, new: dict) -> None:
    assert old["rows"].keys() == new["rows"].keys()
    for model, rows in old["rows"].items():
        assert new["rows"][model] == rows, model
    assert new["plaintexts"] == old["plaintexts"]
    assert old["chain holds"] and new["chain holds"]
    assert new["entries"] == old["entries"] + 1, "the restoring is a deed, too"


def test_from_sqlite_and_files_to_postgresql_and_s3_and_back(make_site, tell, folder, tmp_path, postgres, bucket):
    old, new = make_site("old"), make_site("new", DATABASE=postgres, **bucket.environment())
    tell(old)
    facts = old.does("facts")
    assert all(facts["rows"][model] for model in ("productions.Film", "generator.Twin_library", "processing.Face"))
    assert facts["rows"]["accounts.User_user_permissions"][0]["permission_id"] == "add_template"

    said = old.manage("backup", folder)
    assert "THE MASTER KEYS ARE NOT IN IT" in said
    said = new.manage("restore", folder, "--verify")

    assert f"{len(facts['plaintexts'])} objects decrypted" in said
    require_the_same(facts, new.does("facts"))
    assert bucket.names() == old.files.keys() and not new.files

    back, folder = make_site("back"), tmp_path / "second backup"
    new.manage("backup", folder)
    assert files_below(folder / "objects") == old.files
    back.manage("restore", folder)
    assert back.files == old.files
    facts = back.does("facts")
    assert facts["entries"] == new.does("facts")["entries"] + 1
    assert facts["rows"] == old.does("facts")["rows"] and facts["chain holds"]


def test_a_site_on_postgresql_works_and_moves_to_sqlite(make_site, folder, postgres):
    old, new = make_site("old", DATABASE=postgres), make_site("new")
    old.does("open_vault", 5)
    old.does("film_something")
    old.does("recognise")
    upload = old.does("begin_sending")
    facts = old.does("facts")
    assert facts["entries"] == 3 and facts["chain holds"]

    old.manage("backup", folder)
    new.manage("restore", folder)

    require_the_same(facts, new.does("facts"))
    assert old.does("go_on_sending", upload)[1]


def test_what_is_sealed_stays_so_and_opens_for_its_owner_elsewhere(make_site, site, folder):
    new = make_site("new")
    before = site.does("facts")["plaintexts"]
    sealed = site.does("seal")
    assert sealed == 30
    site.manage("backup", folder)

    assert f"{sealed} are sealed" in new.manage("restore", folder, "--verify")

    new.does("unseal")
    assert new.does("facts")["plaintexts"] == before


def test_what_is_made_after_a_restore_gets_numbers_of_its_own(make_site, site, folder, postgres):
    """PostgreSQL counts for itself; a restored table would otherwise give a number a second time."""
    new = make_site("new", DATABASE=postgres)
    site.manage("backup", folder)
    new.manage("restore", folder)

    new.does("film_something")

    facts = new.does("facts")
    assert facts["entries"] == site.does("facts")["entries"] + 2 and facts["chain holds"]


def test_the_browser_sends_an_upload_again_that_was_under_way(make_site, site, folder):
    new = make_site("new")
    upload = site.does("begin_sending")
    site.manage("backup", folder)

    assert "sent again from the beginning" in new.manage("restore", folder)

    assert new.does("go_on_sending", upload) == [0, True]


def test_no_name_and_no_key_lies_in_the_folder_in_the_clear(make_site, site, folder):
    site.manage("backup", folder)

    everything = b"".join(files_below(folder).values())
    for word in (b"Grandpa", b"Franck", b"alice", b"example.org", b"I agree"):
        assert word not in everything
    assert folder.stat().st_mode & 0o077 == 0
