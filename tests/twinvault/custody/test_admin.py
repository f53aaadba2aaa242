"""The operator's view of the keys: what wraps how much, how far a rotation is, what to type next. To be read only."""

import re

import pytest

from twinvault.audit.record import record
from twinvault.custody import keys, objects, rotation
from twinvault.custody.models import Keyring

PAGE = "/admin/custody/keyring/"


@pytest.fixture
def old(db, key_file) -> str:
    """The master key of four keyrings with five objects, and of the record's own."""
    record("installed")
    keyrings = [keys.new_keyring("vault") for _ in range(4)]
    for keyring in [*keyrings, keyrings[0]]:
        objects.store(keyring, "pack", b"a face")
    return keys.master_keys()[0]


def words_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


@pytest.fixture
def said(admin_client):
    """What stands on the page, in words."""
    return lambda: words_of(admin_client.get(PAGE).content.decode())


def test_at_first_all_is_under_one_key(old, said):
    page = said()

    assert f"{old} yes current 5 5" in page
    assert "100 %: 5 of 5 keyrings under the current master key" in page
    assert "A new rotation begins with this. manage.py rotate_master_key" in page


def test_a_rotation_shows_how_far_it_is_and_how_to_go_on(old, said, monkeypatch):
    monkeypatch.setattr(rotation, "BATCH", 1)
    new, _ = rotation.begin()
    next(rotation.rewrap_all())
    wrapped_first = objects.StoredObject.objects.filter(keyring__master_key_id=new).count()

    page = said()

    assert f"{new} yes current 1 {wrapped_first}" in page
    assert f"{old} yes old, still wraps 4 {5 - wrapped_first}" in page
    assert "20 %: 1 of 5 keyrings under the current master key, 4 to go" in page
    assert "Go on with the rotation. manage.py rotate_master_key" in page
    assert "retire_master_key" not in page


def test_after_a_rotation_the_old_key_can_be_retired(old, said):
    rotation.begin()
    list(rotation.rewrap_all())

    page = said()

    assert f"{old} yes old, wraps nothing 0 0" in page
    assert f"manage.py retire_master_key {old}" in page


def test_a_prepared_key_is_shown_as_the_next(old, said):
    prepared, _ = rotation.prepare()

    page = said()

    assert f"{prepared} yes comes next 0 0" in page
    assert "Copy the key file to the other machines" in page
    assert f"retire_master_key {prepared}" not in page


def test_a_lost_key_is_shown_with_what_it_costs(old, said, key_file):
    key_file.unlink()
    keys.make_master_key_file(key_file)

    page = said()

    assert f"{old} no lost 5 5" in page
    assert f"Master key {old} is lost: 5 keyrings with 5 stored objects cannot be opened." in page
    assert f"Put master key {old} back into {key_file}" in page


def test_a_missing_key_file_is_said_in_place_of_a_traceback(old, said, key_file):
    key_file.unlink()

    assert f"the master key file {key_file} cannot be read" in said()


def test_nothing_can_be_changed_and_no_key_is_shown(old, admin_client):
    keyring = Keyring.objects.first()
    page = admin_client.get(f"{PAGE}{keyring.pk}/change/").content.decode()

    assert str(keyring.pk) in page
    assert bytes(keyring.wrapped_key).hex()[:16] not in page and "wrapped_key" not in page
    for path in ("add/", f"{keyring.pk}/delete/"):
        assert admin_client.get(PAGE + path).status_code == 403
        assert admin_client.post(PAGE + path).status_code == 403
    assert admin_client.post(f"{PAGE}{keyring.pk}/change/", {"purpose": "mine"}).status_code == 403
    assert not Keyring.objects.filter(purpose="mine").exists()


def test_others_do_not_get_in(old, browse, charlie, board):
    assert browse(charlie).get(PAGE).status_code == 302
    assert browse(board[0]).get(PAGE).status_code == 403


def test_the_list_asks_the_database_as_often_for_many_keyrings_as_for_few(old, admin_client, count_queries):
    admin_client.get(PAGE)
    few = count_queries(lambda: admin_client.get(PAGE))
    for _ in range(10):
        objects.store(keys.new_keyring("vault"), "pack", b"a face")

    assert count_queries(lambda: admin_client.get(PAGE)) == few
