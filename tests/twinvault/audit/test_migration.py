"""An installation from before the chain had a key."""

import hashlib
import json
from dataclasses import replace

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from tests.conftest import make_user
from twinvault.audit import anchors
from twinvault.audit.models import Entry
from twinvault.audit.record import record
from twinvault.audit.verify import findings
from twinvault.custody.models import Keyring

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def before():
    """The record's table as it was; gives the model of its rows. Whatever happens, it is put in order again."""
    executor = MigrationExecutor(connection)
    executor.migrate([("audit", "0001_initial")])
    yield executor.loader.project_state([("audit", "0001_initial")]).apps.get_model("audit", "Entry")
    Entry.objects.all().delete()
    call_command("migrate", "audit", verbosity=0)


def write(old_entry, actor_id: int, ids: list[int]) -> None:
    previous = "0" * 64
    for number in ids:
        row = old_entry(
            id=number, at=timezone.now(), actor_id=actor_id, verb=f"deed {number}", target="", details={"count": number}
        )
        row.previous_digest = previous
        content = [row.at.isoformat(), actor_id, "", row.verb, row.target, row.details, previous]
        row.digest = previous = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        row.save(force_insert=True)


def test_what_was_written_before_holds_under_the_key(before):
    write(before, make_user("alice").pk, [1, 2, 4, 5])

    call_command("migrate", "audit", verbosity=0)

    assert findings() == []
    assert [entry.verb for entry in Entry.objects.all()] == ["deed 1", "deed 2", "deed 4", "deed 5", "record put under a key"]
    taken_over = Entry.objects.get(verb="record put under a key")
    assert taken_over.details == {"entries": 4, "first_broken": 0}
    assert [anchor.entry_id for anchor in anchors.read()] == [taken_over.id]
    record("deed 7")
    assert findings() == []


@pytest.mark.parametrize("forgery", [{"verb": "another deed"}, {"previous_digest": "f" * 64}, None], ids=["edit", "link", "gap"])
def test_what_did_not_hold_before_is_not_covered_up(before, forgery):
    write(before, make_user("alice").pk, [1, 2, 3, 4])
    if forgery:
        before.objects.filter(id=3).update(**forgery)
    else:
        before.objects.filter(id=2).delete()

    call_command("migrate", "audit", verbosity=0)

    assert Entry.objects.get(verb="record put under a key").details["first_broken"] == 3


def test_a_new_installation_needs_no_key_for_it(before, settings, tmp_path):
    settings.ENV = replace(settings.ENV, master_key_file=tmp_path / "not made yet.json")

    call_command("migrate", "audit", verbosity=0, skip_checks=True)

    assert not Entry.objects.exists()
    assert not Keyring.objects.exists()
