"""Beginning, learning, stopping and retiring a twin."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.files.storage import storages
from django.urls import reverse
from django.utils import timezone

from generator import claims, keeping, queries
from generator.engine.checkpoint import Checkpoint
from generator.models import Twin
from generator.services import retire_twin, start_twin
from processing import counting, datasets
from processing.datasets import NotEnoughFaces
from processing.engine import coverage
from templates_library import services as library
from tests.conftest import lapse
from tests.consenting import consent_in_person
from twinvault.custody import objects
from twinvault.custody.models import StoredObject
from twinvault.jobs.models import Job
from twinvault.jobs.services import JobRefused, claim, retry, stop
from twinvault.vaults.consents import withdraw_consent
from twinvault.vaults.services import NotAllowed, open_vault
from worker.tasks import work_on


@pytest.fixture
def twin(learned) -> Twin:
    """A twin that is to learn for a minute; nobody works on it yet."""
    return start_twin(learned.stage, preset="tiny", seconds=60, by=learned.bob)


def work_until(twin: Twin, then=None) -> Job:
    """Works on the twin's training; once it has learned a little, `then(job)` happens. Gives the job as it ended."""
    job = claim(Job.objects.get(kind="train_twin", target_id=twin.id).id, worker="this test")

    def heard(_progress: float, message: str) -> None:
        if "faces seen" in message and then:
            then(job)

    work_on(job, heard)
    job.refresh_from_db()
    twin.refresh_from_db()
    return job


def rows_of(twin: Twin) -> list[dict]:
    return [json.loads(line) for line in objects.read(twin.statistics).splitlines()]


def test_a_twin_learns_and_its_measures_are_kept(story):
    assert story.twin.state == "ready"
    assert story.twin.faces >= 60
    assert story.twin.measures["images_seen"] > 0
    assert 0.5 < story.twin.measures["heldout_ssim"] <= 1.0
    assert story.twin.measures["parameters"] > 0
    assert story.twin.previews.count() >= 1


def test_the_checkpoint_is_erased_once_it_is_not_needed(story):
    assert story.twin.checkpoint is None
    assert not StoredObject.objects.filter(kind="checkpoint").exists()


def test_beginning_a_twin_queues_one_training_for_the_gpu(twin, learned):
    job = Job.objects.get(kind="train_twin", target_id=twin.id)
    assert (job.queue, job.state, job.vault, job.started_by) == ("gpu", "queued", learned.vault, learned.bob)
    assert list(twin.library.all()) == [learned.revision]
    assert twin.version == 1


def test_one_twin_of_a_life_stage_learns_at_a_time(twin, learned):
    with pytest.raises(NotAllowed, match="let it go on, or retire it"):
        start_twin(learned.stage, preset="tiny", seconds=60, by=learned.bob)
    retire_twin(twin, by=learned.alice)
    assert start_twin(learned.stage, preset="tiny", seconds=60, by=learned.bob).version == 2


def test_without_consent_no_twin_begins(learned):
    lapse(learned.vault.subject)
    with pytest.raises(NotAllowed, match="no consent in force for Franck"):
        start_twin(learned.stage, preset="tiny", seconds=60, by=learned.bob)


def test_with_too_few_faces_no_twin_begins_and_it_says_how_many_are_needed(learned):
    senior = learned.vault.subject.life_stages.get(name="senior")
    with pytest.raises(NotEnoughFaces, match=r"There are 0 faces of Franck .* 60 are needed"):
        start_twin(senior, preset="tiny", seconds=60, by=learned.bob)


def test_without_a_template_no_twin_begins(learned):
    library.withdraw(learned.template, by=learned.board[0])
    with pytest.raises(NotAllowed, match="No template is approved"):
        start_twin(learned.stage, preset="tiny", seconds=60, by=learned.bob)


def test_an_unknown_preset_is_refused(learned):
    with pytest.raises(NotAllowed, match="no preset called enormous"):
        start_twin(learned.stage, preset="enormous", seconds=60, by=learned.bob)


