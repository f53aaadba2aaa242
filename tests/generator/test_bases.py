"""The house base: from what it learns, when it begins, makes way and ends, and which twins start from it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from generator import base_learning, bases, keeping
from generator.descent import newest_base
from generator.engine.checkpoint import load_weights
from generator.engine.config import PRESETS
from generator.models import Base, Twin
from generator.services import start_twin
from templates_library import preparation
from templates_library import services as library
from templates_library.services import library_keyring
from twinvault.audit.models import Entry
from twinvault.custody import objects
from twinvault.custody.models import StoredObject
from twinvault.jobs.models import Job
from twinvault.jobs.services import JobRefused, claim, finish
from twinvault.vaults.services import NotAllowed
from worker.tasks import work_on

pytestmark = pytest.mark.usefixtures("quick_bases")


def work_until(row, kind: str = bases.TRAIN_BASE, then=None) -> Job:
    """Works on the newest open job of a row; once it has learned a little, `then()` happens. Gives the job as it ended."""
    job = claim(Job.objects.get(kind=kind, target_id=row.id, state="queued").id, worker="this test")

    def heard(_progress: float, message: str) -> None:
        if "faces seen" in message and then:
            then()

    work_on(job, heard)
    job.refresh_from_db()
    row.refresh_from_db()
    return job


@pytest.fixture
def slow(settings) -> None:
    """Long enough to be stopped while it learns: figures come every two seconds."""
    settings.ENV = replace(settings.ENV, base_seconds=60)


def hurry(base: Base) -> None:
    """What is left of a training that was stopped is short."""
    Base.objects.filter(id=base.id).update(train_seconds=6)


@pytest.fixture
def base(learned) -> Base:
    """A base that has learned the story's template."""
    base = bases.begin_base("tiny", by=learned.board[0])
    assert work_until(base).state == "done"
    return base


def test_a_base_needs_nothing_but_templates(learned):
    """Not one key of the family's vault is there any more, and the base learns all the same."""
    objects.destroy_keys(StoredObject.objects.filter(keyring=learned.vault.keyring).values_list("id", flat=True))
    base = bases.begin_base("tiny")

    assert work_until(base).state == "done"

    assert base.state == "ready" and 0.5 < base.measures["heldout_ssim"] <= 1
    assert list(base.library.all()) == [learned.revision]
    kept = [base.weights, base.statistics, *(preview.sheet for preview in base.previews.all())]
    assert len(kept) >= 3 and {stored.keyring for stored in kept} == {library_keyring()}
    assert base.checkpoint is None and not StoredObject.objects.filter(kind="checkpoint").exists()


def test_what_goes_into_a_base_are_the_faces_of_its_templates_and_no_other(learned):
    faces = base_learning.library_faces([learned.revision], PRESETS["tiny"])
    prepared = preparation.library_face_set([learned.revision])
    assert np.array_equal(faces.held_out, prepared.held_out) and prepared.held_out.any()
    assert np.array_equal(faces.resized(192).images.shape, prepared.images.shape)
    assert abs(faces.images.mean() - prepared.images.mean()) < 1


def test_a_new_template_begins_a_base_once_and_not_again_while_it_learns(learned):
    bases.keep_bases()
    bases.keep_bases()
    base = Base.objects.get()
    job = Job.objects.get(kind=bases.TRAIN_BASE)
    assert (base.preset, base.version, job.queue, job.vault) == ("tiny", 1, "gpu", None)
    work_until(base)
    bases.keep_bases()
    assert Base.objects.count() == 1
    with pytest.raises(NotAllowed, match="no preset called enormous"):
        bases.begin_base("enormous")


def test_no_base_begins_before_the_house_was_quiet_or_where_none_is_wanted(learned, settings):
    settings.ENV = replace(settings.ENV, base_quiet_s=3600)
    bases.keep_bases()
    settings.ENV = replace(settings.ENV, base_quiet_s=0, base_seconds=0)
    bases.keep_bases()
    assert not Base.objects.exists()


def test_a_base_makes_way_for_a_family_and_goes_on_after_it(learned, slow, monkeypatch):
    monkeypatch.setattr(keeping, "ASK_EVERY_S", 0.0)
    base = bases.begin_base("tiny")
    twins: list[Twin] = []

    def begin() -> None:
        if not twins:
            twins.append(start_twin(learned.stage, preset="tiny", seconds=1, by=learned.bob))

    assert work_until(base, then=begin).state == "stopped"
    assert base.state == "training" and base.made_way_at and base.checkpoint
    seen = Job.objects.get(kind=bases.TRAIN_BASE).progress
    bases.keep_bases()
    assert not Job.objects.filter(kind=bases.TRAIN_BASE, state="queued").exists()

    work_until(twins[0], kind="train_twin")
    hurry(base)
    bases.keep_bases()
    assert work_until(base).state == "done"
    assert base.state == "ready" and base.made_way_at is None and seen > 0


