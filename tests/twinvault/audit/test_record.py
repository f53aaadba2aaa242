"""The record of deeds: appended with the deed, never without it."""

import stat

import pytest
from django.db import transaction

from tests.twinvault.audit.conftest import VAULT
from twinvault.audit import anchors
from twinvault.audit.models import Entry
from twinvault.audit.record import record
from twinvault.audit.verify import findings
from twinvault.custody.models import Keyring

pytestmark = pytest.mark.django_db


def anchored() -> list[tuple[int | None, str]]:
    return [(anchor.entry_id, anchor.digest) for anchor in anchors.read()]


def test_an_entry_says_who_did_what_to_which_row(deeds, alice):
    entry = Entry.objects.get(verb="deed 3")

    assert (entry.actor, entry.target, entry.details, entry.vault_id) == (alice, f"user {alice.pk}", {"count": 3}, VAULT)
    assert entry.previous_digest == Entry.objects.get(verb="deed 2").digest


def test_a_record_that_nobody_touched_holds(deeds):
    assert findings() == []


def test_an_empty_record_holds(db):
    assert findings() == []
    assert not Keyring.objects.exists()


def test_the_whole_record_is_under_one_key_of_its_own(deeds):
    assert Keyring.objects.get().purpose == "audit"


def test_nobody_may_be_the_actor(db):
    record("swept", target="incoming folder")

    assert Entry.objects.get(verb="swept").actor is None
    assert findings() == []


@pytest.mark.parametrize("details", [{"share": 0.1}, {"seconds": 240.0}, {"bytes": 2**40}, {"word": "Größe"}, {"sure": True}, {}])
def test_whatever_details_are_kept_they_read_back_the_same(details, sql):
    record("measured", **details)

    assert Entry.objects.get().details == details
    assert findings() == []


def test_a_deed_that_is_undone_leaves_neither_entry_nor_anchor(deeds, alice, do, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(RuntimeError), transaction.atomic():
        record("deed that failed", actor=alice)
        raise RuntimeError
    after = do("deed 6")

    assert not Entry.objects.filter(verb="deed that failed").exists()
    assert [entry_id for entry_id, _ in anchored()] == [1, 2, 3, 4, 5, after.id]
    assert findings() == []


def test_every_entry_has_its_anchor_where_no_other_account_can_read_it(deeds):
    assert anchored() == [(entry.id, entry.digest) for entry in deeds]
    assert stat.S_IMODE(anchors.path().stat().st_mode) == 0o600
    assert stat.S_IMODE(anchors.path().parent.stat().st_mode) == 0o700


def test_a_deed_stands_where_its_anchor_cannot_be_written(deeds, do, settings, tmp_path, caplog):
    (tmp_path / "full").write_text("a file where the folder should be")
    settings.AUDIT_DIR = tmp_path / "full"

    do("deed 6")

    assert Entry.objects.filter(verb="deed 6").exists()
    assert "Not a directory" in caplog.text or "File exists" in caplog.text
