"""What is erased is gone: from today's database, from today's disk, and for whoever kept an older copy of the disk."""

import hashlib
import shutil

import pytest
from django.apps import apps
from django.core.files.storage import storages
from django.utils import timezone

from acquisition.models import Footage, Upload
from acquisition.uploads import services as uploads
from generator.models import Preview, Twin
from generator.productions.models import Film
from generator.productions.services import order_film
from generator.productions.storyboard import Storyboard
from processing.models import Analysis, Face, Segment
from tests.twinvault.safe.conftest import PASSWORD, all_of
from twinvault.audit.models import Entry
from twinvault.custody import objects
from twinvault.custody.keys import KeyUnavailable
from twinvault.custody.models import SOURCE_KINDS, Keyring, StoredObject
from twinvault.jobs.models import Job
from twinvault.jobs.services import enqueue, stop
from twinvault.safe import erasure, services
from twinvault.safe.housekeeping import keep_house
from twinvault.safe.models import ErasedObject, Erasure, Scope
from twinvault.vaults.models import Vault
from worker.inline import run_queued_jobs

# all that a vault has of its own
MODELS = [
    *("vaults.Vault", "vaults.Subject", "vaults.Consent", "vaults.LifeStage", "vaults.Membership"),
    *("custody.Archive", "custody.Lending", "custody.LentKey", "safe.Export", "safe.Import", "safe.Retention"),
    *("acquisition.Footage", "acquisition.Upload", "processing.Analysis", "processing.Segment"),
    *("processing.Person", "processing.Track", "processing.Face", "processing.Change"),
    *("generator.Twin", "generator.Preview", "productions.Film"),
    *("scenes.CodeBookOfTwin", "scenes.Scene", "scenes.SceneRevision", "scenes.SceneReview", "scenes.Clip"),
]


def erase(story, scope: Scope) -> Erasure:
    asked = erasure.ask(story.vault, scope, by=story.alice)
    run_queued_jobs()
    asked.refresh_from_db()
    assert asked.state == Erasure.State.DONE
    return asked


def files(vault) -> dict[str, bytes]:
    storage = storages["ciphertext"]
    return {stored.name: storage.open(stored.name).read() for stored in all_of(vault)}


def test_the_sources_go_and_twins_and_films_stay(story):
    erase(story, Scope.SOURCES)

    assert not (Footage.objects.exists() or Analysis.objects.exists() or Face.objects.exists() or Preview.objects.exists())
    kinds = {stored.kind for stored in all_of(story.vault)}
    assert kinds and not kinds & set(SOURCE_KINDS)
    film = order_film(story.vault, twin=story.twin, revision=story.revision, storyboard=Storyboard("greeting"), by=story.bob)
    run_queued_jobs()
    film.refresh_from_db()
    # made; whether it is good enough to be shown is another question
    assert film.state in (Film.State.READY, Film.State.HELD) and film.content


def test_the_subject_goes_and_the_empty_vault_stays(story):
    erase(story, Scope.SUBJECT)

    assert not all_of(story.vault)
    assert not (Footage.objects.exists() or Twin.objects.exists() or Film.objects.exists())
    vault = Vault.objects.get(id=story.vault.id)
    assert vault.memberships.count() == 3 and vault.subject.consents.count() == 1
    assert objects.read(objects.store(vault.keyring, "footage", b"a new beginning")) == b"a new beginning"


def test_the_vault_goes_with_every_row_of_it(story):
    erase(story, Scope.VAULT)

    assert not Vault.objects.exists() and not Keyring.objects.filter(id=story.vault.keyring_id).exists()
    own = [label for label in MODELS if apps.get_model(label).objects.exists()]
    assert own == []
    assert not Job.objects.exclude(kind__in=["erase", "prepare_template"]).exists()
    assert StoredObject.objects.exists(), "the library's own is nobody's vault"