def test_a_base_that_somebody_stopped_goes_on_only_when_somebody_says_so(learned, slow):
    base = bases.begin_base("tiny")
    assert work_until(base, then=lambda: bases.stop_base(base, by=learned.board[0])).state == "stopped"
    bases.keep_bases()
    assert not Job.objects.filter(kind=bases.TRAIN_BASE, state="queued").exists()
    hurry(base)
    bases.resume_base(base, by=learned.board[0])
    assert work_until(base).state == "done"
    with pytest.raises(NotAllowed, match="not waiting to go on"):
        bases.resume_base(base, by=learned.board[0])


def test_a_base_that_somebody_stopped_while_others_waited_does_not_go_on_by_itself(learned, slow, monkeypatch):
    monkeypatch.setattr(keeping, "ASK_EVERY_S", 0.0)
    base = bases.begin_base("tiny")
    twins: list[Twin] = []

    def stop() -> None:
        if not twins:
            twins.append(start_twin(learned.stage, preset="tiny", seconds=1, by=learned.bob))
            bases.stop_base(base, by=learned.board[0])

    assert work_until(base, then=stop).state == "stopped"
    assert base.state == "training" and base.made_way_at is None


def test_a_base_that_makes_way_is_not_taken_up_before_its_worker_has_let_go(learned):
    base = bases.begin_base("tiny")
    Base.objects.filter(id=base.id).update(made_way_at=timezone.now())
    job = claim(Job.objects.get(kind=bases.TRAIN_BASE).id, worker="this test")
    bases.keep_bases()
    finish(job, Job.State.STOPPED)
    bases.keep_bases()
    assert Job.objects.filter(kind=bases.TRAIN_BASE, target_id=base.id, state="queued").exists()


def test_a_twin_starts_from_the_newest_base_and_says_so(base, learned, browse):
    twin = start_twin(learned.stage, preset="tiny", seconds=1, by=learned.bob)
    assert work_until(twin, kind="train_twin").state == "done"
    assert twin.base == base and twin.started_from is None
    page = browse(learned.vera).get(reverse("twin", args=[twin.id])).content.decode()
    assert "Started from house base version 1, learned with “The actor”." in page


def test_a_base_of_another_size_is_nobodys_start(base):
    assert newest_base("tiny") == base
    assert newest_base("quick") is None


@pytest.fixture
def first(later, story) -> Base:
    """A base that had learned before the later template came."""
    base = bases.begin_base("tiny")
    base.library.set([story.revision])
    work_until(base)
    return base


def test_a_withdrawn_template_takes_its_base_along_and_twins_stay(first, later, story):
    base, twin = first, story.twin
    Twin.objects.filter(id=twin.id).update(base=base)
    library.withdraw(story.template, by=story.board[0])
    assert newest_base("tiny") is None, "no twin starts from it even before it is retired"

    bases.keep_bases()

    base.refresh_from_db()
    assert (base.state, base.retired_because, base.weights, base.previews.count()) == ("retired", "withdrawn", None, 0)
    newer = Base.objects.get(state="training")
    assert (newer.version, list(newer.library.all())) == (2, [later])
    assert work_until(newer).state == "done"
    assert newer.started_from is None
    twin.refresh_from_db()
    assert twin.state == "ready" and twin.weights is not None and twin.base == base


def test_a_newer_version_starts_from_the_last_and_old_ones_are_let_go(first, later, story):
    base = first
    bases.keep_bases()
    newer = Base.objects.get(version=2)
    assert set(newer.library.all()) == {story.revision, later}
    work_until(newer)
    assert newer.started_from == base and newest_base("tiny") == newer
    Base.objects.create(preset="tiny", version=3, train_seconds=1, state="ready").library.set([story.revision, later])
    bases._retire_superseded()
    base.refresh_from_db()
    assert (base.state, base.retired_because, base.weights) == ("retired", "superseded", None)