def test_a_stopped_training_goes_on_from_its_checkpoint(twin):
    job = work_until(twin, then=stop)
    assert job.state == "stopped"
    assert twin.state == "training" and twin.checkpoint is not None
    before = rows_of(twin)
    assert before[-1]["images_seen"] > 0

    retry(job)
    job = work_until(twin, then=stop)

    after = rows_of(twin)
    assert job.state == "stopped"
    assert after[: len(before)] == before
    assert after[-1]["images_seen"] > before[-1]["images_seen"] and after[-1]["seconds"] > before[-1]["seconds"]
    stored = StoredObject.objects.filter(kind="checkpoint").values_list("id", flat=True)
    assert {twin.checkpoint_id, twin.checkpoint_before_id} == set(stored)
    assert twin.checkpoint_before is not None and twin.learner == ""


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before_and_it_is_said(twin, learned, browse):
    work_until(twin, then=stop)
    stored = objects.read(twin.checkpoint)
    seen = Checkpoint.from_bytes(stored).images_seen
    later = Checkpoint.from_bytes(stored)
    later.images_seen += 5000
    damaged = objects.store(learned.vault.keyring, "checkpoint", later.to_bytes())
    path = storages["ciphertext"].path(damaged.name)
    with open(path, "r+b") as file:
        file.seek(2000)
        file.write(b"struck by lightning")
    Twin.objects.filter(id=twin.id).update(checkpoint=damaged, checkpoint_before=twin.checkpoint)

    retry(Job.objects.get(kind="train_twin"))
    job = work_until(twin, then=stop)

    assert job.state == "stopped"
    told = f"What was stored last was damaged: it goes on from the one before, at {seen:,} faces."
    assert queries.notices_of(twin) == [told]
    assert told in browse(learned.bob).get(reverse("twin", args=[twin.id])).content.decode()
    assert not StoredObject.objects.filter(id=damaged.id).exists()
    assert objects.read(twin.checkpoint_before) == stored
    assert seen < Checkpoint.from_bytes(objects.read(twin.checkpoint)).images_seen < seen + 5000


def test_another_job_cannot_learn_a_twin_that_is_being_learned(twin):
    first = claims.take(twin, uuid4())
    with pytest.raises(JobRefused, match="being learned by another worker"):
        claims.take(twin, uuid4())
    job = work_until(twin)
    assert job.state == "failed" and "being learned by another worker" in job.error
    assert twin.checkpoint is None and claims.renew(twin, first)

    Twin.objects.update(learner_until=timezone.now() - timedelta(seconds=1))
    second = claims.take(twin, uuid4())
    assert not claims.renew(twin, first) and claims.renew(twin, second)
    claims.release(twin, first)
    assert claims.renew(twin, second)


def test_a_worker_that_was_stalled_stores_nothing_over_its_successors_work(twin):
    taken = []

    def overtake(job: Job) -> None:
        if not taken:
            # what a sweep and another worker do once the lease ran out
            taken.append(claims.take(twin, job.id))

    job = work_until(twin, then=overtake)

    assert job.state == "stopped"
    assert (twin.checkpoint, twin.statistics, twin.learner) == (None, None, taken[0])
    assert not StoredObject.objects.filter(kind__in={"checkpoint", "statistics", "preview"}).exists()


def test_a_training_ends_for_ever_when_the_consent_is_withdrawn(twin, learned):
    consent = learned.vault.subject.consents.get()

    job = work_until(twin, then=lambda job: withdraw_consent(consent, by=learned.alice))

    assert job.state == "stopped" and twin.state == "retired"
    assert [twin.weights, twin.checkpoint, twin.statistics] == [None] * 3
    assert not StoredObject.objects.filter(kind__in={"checkpoint", "statistics", "preview"}).exists()


def test_a_training_stands_still_when_the_consent_lapses_and_goes_on_with_a_new_one(twin, learned, monkeypatch):
    monkeypatch.setattr(keeping, "ASK_EVERY_S", 0.0)

    job = work_until(twin, then=lambda job: lapse(learned.vault.subject))

    assert (job.state, job.error) == ("failed", "The consent for Franck ended while the twin was learning.")
    assert twin.state == "training" and twin.weights is None and twin.checkpoint is not None
    consent_in_person(learned.vault.subject, given_by="Franck", statement="Go on.", by=learned.alice)
    assert retry(job)
    assert work_until(twin, then=stop).state == "stopped"


