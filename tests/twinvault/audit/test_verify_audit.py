"""manage.py verify_audit, as the operator runs it."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.installation import Installation
from twinvault.audit import anchors


def verify() -> str:
    told = StringIO()
    call_command("verify_audit", stdout=told)
    return told.getvalue()


def test_it_says_what_it_checked(deeds):
    day = f"{deeds[0].at:%Y-%m-%d}"

    assert verify() == f"Checked 5 entries from {day} to {deeds[-1].at:%Y-%m-%d}, and 5 anchors.\nThe record holds.\n"


def test_it_names_every_fault_and_ends_badly(deeds, sql):
    sql("UPDATE audit_entry SET verb = 'another deed' WHERE id = 2")
    sql("DELETE FROM audit_entry WHERE id > 3")
    told = StringIO()

    with pytest.raises(CommandError, match="does not hold: 2 findings"):
        call_command("verify_audit", stdout=told)

    assert told.getvalue().splitlines()[:2] == [
        "Entry 2 was edited, or not written by this installation: the digest does not fit.",
        "Entries after 3 were removed: the anchors know of entry 5.",
    ]


def test_an_empty_record_holds(db):
    assert verify() == "Checked 0 entries, and 0 anchors.\nThe record holds.\n"


def test_without_anchors_it_says_what_cannot_be_told(deeds):
    anchors.path().unlink()

    assert "cut off the end cannot be told here" in verify()


def test_anchors_that_cannot_be_read_are_no_good_sign(deeds):
    anchors.path().unlink()
    anchors.path().mkdir()

    with pytest.raises(CommandError, match="cannot be read"):
        verify()


def test_processes_that_write_at_once_leave_one_chain_and_the_operator_sees_what_was_done_to_it(tmp_path):
    installation = Installation(tmp_path, BROKER="memory://")

    told = installation.tell(Path(__file__).with_name("rush.py"))

    assert told["entries"] == told["committed"] == told["anchors"] > 0
    assert told["undone"] > 0
    assert told["keyrings"] == 1
    assert told["findings_meanwhile"] == []
    whole = installation.run("manage.py", "verify_audit")
    assert (whole.returncode, whole.stdout.splitlines()[-1]) == (0, "The record holds.")

    installation.tell(Path(__file__).with_name("rush.py"), "cut")
    cut = installation.run("manage.py", "verify_audit")
    assert cut.returncode == 1
    assert f"Entries after {told['entries'] - 2} were removed" in cut.stdout