@pytest.mark.parametrize("scope", list(Scope))
def test_no_file_is_left_on_the_disk(story, scope):
    before = {stored.name: stored.kind for stored in all_of(story.vault)}
    erase(story, scope)

    there = {name for name in before if storages["ciphertext"].exists(name)}
    expected = {name for name, kind in before.items() if scope == Scope.SOURCES and kind not in SOURCE_KINDS}
    assert there == expected


@pytest.mark.parametrize("scope", list(Scope))
def test_an_old_copy_of_the_disk_does_not_open_with_todays_database(story, scope, tmp_path):
    """The thief has yesterday's objects, today's rows and even today's master key."""
    objects_dir = storages["ciphertext"].location
    gone = [stored for stored in all_of(story.vault) if scope != Scope.SOURCES or stored.kind in SOURCE_KINDS]
    kept = [(stored.id, bytes(stored.wrapped_key)) for stored in gone]
    shutil.copytree(objects_dir, tmp_path / "old")
    erase(story, scope)
    shutil.copytree(tmp_path / "old", objects_dir, dirs_exist_ok=True)

    assert not StoredObject.objects.filter(id__in=[stored_id for stored_id, _ in kept]).exists()
    everything = {
        bytes(value)
        for model in apps.get_models()
        for row in model.objects.values()
        for value in row.values()
        if isinstance(value, bytes | memoryview)
    }
    assert not everything & {wrap for _, wrap in kept}


def test_from_the_moment_it_is_asked_for_nothing_opens(story):
    gone = [stored for stored in all_of(story.vault) if stored.kind in SOURCE_KINDS]
    erasure.ask(story.vault, Scope.SOURCES, by=story.alice)

    for stored in gone:
        stored.refresh_from_db()
        with pytest.raises(KeyUnavailable, match="was destroyed"):
            objects.read(stored)


def test_a_vault_that_is_being_erased_is_not_there_for_anybody(story, browse):
    erasure.ask(story.vault, Scope.VAULT, by=story.alice)

    for person in (story.alice, story.bob, story.vera):
        assert browse(person).get(f"/vaults/{story.vault.id}/").status_code == 404


def test_the_receipt_counts_and_knows_every_ciphertext_again(story):
    before = files(story.vault)
    held = all_of(story.vault)
    asked = erase(story, Scope.SUBJECT)

    lines = {line.object_id: line for line in ErasedObject.objects.filter(erasure=asked)}
    assert lines.keys() == {stored.id for stored in held}
    for stored in held:
        line = lines[stored.id]
        assert (line.kind, line.size, line.digest) == (stored.kind, stored.size, hashlib.sha256(before[stored.name]).hexdigest())
    assert sum(count for count, _ in asked.counts.values()) == len(held)
    assert sum(size for _, size in asked.counts.values()) == sum(stored.size for stored in held)
    text = "".join(f"{line}\n" for line in sorted(lines.values(), key=lambda line: line.object_id))
    assert asked.digest == hashlib.sha256(text.encode()).hexdigest()
    assert Entry.objects.filter(verb="erased", details__digest=asked.digest).exists()


def test_a_sealed_safe_is_erased_without_its_password(sealed_story):
    services_wrong(sealed_story)
    asked = erase(sealed_story, Scope.VAULT)

    assert asked.counts["footage"][0] == 1
    assert not Vault.objects.exists()


def services_wrong(story) -> None:
    """As many wrong passwords as make the next one wait."""
    for _ in range(4):
        with pytest.raises(services.PasswordRefused):
            services.unseal(story.vault, by=story.alice, password="forgotten", hours=1)
    with pytest.raises(services.PasswordRefused, match="Wait"):
        services.unseal(story.vault, by=story.alice, password=PASSWORD, hours=1)


def test_what_is_still_coming_in_goes_too(story):
    upload = uploads.begin_upload(story.vault, story.stage, "half.mp4", 3_000_000, by=story.bob)
    uploads.receive(upload, 0, 1_500_000, [b"x" * 1_500_000])
    path = objects.incoming_path(upload.id)
    assert path.exists()

    asked = erasure.ask(story.vault, Scope.SOURCES, by=story.alice)
    row = Upload.objects.get(id=upload.id)
    assert bytes(row.wrapped_key) == bytes(row.tail) == b"", "the key in its row is destroyed at once"
    run_queued_jobs()

    assert not Upload.objects.exists()
    asked.refresh_from_db()
    assert asked.state == Erasure.State.DONE