def test_a_training_without_consent_does_not_begin(twin, learned):
    lapse(learned.vault.subject)
    job = work_until(twin)
    assert job.state == "failed" and job.error.startswith("There is no consent in force for Franck: the last one held until")
    assert twin.checkpoint is None


def test_a_training_whose_templates_are_gone_says_so(twin, learned):
    library.withdraw(learned.template, by=learned.board[0])
    job = work_until(twin)
    assert job.state == "failed" and "templates that this twin was to learn with were withdrawn" in job.error


def test_retiring_a_twin_while_it_learns_stops_it_and_leaves_nothing(twin, learned):
    job = work_until(twin, then=lambda job: retire_twin(twin, by=learned.alice))

    assert job.state == "stopped"
    assert twin.state == "retired"
    assert (twin.weights, twin.checkpoint, twin.statistics, twin.identity, twin.previews.count()) == (None, None, None, None, 0)
    kinds = {"weights", "checkpoint", "statistics", "identity", "preview"}
    assert not StoredObject.objects.filter(kind__in=kinds).exists()


def test_retiring_a_twin_erases_what_it_has_learned(story, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as erasures:
        retire_twin(story.twin, by=story.alice)
    story.twin.refresh_from_db()

    assert story.twin.state == "retired" and story.twin.weights is None
    assert not StoredObject.objects.filter(kind__in={"weights", "statistics", "identity", "preview"}).exists()
    assert len(erasures) >= 3


def test_a_training_that_is_done_already_is_not_done_again(story):
    job = Job.objects.get(kind="train_twin")
    Job.objects.filter(id=job.id).update(state="queued")
    before = story.twin.weights_id

    assert work_until(story.twin).state == "done"
    assert story.twin.weights_id == before


def test_the_loss_curve_has_a_point_a_row(story):
    curve = queries.loss_curve(story.twin)
    assert len(curve["points"].split()) == len(rows_of(story.twin)) >= 2
    assert curve["first"] >= curve["low"] and curve["last"] <= curve["high"]


def test_a_twin_that_has_hardly_begun_has_no_curve(twin):
    assert queries.loss_curve(twin) is None


def test_life_stages_say_what_they_lack(learned):
    adult, senior = queries.life_stages_to_learn(learned.vault)
    assert adult["kept"] >= 60 and adult["missing"] == 0 and not adult["learning"]
    assert (senior["kept"], senior["missing"]) == (0, 60)


def test_another_vaults_twins_are_not_among_these(story):
    other = open_vault(story.charlie, name="Other", subject_name="Bruno", stages=["all"])
    consent_in_person(other.subject, given_by="Bruno", statement="I agree.", by=story.charlie)
    assert list(queries.twins_of(other)) == []
    assert [twin.films_made for twin in queries.twins_of(story.vault)] == [1]


def light_of(stage) -> str:
    """The light that most faces of a life stage were seen in."""
    conditions = counting.counted(stage).conditions
    return max(conditions, key=conditions.__getitem__)


def test_a_twin_of_one_light_learns_from_its_faces_and_is_named_after_it(learned, monkeypatch):
    monkeypatch.setattr(coverage, "FACES_FOR_OWN_MODEL", 20)
    light = light_of(learned.stage)
    twin = start_twin(learned.stage, condition=light, preset="tiny", seconds=1, by=learned.bob)
    assert str(twin) == f"adult, {datasets.label_of(light)} v1"

    job = work_until(twin)

    assert (job.state, twin.state) == ("done", "ready")
    assert twin.faces == len(datasets.dataset(learned.stage, light)) <= len(datasets.dataset(learned.stage))


def test_too_few_faces_of_a_light_are_refused_with_the_number_that_is_missing(learned):
    light = light_of(learned.stage)
    missing = coverage.FACES_FOR_OWN_MODEL - counting.counted(learned.stage).conditions[light]
    with pytest.raises(NotEnoughFaces, match=f": {missing} more"):
        start_twin(learned.stage, condition=light, preset="tiny", seconds=60, by=learned.bob)
    with pytest.raises(NotAllowed, match="There is no light called moonlight"):
        start_twin(learned.stage, condition="moonlight", preset="tiny", seconds=60, by=learned.bob)
    assert not Twin.objects.exists()
