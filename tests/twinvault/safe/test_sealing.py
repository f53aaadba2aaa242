"""Sealing a vault in which everything has happened: what stays possible, what does not, and how it is unsealed."""

import io

import pytest
from django.db.models import Q

from acquisition.models import Footage, Upload
from acquisition.services import FootageRefused, add_footage
from acquisition.uploads import services as uploads
from generator import learning
from generator.productions.models import Film
from generator.productions.services import order_film
from generator.productions.storyboard import Storyboard
from generator.services import start_twin
from processing.models import Face, Person
from processing.people import say_who
from processing.services import request_analysis
from tests.story import SUBJECT_SECONDS, cut
from tests.twinvault.safe.conftest import PASSWORD, all_of
from twinvault.audit.models import Entry
from twinvault.custody import archive as archives
from twinvault.custody import objects
from twinvault.custody.archive import ObjectSealed
from twinvault.custody.models import SOURCE_KINDS, Archive, StoredObject
from twinvault.jobs.models import Job
from twinvault.jobs.services import claim, enqueue, stop
from twinvault.safe import services
from twinvault.safe.housekeeping import keep_house
from twinvault.vaults.services import NotAllowed
from worker.inline import JobFailed, run_queued_jobs


def test_every_source_of_a_whole_story_is_sealed_and_nothing_else(sealed_story):
    sources = [stored for stored in all_of(sealed_story.vault) if stored.kind in SOURCE_KINDS]
    others = [stored for stored in all_of(sealed_story.vault) if stored.kind not in SOURCE_KINDS]

    assert {stored.kind for stored in sources} == set(SOURCE_KINDS)
    for stored in sources:
        with pytest.raises(ObjectSealed):
            objects.read(stored)
    assert {stored.kind for stored in others} >= {"weights", "film", "storyboard"}
    assert all(objects.read(stored) for stored in others)


def test_films_are_still_made(sealed_story):
    story = sealed_story
    film = order_film(story.vault, twin=story.twin, revision=story.revision, storyboard=Storyboard("greeting"), by=story.bob)
    run_queued_jobs()

    film.refresh_from_db()
    # made; whether it is good enough to be shown is another question
    assert film.state in (Film.State.READY, Film.State.HELD) and film.content
    assert Entry.objects.filter(verb="film rendered", vault_id=story.vault.id).count() == 2


def test_nothing_is_looked_at_learned_or_said_until_it_is_unsealed(sealed_story):
    story = sealed_story
    for act in (
        lambda: start_twin(story.stage, preset="tiny", seconds=2, by=story.alice),
        lambda: request_analysis(Footage.objects.get(), story.alice),
        lambda: say_who(story.vault, [Person.objects.get().id], Person.Who.UNKNOWN, story.alice),
    ):
        with pytest.raises(NotAllowed, match="is sealed"):
            act()


def test_a_twin_learns_anew_while_it_is_unsealed(sealed_story):
    story = sealed_story
    services.unseal(story.vault, by=story.alice, password=PASSWORD, hours=1)
    twin = start_twin(story.stage, preset="tiny", seconds=2, by=story.alice)
    run_queued_jobs()

    twin.refresh_from_db()
    assert twin.state == "ready" and twin.version == 2
    services.close(story.vault, by=story.alice)
    preview = twin.previews.select_related("sheet__keyring").first()
    with pytest.raises(ObjectSealed):
        objects.read(preview.sheet)


def test_a_training_that_began_in_time_goes_on_to_its_end(sealed_story, monkeypatch):
    """Closing takes away what could still be read, not what was read."""
    story = sealed_story
    services.unseal(story.vault, by=story.alice, password=PASSWORD, hours=1)
    twin = start_twin(story.stage, preset="tiny", seconds=2, by=story.alice)
    trained = learning.train_on_all

    def closed_first(*args, **kwargs):
        services.close(story.vault, by=story.alice)
        return trained(*args, **kwargs)

    monkeypatch.setattr(learning, "train_on_all", closed_first)
    run_queued_jobs()

    twin.refresh_from_db()
    assert twin.state == "ready" and twin.identity_id and twin.measures["images_seen"] > 0


def test_footage_goes_straight_in_and_is_looked_at_when_it_is_unsealed(sealed_story):
    story = sealed_story
    footage = add_footage(story.vault, story.stage, "later.mp4", io.BytesIO(cut("franck", 3, 60)), by=story.bob)
    run_queued_jobs()
    footage.refresh_from_db()
    assert footage.state == Footage.State.WAITING and footage.content.sealed
    assert not Job.objects.filter(target_id=footage.id).exists()

    services.unseal(story.vault, by=story.alice, password=PASSWORD, hours=1)
    run_queued_jobs()

    footage.refresh_from_db()
    assert footage.state == Footage.State.PROCESSED
    assert Face.objects.filter(track__segment__footage=footage).exists()
    assert StoredObject.objects.get(id=footage.segments.get().pack_id).sealed


