"""The record of deeds: appended with the deed, and an edit or a gap shows."""

import uuid

import pytest
from django.db import transaction

from twinvault.audit.models import Entry
from twinvault.audit.record import first_broken, record

pytestmark = pytest.mark.django_db


@pytest.fixture
def deeds(alice):
    """Five entries of one vault."""
    vault_id = uuid.uuid4()
    return [record(f"deed {number}", actor=alice, vault_id=vault_id, target=alice, count=number) for number in range(5)]


def test_an_entry_says_who_did_what_to_which_row(deeds, alice):
    entry = Entry.objects.get(verb="deed 3")

    assert (entry.actor, entry.target, entry.details) == (alice, f"user {alice.pk}", {"count": 3})
    assert entry.vault_id == deeds[0].vault_id


def test_a_chain_that_nobody_touched_holds(deeds):
    assert first_broken() is None


def test_an_empty_chain_holds():
    assert first_broken() is None


def test_nobody_may_be_the_actor():
    record("swept", target="incoming folder")

    assert Entry.objects.get(verb="swept").actor is None
    assert first_broken() is None


@pytest.mark.parametrize(
    "edit",
    [
        {"verb": "another deed"},
        {"target": "user 999"},
        {"details": {"count": 77}},
        {"actor": None},
        {"vault_id": None},
        {"digest": "f" * 64},
        {"previous_digest": "f" * 64},
    ],
    ids=lambda edit: next(iter(edit)),
)
def test_an_edit_shows(deeds, edit):
    Entry.objects.filter(id=deeds[2].id).update(**edit)

    assert first_broken() == deeds[2]


def test_an_edited_time_shows(deeds):
    Entry.objects.filter(id=deeds[0].id).update(at=deeds[1].at)

    assert first_broken() == deeds[0]


@pytest.mark.parametrize("gone", [0, 1, 3])
def test_a_deletion_shows(deeds, gone):
    Entry.objects.filter(id=deeds[gone].id).delete()

    assert first_broken() == deeds[gone + 1]


def test_an_exchange_of_two_entries_shows(deeds):
    one, other = deeds[1], deeds[2]
    Entry.objects.filter(id=one.id).update(verb=other.verb, details=other.details)
    Entry.objects.filter(id=other.id).update(verb=one.verb, details=one.details)

    assert first_broken() == one


def test_a_deed_that_is_undone_leaves_no_entry(deeds, alice):
    with pytest.raises(RuntimeError), transaction.atomic():
        record("deed that failed", actor=alice)
        raise RuntimeError
    record("deed 5", actor=alice)

    assert not Entry.objects.filter(verb="deed that failed").exists()
    assert first_broken() is None
