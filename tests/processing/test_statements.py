"""A living person's consent comes into force with a recording: a face is seen, a voice is heard, the phrase is today's."""

import io
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from processing.engine.decoding import open_media
from processing.engine.sound import heard_seconds
from processing.statements import check_statement
from tests.processing.clips import RATE, film, nobody, pictures, voice
from twinvault.audit.models import Entry
from twinvault.custody.models import StoredObject
from twinvault.safe import erasure
from twinvault.safe.models import Scope
from twinvault.vaults.consents import has_consent, record_consent, withdraw_consent
from twinvault.vaults.services import NotAllowed, open_vault
from twinvault.vaults.statements import phrase_of, record_statement
from worker.inline import run_queued_jobs

SAID = {"basis": "living", "given_by": "Odile", "statement": "I wish it so.", "sure": "on"}
SECONDS = 4


@lru_cache(maxsize=1)
def recording() -> bytes:
    """A man who talks, with something like a voice."""
    return film(pictures("franck", 0, SECONDS * RATE), sound=voice(SECONDS))


def coins(seconds: float) -> list[np.ndarray]:
    return [np.zeros((288, 360, 3), np.uint8)] * round(seconds * RATE)


@pytest.fixture
def empty(alice):
    return open_vault(alice, name="Aunt", subject_name="Odile", stages=["adult"])


@pytest.fixture
def waiting(browse, alice, empty):
    browse(alice).post(f"/vaults/{empty.id}/consent/", SAID)
    return empty.subject.consents.get()


def sent(client, vault, consent, content: bytes, phrase: str | None = None):
    file = SimpleUploadedFile("statement.mp4", content, "video/mp4")
    said = {"phrase": phrase_of(vault) if phrase is None else phrase, "recording": file}
    return client.post(f"/vaults/{vault.id}/consent/{consent.id}/statement/", said)


def test_it_is_in_force_once_it_was_said_before_the_camera(browse, alice, empty):
    client = browse(alice)
    asked = client.post(f"/vaults/{empty.id}/consent/", SAID)
    consent = empty.subject.consents.get()
    assert asked["Location"] == f"/vaults/{empty.id}/consent/{consent.id}/statement/"
    page = client.get(asked["Location"]).content.decode()
    assert "I wish it so." in page and phrase_of(empty) in page
    assert not has_consent(empty.subject)
    assert "say it in person" in client.get(f"/vaults/{empty.id}/").content.decode()

    assert sent(client, empty, consent, recording())["Location"] == f"/vaults/{empty.id}/"

    assert has_consent(empty.subject)
    page = client.get(f"/vaults/{empty.id}/consent/").content.decode()
    assert f"with the phrase of the day: {phrase_of(empty)}" in page
    played = client.get(f"/vaults/{empty.id}/consent/{consent.id}/recording/")
    assert b"".join(played.streaming_content) == recording() and played["Content-Type"] == "video/mp4"
    assert Entry.objects.filter(verb="consent given in person", vault_id=empty.id).exists()
    assert client.get(asked["Location"])["Location"] == f"/vaults/{empty.id}/consent/"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (lambda: b"this is no film", "is to be a film (MP4, MOV or WebM)"),
        (lambda: recording()[:2000], "may have been cut off"),
        (lambda: film(pictures("franck", 0, SECONDS * RATE)), "Nobody is heard"),
        (lambda: film(pictures("franck", 0, SECONDS * RATE), sound=voice(SECONDS, 0.001)), "Nobody is heard"),
        (lambda: film(coins(SECONDS), sound=voice(SECONDS)), "Hardly any face is seen"),
        (lambda: film(pictures("franck", 0, 2 * RATE), sound=voice(2)), "too short"),
    ],
    ids=["no film", "cut off", "no sound", "silence", "nobody", "short"],
)
def test_what_shows_nobody_who_speaks_is_refused_in_words(browse, alice, empty, waiting, content, why):
    answer = sent(browse(alice), empty, waiting, content())
    assert answer.status_code == 400 and why in answer.content.decode()
    assert not has_consent(empty.subject) and not StoredObject.objects.filter(kind="statement").exists()


def test_a_picture_is_no_recording():
    with pytest.raises(NotAllowed, match="This is a picture"):
        check_statement(nobody())


def test_the_phrase_is_of_its_day_and_of_its_vault(alice, empty, waiting, monkeypatch):
    today = timezone.localdate()
    other = open_vault(alice, name="Uncle", subject_name="Karl", stages=["adult"])
    days = [date(2026, 1, 1) + timedelta(days=day) for day in range(100)]
    assert len({phrase_of(vault, day) for day in days for vault in (empty, other)}) > 195
    for wrong in ("", phrase_of(other), phrase_of(empty, today - timedelta(days=2))):
        with pytest.raises(NotAllowed, match="of another day"):
            record_statement(waiting, recording(), phrase=wrong, by=alice)
    # who began before midnight
    record_statement(waiting, recording(), phrase=phrase_of(empty, today - timedelta(days=1)), by=alice)
    assert has_consent(empty.subject)


def test_what_was_withdrawn_or_is_recorded_takes_no_recording(alice, empty, waiting):
    record_statement(waiting, recording(), phrase=phrase_of(empty), by=alice)
    with pytest.raises(NotAllowed, match="does not wait for a recording"):
        record_statement(waiting, recording(), phrase=phrase_of(empty), by=alice)
    withdraw_consent(waiting, by=alice)
    with pytest.raises(NotAllowed, match="does not wait for a recording"):
        record_statement(waiting, recording(), phrase=phrase_of(empty), by=alice)


@pytest.mark.parametrize("scope", [Scope.SUBJECT, Scope.VAULT])
def test_what_shows_the_subject_goes_with_everything_that_does_and_the_consent_with_it(alice, empty, waiting, scope):
    record_statement(waiting, recording(), phrase=phrase_of(empty), by=alice)
    rights = record_consent(
        empty.subject, basis="public", given_by="The estate", statement="Ours.", document=b"%PDF-1.7", by=alice
    )
    erasure.ask(empty, scope, by=alice)
    run_queued_jobs()

    assert not StoredObject.objects.filter(kind__in=["statement", "document"]).exists()
    if scope == Scope.SUBJECT:
        assert not has_consent(empty.subject) and waiting.subject.consents.get(id=rights.id).document is None


def test_only_owners_record_it_and_watch_it(browse, alice, bob, charlie, vault):
    consent = vault.subject.consents.get()
    for path in ("statement/", "recording/"):
        for person in (bob, charlie):
            assert browse(person).get(f"/vaults/{vault.id}/consent/{consent.id}/{path}").status_code == 404


@pytest.mark.parametrize(("seconds", "level", "least", "most"), [(3, 0.1, 2.0, 3.2), (3, 0.0005, 0, 0.2)])
def test_a_voice_is_told_from_a_quiet_room(seconds, level, least, most):
    content = film(coins(seconds), sound=voice(seconds, level))
    assert least <= heard_seconds(io.BytesIO(content)) <= most
    with open_media(io.BytesIO(content)) as media:
        assert least <= media.heard_seconds() <= most
