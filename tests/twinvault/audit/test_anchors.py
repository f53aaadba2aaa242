"""What holds the record from outside the database: a file on each machine, and what becomes of it after a restore."""

import pytest

from tests.twinvault.audit.forging import gap_before, put_back, removed, rows
from twinvault.audit import anchors
from twinvault.audit.models import Entry
from twinvault.audit.record import reset_anchors
from twinvault.audit.verify import Kind, findings

pytestmark = pytest.mark.django_db


def test_machines_that_each_have_their_own_anchors_both_hold(do, sql, settings, tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for number in range(1, 7):
        settings.AUDIT_DIR = one if number % 2 else other
        do(f"deed {number}")

    for machine in (one, other):
        settings.AUDIT_DIR = machine
        assert len(list(anchors.read())) == 3
        assert findings() == []
    sql("DELETE FROM audit_entry WHERE id = 6")
    assert findings() == [removed(5, 6)]


def test_an_entry_whose_writer_was_killed_before_its_anchor_is_held_by_the_next(deeds, sql):
    lines = anchors.path().read_text().splitlines(keepends=True)
    anchors.path().write_text("".join([*lines[:2], *lines[3:]]))
    assert findings() == []

    sql("DELETE FROM audit_entry WHERE id = 3")
    assert findings() == [gap_before(4)]


def test_anchors_in_another_order_than_the_entries_hold(deeds):
    """Two processes commit one after the other, and write their anchors the other way round."""
    lines = anchors.path().read_text().splitlines(keepends=True)
    anchors.path().write_text("".join([lines[1], lines[0], lines[4], lines[3], lines[2]]))

    assert findings() == []


@pytest.mark.parametrize("line", ["nonsense\n", "\n", "6\n", f"6 {'a' * 64}", f"{'9' * 40} {'a' * 64}\n", "x" * 5000 + "\n"])
def test_a_damaged_line_of_the_anchors_is_named(deeds, line):
    with anchors.path().open("a") as file:
        file.write(line)

    assert findings()[0].kind == Kind.DAMAGED
    assert findings()[0].first == 6


def test_a_database_from_a_backup_holds_once_that_is_on_record(do, sql, django_capture_on_commit_callbacks):
    for number in range(1, 4):
        do(f"deed {number}")
    backup = rows(sql)
    do("deed 4")
    before = anchors.path().read_bytes()
    put_back(sql, backup)
    assert findings() == [removed(3, 4)]

    with django_capture_on_commit_callbacks(execute=True):
        reset_anchors()

    assert findings() == []
    assert Entry.objects.get(id=4).verb == "record restored from a backup"
    assert [anchor.entry_id for anchor in anchors.read()] == [4]
    aside = [path for path in anchors.path().parent.iterdir() if path != anchors.path()]
    assert [path.read_bytes() for path in aside] == [before]


def test_resetting_where_there_are_no_anchors_yet_begins_them(db, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        reset_anchors()

    assert [anchor.entry_id for anchor in anchors.read()] == [1]
