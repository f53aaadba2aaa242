"""A vault's record as a file."""

import csv
import io
import json

import pytest
from django.utils import timezone

from twinvault.audit import queries
from twinvault.audit.models import Entry
from twinvault.audit.record import record
from twinvault.audit.verify import findings


@pytest.fixture
def take(browse, alice, vault):
    """The file as it arrives: `take("csv", deed=...)` -> (response, text)."""

    def get(wanted: str, **asked):
        response = browse(alice).get(f"/vaults/{vault.id}/record/", asked | {"format": wanted})
        assert response.status_code == 200 and response.streaming
        return response, b"".join(response).decode()

    return get


def test_json_lines_hold_every_column_in_the_order_of_the_chain(take, vault):
    record("film rendered", vault_id=vault.id, target="film of old", frames=7)
    entries = list(Entry.objects.filter(vault_id=vault.id).order_by("id"))

    response, text = take("jsonl")

    told = [json.loads(line) for line in text.splitlines()]
    assert [row["digest"] for row in told] == [entry.digest for entry in entries]
    assert told[0] | {"at": "", "previous_digest": "", "digest": ""} == {
        "id": entries[0].id,
        "at": "",
        "who": "Alice",
        "username": "alice",
        "verb": "vault opened",
        "target": f"vault {vault.id}",
        "vault": str(vault.id),
        "origin": "",
        "details": {},
        "previous_digest": "",
        "digest": "",
    }
    assert told[-1]["details"] == {"frames": 7} and told[-1]["who"] == ""
    assert response["Content-Type"].startswith("application/x-ndjson")
    assert response["Content-Disposition"] == f'attachment; filename="record-{timezone.localdate():%Y-%m-%d}.jsonl"'


def test_csv_reads_back_as_it_was(take, bob, vault):
    bob.first_name = 'Bob, "the\nbuilder"'
    bob.save()
    entry = record("footage added", actor=bob, vault_id=vault.id, target="footage", bytes=12)

    response, text = take("csv")

    told = list(csv.DictReader(io.StringIO(text, newline="")))
    assert told[-1]["who"] == 'Bob, "the\nbuilder"'
    assert told[-1] | {"id": int(told[-1]["id"]), "details": json.loads(told[-1]["details"])} == {
        "id": entry.id,
        "at": entry.at.isoformat(),
        "who": 'Bob, "the\nbuilder"',
        "username": "bob",
        "verb": "footage added",
        "target": "footage",
        "vault": str(vault.id),
        "origin": "",
        "details": {"bytes": 12},
        "previous_digest": entry.previous_digest,
        "digest": entry.digest,
    }
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].endswith('.csv"')


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://example.org")'])
def test_a_name_that_a_spreadsheet_would_run_is_a_text_there(take, bob, vault, name):
    bob.first_name = name
    bob.save()
    # a name is stripped when a page shows it, and must not become a formula by that
    shown = bob.called
    record("footage added", actor=bob, vault_id=vault.id)

    _, text = take("csv")

    assert list(csv.DictReader(io.StringIO(text, newline="")))[-1]["who"] == f"'{shown}"
    assert json.loads(take("jsonl", person=bob.pk)[1])["who"] == shown


def test_the_file_holds_what_the_filter_lets_through(take, bob, vault):
    record("footage added", actor=bob, vault_id=vault.id)

    told = [json.loads(line) for line in take("jsonl", person=bob.pk)[1].splitlines()]

    assert [row["verb"] for row in told] == ["footage added"]
    assert take("csv", since="2999-01-01")[1].splitlines() == [
        ",".join(["id", "at", "who", "username", "verb", "target", "vault", "origin", "details", "previous_digest", "digest"])
    ]


def test_taking_it_is_recorded_and_not_in_the_file(take, alice, vault):
    entries = Entry.objects.filter(vault_id=vault.id).count()

    _, text = take("jsonl")

    taken = Entry.objects.get(verb="record exported")
    assert (taken.actor, taken.vault_id, taken.details) == (alice, vault.id, {"format": "jsonl", "entries": entries})
    assert taken.origin == "web 127.0.0.1"
    assert len(text.splitlines()) == entries
    assert findings() == []


def test_asking_only_for_the_head_of_it_takes_nothing(browse, alice, vault):
    assert browse(alice).head(f"/vaults/{vault.id}/record/?format=csv").status_code == 200
    assert not Entry.objects.filter(verb="record exported").exists()


def test_another_format_is_refused_with_those_there_are(browse, alice, vault):
    response = browse(alice).get(f"/vaults/{vault.id}/record/?format=xlsx")

    assert (response.status_code, response.content) == (400, b"format is one of: csv, jsonl")


def test_a_long_record_is_written_batch_by_batch(take, vault, monkeypatch):
    monkeypatch.setattr(queries, "BATCH", 4)
    for number in range(9):
        record(f"deed {number}", vault_id=vault.id)

    assert [json.loads(line)["verb"] for line in take("jsonl", person="nobody")[1].splitlines()] == [
        f"deed {number}" for number in range(9)
    ]
