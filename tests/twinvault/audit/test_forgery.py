"""Whoever has the database can write what they like into it, and every kind of it is found and named."""

import hashlib
import json
import os
from dataclasses import replace

import pytest

from tests.conftest import make_user
from tests.twinvault.audit.forging import COLUMNS, edited, gap_before, kinds, missing, put_back, put_in, removed, rows
from twinvault.audit import anchors
from twinvault.audit.models import Entry
from twinvault.audit.verify import Finding, Kind, findings
from twinvault.custody.keys import new_keyring
from twinvault.custody.models import Keyring

pytestmark = pytest.mark.django_db

# SQL for a value that a column might be given, and that is not the one it has in entry 3
EDITS = {
    "at": "'2020-01-01 00:00:00'",
    "actor_id": "(SELECT max(id) FROM accounts_user)",
    "vault_id": "'00000000000040008000000000000001'",
    "verb": "'another deed'",
    "target": "'user 999'",
    "details": """'{"count": 77}'""",
    "origin": "'web 203.0.113.66'",
    "previous_digest": f"'{'f' * 64}'",
    "digest": f"'{'e' * 64}'",
}
# what SQLite takes into any column: it reads as before, or cannot be read at all
ODD_EDITS = {
    "vault_id in capitals": "vault_id = upper(vault_id)",
    "vault_id is none": "vault_id = 'nobody'",
    "at in another way": "at = replace(at, ' ', 'T')",
    "at is none": "at = 'yesterday'",
    "at is a number": "at = 7",
    "details in another way": """details = '{"count":3}'""",
    "details are a word": """details = '"a word"'""",
    "verb as bytes": "verb = CAST(verb AS BLOB)",
    "verb is no text": "verb = CAST(x'ff' AS TEXT)",
    "no actor": "actor_id = NULL",
    "no vault": "vault_id = NULL",
}


def test_every_column_but_the_number_is_among_the_edits():
    assert set(EDITS) | {"id"} == {field.column for field in Entry._meta.concrete_fields}


@pytest.mark.parametrize("column", EDITS)
def test_an_edit_of_any_column_is_found(deeds, sql, column):
    make_user("mallory")

    sql(f"UPDATE audit_entry SET {column} = {EDITS[column]} WHERE id = 3")

    assert findings() == [edited(3)]


@pytest.mark.parametrize("edit", ODD_EDITS.values(), ids=ODD_EDITS)
def test_an_edit_that_reads_as_before_or_not_at_all_is_found(deeds, sql, edit):
    sql(f"UPDATE audit_entry SET {edit} WHERE id = 3")

    assert findings() == [edited(3)]


def test_another_number_is_found(deeds, sql):
    sql("UPDATE audit_entry SET id = 100 WHERE id = 3")

    assert findings() == [gap_before(4), edited(100), missing(3)]


def test_every_number_shifted_alike_is_found(deeds, sql):
    sql("UPDATE audit_entry SET id = id + 100 WHERE id > 0")

    assert kinds() == [Kind.EDITED, Kind.KEY, Kind.MISSING]


@pytest.mark.parametrize("gone", [1, 3, 4])
def test_a_deletion_before_the_end_is_found(deeds, sql, gone):
    sql("DELETE FROM audit_entry WHERE id = %s", gone)

    assert findings() == [gap_before(gone + 1), missing(gone)]


def test_a_deletion_is_found_without_any_anchor_too(deeds, sql):
    anchors.path().unlink()
    sql("DELETE FROM audit_entry WHERE id = 3")

    assert findings() == [gap_before(4)]


@pytest.mark.parametrize("left", [4, 3, 1])
def test_entries_cut_off_the_end_are_found(deeds, sql, left):
    sql("DELETE FROM audit_entry WHERE id > %s", left)

    assert findings() == [removed(left, 5)]


def test_an_emptied_record_is_found(deeds, sql):
    sql("DELETE FROM audit_entry")

    assert findings() == [removed(0, 5)]


def test_an_emptied_record_is_found_where_its_key_went_with_it(deeds, sql):
    sql("DELETE FROM audit_entry")
    sql("DELETE FROM custody_keyring")

    assert findings() == [removed(0, 5)]


def test_an_emptied_record_is_found_on_a_machine_that_wrote_none_of_it(deeds, sql):
    anchors.path().unlink()
    sql("DELETE FROM audit_entry")

    assert findings() == [removed(0, 0)]


def test_a_deletion_that_the_next_entry_is_made_to_hide_is_found(deeds, sql):
    sql("UPDATE audit_entry SET previous_digest = (SELECT digest FROM audit_entry WHERE id = 2) WHERE id = 4")
    sql("DELETE FROM audit_entry WHERE id = 3")

    assert findings() == [edited(4), missing(3)]