def test_an_upload_leaves_no_second_key_behind(sealed_story):
    story = sealed_story
    content = cut("franck", 2, 90)
    upload = uploads.begin_upload(story.vault, story.stage, "sent.mp4", len(content), by=story.bob)
    upload = uploads.receive(upload, 0, len(content), [content])

    row = Upload.objects.get(id=upload.id)
    assert row.footage.content.sealed
    assert bytes(row.wrapped_key) == b"" and bytes(row.tail) == b""


def test_the_same_bytes_twice_are_still_noticed(sealed_story):
    story = sealed_story
    with pytest.raises(FootageRefused, match="is the same file as"):
        add_footage(story.vault, story.stage, "again.mp4", io.BytesIO(cut("franck", SUBJECT_SECONDS)), by=story.bob)


@pytest.mark.parametrize("kind", services.READS_SOURCES)
def test_a_seal_while_work_on_the_footage_runs_is_refused_and_names_it(vault, alice, code, kind):
    job = enqueue(kind, vault.id, queue="cpu", title="Learning Franck, adult v1", vault=vault)
    claim(job.id, "somebody")

    with pytest.raises(NotAllowed, match="“Learning Franck, adult v1” is under way"):
        services.seal(vault, by=alice, password=PASSWORD)
    assert Archive.objects.get().state == Archive.State.OPEN


def test_two_seals_at_once_are_one_job(vault, alice, code):
    objects.store(vault.keyring, "footage", b"a face")

    first, second = (services.seal(vault, by=alice, password=PASSWORD) for _ in range(2))

    assert first.id == second.id
    run_queued_jobs()
    with pytest.raises(NotAllowed, match="sealed already"):
        services.seal(vault, by=alice, password=PASSWORD)
    assert Entry.objects.filter(verb="sealed").count() == 1


def test_a_sealing_that_was_stopped_goes_on_where_it_was(vault, alice, code, monkeypatch):
    monkeypatch.setattr(archives, "BATCH", 2)
    held = [objects.store(vault.keyring, "footage", bytes([number])) for number in range(9)]
    job = services.seal(vault, by=alice, password=PASSWORD)
    archives.seal_some(vault.keyring.archive)
    stop(job)
    assert StoredObject.objects.filter(sealed=True).count() == 2
    assert objects.store(vault.keyring, "pack", b"x").sealed, "what comes in is sealed from the first step on"

    services.seal(vault, by=alice, password=PASSWORD)
    run_queued_jobs()

    assert StoredObject.objects.filter(sealed=True).count() == len(held) + 1
    assert Archive.objects.get().state == Archive.State.SEALED


def test_a_job_that_meets_a_seal_says_so(sealed_story):
    """Queued before, run after: whatever slips in between fails with the reason, and can be tried again."""
    story = sealed_story
    footage = Footage.objects.get()
    enqueue("analyse_footage", footage.id, queue="cpu", title="Look", vault=story.vault)

    with pytest.raises(JobFailed, match="This is sealed"):
        run_queued_jobs()
    assert Footage.objects.get().state == Footage.State.PROCESSED, "what was seen before stays"


def test_a_wrong_password_is_recorded_slowed_and_seals_nothing(vault, alice, code):
    for _ in range(3):
        with pytest.raises(services.PasswordRefused, match="not the secondary password"):
            services.seal(vault, by=alice, password="something else")
    with pytest.raises(services.PasswordRefused, match=r"Wait \d+ seconds"):
        services.seal(vault, by=alice, password=PASSWORD)

    assert Entry.objects.filter(verb="wrong secondary password", actor=alice).count() == 3
    assert Archive.objects.get().state == Archive.State.OPEN


def test_the_clock_closes_it_and_that_is_recorded(sealed_story):
    story = sealed_story
    services.unseal(story.vault, by=story.alice, password=PASSWORD, hours=1e-9)

    keep_house()

    assert Entry.objects.filter(verb="closed again by the clock", vault_id=story.vault.id).exists()
    assert not Archive.objects.filter(~Q(unsealed_until=None)).exists()


@pytest.mark.parametrize("hours", [0, -1, 169])
def test_nobody_unseals_for_ever(sealed_story, hours):
    with pytest.raises(NotAllowed, match="at most 7 days"):
        services.unseal(sealed_story.vault, by=sealed_story.alice, password=PASSWORD, hours=hours)


def test_the_deeds_are_in_the_record(sealed_story):
    story = sealed_story
    services.unseal(story.vault, by=story.alice, password=PASSWORD, hours=2)
    services.close(story.vault, by=story.alice)

    deeds = list(Entry.objects.filter(vault_id=story.vault.id).order_by("id").values_list("verb", flat=True))[-5:]
    assert deeds == ["secondary password set", "sealing begun", "sealed", "unsealed", "closed again"]


def test_a_sealing_that_is_done_again_after_its_end_is_on_record_once(sealed_story):
    """As after a kill between the last wrap and the end of the job."""
    story = sealed_story
    enqueue(services.SEAL, story.vault.id, queue="cpu", title="Seal", vault=story.vault)
    run_queued_jobs()

    assert Archive.objects.get().state == Archive.State.SEALED
    assert Entry.objects.filter(verb="sealed", vault_id=story.vault.id).count() == 1