@pytest.mark.parametrize("scope", [Scope.SOURCES, Scope.SUBJECT])
def test_footage_that_comes_in_while_it_is_carried_out_stays(story, scope):
    erasure.ask(story.vault, scope, by=story.alice)
    content = objects.store(story.vault.keyring, "footage", b"a new one")
    new = Footage.objects.create(
        vault=story.vault, life_stage=story.stage, content=content, fingerprint="n", filename="n.mp4", added_by=story.bob
    )
    run_queued_jobs()

    assert Footage.objects.get() == new
    assert objects.read(content) == b"a new one"


def test_faces_that_are_found_while_it_is_carried_out_go_too(story):
    erasure.ask(story.vault, Scope.SOURCES, by=story.alice)
    pack, table = (objects.store(story.vault.keyring, kind, b"late") for kind in ("pack", "descriptors"))
    Segment.objects.update(pack=pack, descriptors=table)
    run_queued_jobs()

    assert not StoredObject.objects.filter(id__in=[pack.id, table.id]).exists()


def test_what_a_stopped_training_stores_too_late_goes_too(story):
    erasure.ask(story.vault, Scope.SUBJECT, by=story.alice)
    late = objects.store(story.vault.keyring, "checkpoint", b"learned a minute longer")
    Twin.objects.update(checkpoint=late)
    run_queued_jobs()

    assert not StoredObject.objects.filter(id=late.id).exists() and not Twin.objects.exists()


def test_footage_whose_last_byte_comes_as_the_vault_goes_is_taken_too(story):
    """The request had passed the gate; its process had the key of the vault in memory."""
    keyring = Keyring.objects.get(id=story.vault.keyring_id)
    asked = erasure.ask(story.vault, Scope.VAULT, by=story.alice)
    content = StoredObject(keyring=keyring, kind="footage", wrapped_key=b"by the key in memory", size=3)
    content.save()
    Footage.objects.create(
        vault=story.vault, life_stage=story.stage, content=content, fingerprint="n", filename="n.mp4", added_by=story.bob
    )
    run_queued_jobs()

    asked.refresh_from_db()
    assert asked.state == Erasure.State.DONE and not Vault.objects.exists()


def test_work_under_way_is_stopped(story):
    job = enqueue("train_twin", story.twin.id, queue="gpu", title="Learn", vault=story.vault)
    erasure.ask(story.vault, Scope.SOURCES, by=story.alice)

    job.refresh_from_db()
    assert job.state == Job.State.STOPPED


def test_names_of_files_go_with_the_jobs_that_had_them(story):
    assert Job.objects.filter(title__contains="franck.mp4").exists()
    erase(story, Scope.SOURCES)

    assert not Job.objects.filter(title__contains="franck.mp4").exists()
    assert "franck" not in str(list(Entry.objects.values_list("details", flat=True)))


def test_an_erasure_cannot_be_stopped_only_finished(story):
    asked = erasure.ask(story.vault, Scope.SUBJECT, by=story.alice)
    stop(Job.objects.get(kind="erase"))
    keep_house()
    assert not Job.objects.filter(kind="erase", state=Job.State.QUEUED).exists(), "not again and again without a pause"
    Job.objects.filter(kind="erase").update(ended_at=timezone.now() - erasure.AGAIN_AFTER)
    keep_house()
    run_queued_jobs()

    asked.refresh_from_db()
    assert asked.state == Erasure.State.DONE


def test_a_vault_that_holds_its_consent_alone_has_a_receipt_too(vault, alice):
    asked = erasure.ask(vault, Scope.VAULT, by=alice)
    run_queued_jobs()

    asked.refresh_from_db()
    assert (asked.state, asked.counts) == (Erasure.State.DONE, {"statement": [1, 13]})