def test_the_whole_record_written_anew_with_plain_digests_is_found(deeds, sql):
    previous = "0" * 64
    for entry in Entry.objects.order_by("id"):
        entry.verb, entry.previous_digest = "nothing to see here", previous
        content = [entry.at.isoformat(), entry.actor_id, str(entry.vault_id), entry.verb, entry.target, entry.details]
        entry.digest = previous = hashlib.sha256(json.dumps([*content, entry.origin, previous]).encode()).hexdigest()
        sql(
            "UPDATE audit_entry SET verb = %s, previous_digest = %s, digest = %s WHERE id = %s",
            entry.verb,
            entry.previous_digest,
            entry.digest,
            entry.id,
        )

    assert kinds() == [Kind.EDITED, Kind.KEY]
    assert findings()[0] == edited(1, 5)


def test_an_entry_that_somebody_added_is_found(deeds, sql):
    own = [
        f"'{word}'"
        for word in ("2026-01-01 00:00:00", "vault opened", "user 1", "{}", "web 192.0.2.1", deeds[-1].digest, "a" * 64)
    ]
    sql(f"INSERT INTO audit_entry (id, at, verb, target, details, origin, previous_digest, digest) VALUES (6, {', '.join(own)})")

    assert findings() == [edited(6)]


@pytest.mark.parametrize("number", [0, -1, -(2**63)])
def test_an_entry_before_the_first_is_found(deeds, sql, number):
    first = dict(zip(COLUMNS.split(", "), rows(sql)[0], strict=True)) | {"id": number, "digest": "b" * 64}
    put_in(sql, tuple(first.values()))

    assert findings()[0] == edited(number)


def test_two_entries_that_changed_places_are_found(deeds, sql):
    sql("UPDATE audit_entry SET id = 77 WHERE id = 2")
    sql("UPDATE audit_entry SET id = 2 WHERE id = 3")
    sql("UPDATE audit_entry SET id = 3 WHERE id = 77")

    assert findings() == [edited(2, 3), gap_before(4)]


def test_two_entries_that_changed_what_they_say_are_found(deeds, sql):
    copy = rows(sql)
    for number, other in ((2, 4), (4, 2)):
        said = dict(zip(COLUMNS.split(", "), copy[other - 1], strict=True))
        sql("UPDATE audit_entry SET verb = %s, details = %s WHERE id = %s", said["verb"], said["details"], number)

    assert findings() == [edited(2), edited(4)]


def test_an_older_copy_of_the_table_put_back_is_found(do, sql):
    for number in range(1, 4):
        do(f"deed {number}")
    older = rows(sql)
    do("deed 4")
    do("deed 5")

    put_back(sql, older)

    assert findings() == [removed(3, 5)]


def test_an_older_copy_is_found_once_the_site_has_gone_on_from_it_too(do, sql):
    for number in range(1, 4):
        do(f"deed {number}")
    older = rows(sql)
    for number in range(4, 7):
        do(f"deed {number}")

    put_back(sql, older)
    do("another deed 4")
    do("another deed 5")

    assert findings() == [Finding(Kind.EXCHANGED, 4, 5), removed(5, 6)]


def test_putting_the_table_back_as_it_is_changes_nothing(deeds, sql):
    put_back(sql, rows(sql))

    assert findings() == []


def test_a_key_of_their_own_is_found(deeds, sql):
    """They can make a row of a keyring, and not wrap a key that opens."""
    sql("UPDATE custody_keyring SET wrapped_key = %s", os.urandom(60))

    assert kinds() == [Kind.KEY]
    assert "does not open" in str(findings()[0])


def test_a_removed_key_is_found_and_what_can_be_checked_still_is(deeds, sql):
    sql("DELETE FROM custody_keyring")
    sql("DELETE FROM audit_entry WHERE id = 3")

    assert kinds() == [Kind.KEY, Kind.GAP, Kind.MISSING]


def test_the_key_of_something_else_in_its_place_is_found(deeds, sql):
    other = new_keyring("vault")
    sql("UPDATE custody_keyring SET purpose = 'gone' WHERE purpose = 'audit'")
    sql("UPDATE custody_keyring SET purpose = 'audit' WHERE id = %s", other.id.hex)

    assert kinds() == [Kind.EDITED, Kind.KEY]


def test_a_record_that_went_on_under_another_key_is_found(deeds, do, sql):
    sql("DELETE FROM custody_keyring")
    do("deed 6")

    assert findings() == [edited(1, 5)]
    assert Keyring.objects.count() == 1


def test_without_the_master_key_it_says_so_and_accuses_nobody(deeds, settings, tmp_path):
    settings.ENV = replace(settings.ENV, master_key_file=tmp_path / "lost.json")

    assert kinds() == [Kind.KEY]


def test_several_faults_are_all_found(deeds, sql):
    sql("DELETE FROM audit_entry WHERE id IN (2, 5)")
    sql("UPDATE audit_entry SET verb = 'another deed' WHERE id = 4")

    assert findings() == [gap_before(3), edited(4), missing(2), removed(4, 5)]


def test_a_long_record_is_read_in_batches(do, sql, monkeypatch):
    monkeypatch.setattr("twinvault.audit.verify.BATCH", 3)
    for number in range(1, 9):
        do(f"deed {number}")
    assert findings() == []

    sql("DELETE FROM audit_entry WHERE id IN (3, 4)")
    assert findings() == [gap_before(5), Finding(Kind.MISSING, 3, 4)]