def test_a_template_withdrawn_meanwhile_ends_a_training(learned, slow, monkeypatch):
    monkeypatch.setattr(keeping, "ASK_EVERY_S", 0.0)
    base = bases.begin_base("tiny")
    job = work_until(base, then=lambda: library.withdraw(learned.template, by=learned.board[0]))
    assert job.state == "failed" and "withdrawn while this base was learning" in job.error
    assert base.weights is None
    with pytest.raises(JobRefused, match="cannot be used any more"):
        base_learning._require_allowed(list(base.library.select_related("template")))


@pytest.mark.parametrize("deed", ["bases", "base", "stop_base", "resume_base", "retire_base"])
def test_the_board_and_operators_alone_see_and_steer_bases(base, learned, browse, deed):
    page = reverse(deed, args=[] if deed == "bases" else [base.id])
    for person in (learned.alice, learned.bob, learned.charlie):
        assert browse(person).post(page).status_code in {404, 405}
        assert browse(person).get(page).status_code in {404, 405}
    assert Base.objects.get().state == "ready"
    learned.charlie.is_staff = True
    learned.charlie.save()
    for person in (learned.board[0], learned.charlie):
        how = browse(person).get if deed in {"bases", "base"} else browse(person).post
        assert how(page, follow=True).status_code == 200


def test_the_pages_of_bases_tell_what_was_learned_and_name_no_family(base, learned, browse):
    Twin.objects.create(
        vault=learned.vault, life_stage=learned.stage, version=7, preset="tiny", train_seconds=1, state="ready", base=base
    )
    client = browse(learned.board[0])
    listed = client.get(reverse("bases")).content.decode()
    shown = client.get(reverse("base", args=[base.id])).content.decode()
    assert "tiny, version 1" in listed and "The actor" in listed and "The actor" in shown
    assert "Franck" not in listed + shown and "Grandpa" not in listed + shown
    sheet = client.get(reverse("base_preview", args=[base.previews.first().id]))
    assert sheet.content.startswith(b"\x89PNG") and "no-store" in sheet["Cache-Control"]
    assert '<a href="/bases/"' in client.get(reverse("dashboard")).content.decode()
    assert '<a href="/bases/"' not in browse(learned.alice).get(reverse("dashboard")).content.decode()


def test_the_page_of_a_base_tells_what_went_wrong_and_was_put_right(base, learned, browse):
    def page() -> str:
        return browse(learned.board[0]).get(reverse("base", args=[base.id])).content.decode()

    assert "What went wrong" not in page()
    told = {"notice": "Rolled back at 1,600 faces to the last good state.", "images_seen": 1600}
    rows = b"\n".join([*objects.read(base.statistics).splitlines(), json.dumps(told).encode()])
    base.statistics = objects.store(library_keyring(), "statistics", rows)
    base.save()
    assert "What went wrong and was put right" in page() and told["notice"] in page()


def test_beginning_and_retiring_from_the_page_is_on_record(learned, browse):
    client = browse(learned.board[0])
    begun = client.post(reverse("bases"), {"preset": "tiny"})
    base = Base.objects.get()
    assert begun.url == reverse("base", args=[base.id])
    again = client.post(reverse("bases"), {"preset": "tiny"})
    assert again.status_code == 400 and "has not learned to its end yet" in again.content.decode()
    client.post(reverse("retire_base", args=[base.id]))
    base.refresh_from_db()
    assert (base.state, base.retired_because) == ("retired", "by hand")
    assert Job.objects.get(kind=bases.TRAIN_BASE).state == "stopped"
    verbs = Entry.objects.filter(verb__startswith="base").order_by("id").values_list("verb", "actor")
    assert list(verbs) == [("base begun", learned.board[0].pk), ("base retired", learned.board[0].pk)]


def test_the_page_of_bases_asks_the_database_as_often_for_many_as_for_one(base, learned, browse):
    client = browse(learned.board[0])
    client.get(reverse("bases"))
    with CaptureQueriesContext(connection) as for_one:
        client.get(reverse("bases"))
    for version in range(2, 7):
        Base.objects.create(preset="tiny", version=version, train_seconds=1, state="ready").library.set([learned.revision])
    with CaptureQueriesContext(connection) as for_many:
        client.get(reverse("bases"))
    assert len(for_many) == len(for_one)


def test_a_base_is_a_network_that_a_twin_can_start_from(base):
    assert load_weights(objects.read(base.weights)).config.same_network(PRESETS["tiny"])
    assert bases.fits(base)
    base.measures["config"]["dims"] = [8, 8]
    assert not bases.fits(base)
