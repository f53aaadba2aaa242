"""An export holds everything, says so truly, goes on where it broke off, and comes out of the same bytes elsewhere."""

import io
import json
import random
import resource
import signal
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.utils import timezone

from generator.productions.services import revoke_film
from generator.protection.scan import find_plaintext
from processing.models import Face
from tests.twinvault.safe.conftest import PASSWORD, all_of
from twinvault.audit.models import Entry
from twinvault.custody import objects
from twinvault.custody.archive import ObjectSealed
from twinvault.custody.models import Lending, StoredObject
from twinvault.jobs.models import Job
from twinvault.jobs.services import stop
from twinvault.safe import exports, services
from twinvault.safe.housekeeping import keep_house
from twinvault.safe.models import Export
from worker.inline import JobFailed, run_queued_jobs


def make(story) -> tuple[Export, str]:
    made, token = exports.ask(story.vault, services.unlock(story.vault, by=story.alice, password=PASSWORD), by=story.alice)
    run_queued_jobs()
    return again(made), token


def again(export: Export) -> Export:
    return Export.objects.select_related("vault", "plan__keyring", "lending").get(id=export.id)


def unzipped(export: Export) -> zipfile.ZipFile:
    with exports.open_zip(export) as reader:
        return zipfile.ZipFile(io.BytesIO(reader.read()))


@pytest.fixture
def ready(story):
    services.set_password(story.vault, PASSWORD, by=story.alice)
    return make(story)[0]


def test_everything_is_in_it_byte_for_byte(story, ready):
    archive = unzipped(ready)
    manifest = json.loads(archive.read("manifest.json"))

    assert archive.testzip() is None
    held = {str(stored.id): stored for stored in all_of(story.vault) if stored.kind not in exports.NOT_EXPORTED}
    assert manifest["objects"].keys() == held.keys()
    for object_id, one in manifest["objects"].items():
        assert archive.read(one["path"]) == objects.read(held[object_id])
    assert manifest["left_out"] == []


def test_a_person_finds_their_way_in_it(story, ready):
    archive = unzipped(ready)
    names = archive.namelist()

    assert names[0] == "READ-ME.txt" and "Grandpa" in archive.read("READ-ME.txt").decode()
    assert "originals/adult/franck.mp4" in names
    assert any(name.startswith("films/") and name.endswith(".mp4") for name in names)
    assert "twins/adult, version 1/weights" in names
    labels = json.loads(archive.read("labels.json"))
    (footage,) = labels["footage"].values()
    assert footage["file"] == "franck.mp4" and footage["tracks"][0]["who"] == "subject"
    assert sum(len(track["faces"]) for track in footage["tracks"]) == Face.objects.count()
    record = [json.loads(line) for line in archive.read("record/record.jsonl").splitlines()]
    assert "consent recorded" in [line["verb"] for line in record]


def test_the_words_of_a_consent_are_open_in_it_and_keys_are_not_in_it(story, ready):
    archive = unzipped(ready)
    rows = archive.read("rows.jsonl").decode()

    assert '"statement": "I agree."' in rows
    assert "wrapped_key" not in rows and "sealed_statement" not in rows


def test_any_range_is_what_the_whole_has_there(ready):
    dice = random.Random(3)
    with exports.open_zip(ready) as reader:
        whole = reader.read()
    assert len(whole) == ready.size
    with exports.open_zip(ready) as reader:
        for _ in range(200):
            start, length = dice.randrange(len(whole)), dice.choice([1, 30, 5000, 2**20])
            reader.seek(start)
            assert reader.read(length) == whole[start : start + length]


def test_nothing_of_it_rests_in_the_clear(ready):
    with exports.open_zip(ready) as reader:
        reader.read()

    assert find_plaintext(Path(storages["ciphertext"].location)) == []


def test_a_sealed_safe_lends_its_keys_to_the_export_alone(sealed_story):
    export, _ = make(sealed_story)

    assert "originals/adult/franck.mp4" in unzipped(export).namelist()
    footage = StoredObject.objects.select_related("keyring").get(kind="footage")
    with pytest.raises(ObjectSealed):
        objects.read(footage)
    exports.end(export)
    assert not Lending.objects.exists()


def test_what_comes_into_a_sealed_safe_while_it_is_put_together_waits_for_the_next(sealed_story):
    story = sealed_story
    export, _ = exports.ask(story.vault, services.unlock(story.vault, by=story.alice, password=PASSWORD), by=story.alice)
    late = objects.store(story.vault.keyring, "footage", b"brought in a minute later")
    run_queued_jobs()

    export = again(export)
    assert (export.state, export.left_out) == (Export.State.READY, 0)
    assert str(late.id) not in json.loads(unzipped(export).read("manifest.json"))["objects"]


def test_its_job_names_no_file(story, ready):
    job = Job.objects.get(target_id=ready.id)

    assert "franck" not in f"{job.title} {job.message} {job.error} {job.cause}"


def test_sealing_ends_an_export(story, ready):
    services.seal(story.vault, by=story.alice, password=PASSWORD)

    with pytest.raises(exports.ExportOver, match="ask for a new one"):
        exports.open_zip(again(ready))


def test_what_is_damaged_is_named_and_the_rest_is_there(story):
    services.set_password(story.vault, PASSWORD, by=story.alice)
    storage = storages["ciphertext"]
    torn = StoredObject.objects.get(kind="footage")
    with open(storage.path(torn.name), "r+b") as file:
        file.seek(200)
        file.write(b"\0\0\0\0\0\0\0\0")
    lost = StoredObject.objects.filter(kind="preview").first()
    storage.delete(lost.name)

    export, _ = make(story)

    archive = unzipped(export)
    manifest = json.loads(archive.read("manifest.json"))
    assert export.left_out == 2
    assert {one["object"] for one in manifest["left_out"]} == {str(torn.id), str(lost.id)}
    assert any(name.startswith("films/") for name in archive.namelist())
    # other tests read the story back into this folder, and leave alone what is there
    storage.delete(torn.name)


def test_after_its_time_it_is_over_and_its_own_texts_are_erased(story, ready):
    parts = [part.id for part in ready.parts.all()] + [ready.plan_id]
    Export.objects.update(until=timezone.now() - timedelta(seconds=1))

    with pytest.raises(exports.ExportOver):
        exports.open_zip(again(ready))
    keep_house()

    assert again(ready).state == Export.State.OVER
    assert not StoredObject.objects.filter(id__in=parts).exists()
    assert Entry.objects.filter(verb="export ended").exists()


def test_one_that_was_stopped_while_it_was_put_together_leaves_nothing(story):
    services.set_password(story.vault, PASSWORD, by=story.alice)
    export, _ = exports.ask(story.vault, services.unlock(story.vault, by=story.alice, password=PASSWORD), by=story.alice)
    stop(Job.objects.get(target_id=export.id))
    exports.end(export, by=story.alice)

    assert not StoredObject.objects.filter(kind="export").exists()
    with pytest.raises(exports.ExportOver):
        exports.open_zip(again(export))


def test_an_erasure_since_then_is_said_instead_of_a_torn_file(story, ready):
    revoke_film(story.film, by=story.alice)

    with pytest.raises(exports.ExportOver, match="was erased since"):
        exports.open_zip(again(ready))


def test_a_full_disk_ends_it_with_a_sentence_and_leaves_nothing_half_done(story):
    """The texts of an export are written; where they find no room, the job says so and can be tried again."""
    services.set_password(story.vault, PASSWORD, by=story.alice)
    export, _ = exports.ask(story.vault, services.unlock(story.vault, by=story.alice, password=PASSWORD), by=story.alice)
    limit, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, limit[1]))
        with pytest.raises(JobFailed):
            run_queued_jobs()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert not StoredObject.objects.filter(kind="export").exists()
    assert again(export).state == Export.State.PREPARING
