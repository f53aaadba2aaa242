"""A look that is cut into segments: shared out, broken off, gone on with, joined."""

from datetime import timedelta
from uuid import uuid4

import numpy as np
import pytest
from django.utils import timezone

from processing import looking
from processing.engine.pack import load_descriptors
from processing.looking import HELP, analyse_footage, help_look
from processing.models import Analysis, Face, Person, Segment
from processing.services import request_analysis
from tests.processing import clips
from tests.processing.conftest import name, people_in, person_in, run
from twinvault.custody import objects
from twinvault.custody.models import StoredObject
from twinvault.jobs.models import Job
from twinvault.jobs.services import JobStopped, claim, enqueue, stop
from twinvault.vaults.consents import withdraw_consent
from worker.tasks import work_on
from worker.work import Work

pytestmark = pytest.mark.django_db


@pytest.fixture
def short_segments(monkeypatch):
    """Footage of some seconds is cut as an hour would be."""
    monkeypatch.setattr(looking, "SEGMENT_S", 1.5)


@pytest.fixture
def footage(add, short_segments):
    """Eight seconds of one man, with a keyframe every second."""
    return add(clips.film(clips.pictures("franck", 0, 192), keyframes=24), "franck.mp4")


def begun(footage, by) -> Work:
    """A worker that has claimed the look at footage."""
    held = claim(request_analysis(footage, by).id, worker="this test")
    return Work(held)


def test_a_long_film_is_looked_at_in_segments_and_is_one_man_all_through(footage, bob):
    run(request_analysis(footage, bob))

    segments = list(footage.segments.all())
    assert len(segments) >= 4 and {segment.analysis_id for segment in segments} == {Analysis.objects.get().id}
    assert [segment.starts for segment in segments][1:] == [segment.ends for segment in segments][:-1]
    person = person_in(footage)
    assert person.tracks.count() >= len(segments)
    footage.refresh_from_db()
    assert footage.note == "" and footage.analysis.frames_seen == sum(segment.frames_seen for segment in segments)
    times = [load_descriptors(objects.read(segment.descriptors)).time for segment in segments]
    assert (np.diff(np.concatenate(times)) > 0).all()
    for segment, seen in zip(segments, times, strict=True):
        assert segment.starts <= seen.min() and seen.max() < (segment.ends or np.inf)


def test_helpers_are_asked_for_and_sent_home(footage, bob):
    run(request_analysis(footage, bob))

    helpers = Job.objects.filter(kind=HELP)
    assert helpers.count() == footage.segments.count() - 1
    assert {(job.state, job.vault) for job in helpers} == {("stopped", None)}
    assert not any("franck" in job.title for job in helpers)


def test_a_helper_does_its_part_and_the_first_joins_it(footage, bob, monkeypatch):
    work = begun(footage, bob)
    looked_at: dict[str, list[int]] = {"first": [], "helper": []}
    real = looking._look_at

    def look_at(footage, segment, decoder, by) -> None:
        looked_at["first" if by is work else "helper"].append(segment.number)
        real(footage, segment, decoder, by)
        if by is work and segment.number == 0:
            # just then a worker is free
            job = claim(Job.objects.filter(kind=HELP).earliest("created_at").id, worker="another")
            help_look(job.target_id, Work(job))

    monkeypatch.setattr(looking, "_look_at", look_at)
    analyse_footage(footage.id, work)

    assert looked_at["first"] == [0] and looked_at["helper"] == list(range(1, footage.segments.count()))
    assert people_in(footage) and not Segment.objects.exclude(places=None).exists()


def test_who_lost_a_segment_to_another_worker_goes_on_with_the_rest(footage, bob, monkeypatch):
    monkeypatch.setattr("twinvault.jobs.sharing.TAKEN_FOR", timedelta(0))
    work, lost = begun(footage, bob), []

    def heard(_progress: float, _message: str) -> None:
        segment = Segment.objects.filter(taken_by=work.job.id).first()
        if segment and not lost:
            lost.append(segment)
            Segment.objects.filter(id=segment.id).update(taken_by=uuid4())

    assert work_on(work.job, heard) is None
    work.job.refresh_from_db()
    assert lost and work.job.state == "done"
    assert people_in(footage) and not footage.segments.filter(looked_at=None).exists()


def test_a_helper_without_anything_to_help_with_goes_home(footage, bob):
    run(request_analysis(footage, bob))
    before = StoredObject.objects.count()
    late = enqueue(HELP, footage.segments.last().id, queue="cpu", title="Help to look for faces")

    assert run(late).state == "done"
    assert StoredObject.objects.count() == before


def test_a_look_that_was_stopped_goes_on_where_it_was(footage, bob, monkeypatch):
    work = begun(footage, bob)
    monkeypatch.setattr("worker.work.REPORT_EVERY_S", 0)
    real = Work.report

    def report(self, progress, message=""):
        if Segment.objects.filter(looked_at__isnull=False).count() == 2:
            stop(self.job)
        return real(self, progress, message)

    monkeypatch.setattr(Work, "report", report)
    with pytest.raises(JobStopped):
        analyse_footage(footage.id, work)
    monkeypatch.undo()
    done = {segment.id: segment.pack_id for segment in Segment.objects.filter(looked_at__isnull=False)}
    assert len(done) == 2 and not Segment.objects.exclude(taken_by=None).exists()
    assert not Face.objects.exists() and not Person.objects.exists()

    Job.objects.update(state="failed")
    run(request_analysis(footage, bob))

    assert {segment.id: segment.pack_id for segment in Segment.objects.filter(id__in=done)} == done
    assert person_in(footage).tracks.exists()


def test_the_segment_of_a_worker_that_was_lost_is_taken_over(footage, bob, monkeypatch):
    bounds = [(0.0, 1.5), (1.5, 3.0), (3.0, None)]
    for number, (starts, ends) in enumerate(bounds):
        lost = {"taken_by": uuid4(), "taken_until": timezone.now() - timedelta(seconds=1)} if number == 1 else {}
        Segment.objects.create(footage=footage, number=number, starts=starts, ends=ends, **lost)

    run(request_analysis(footage, bob))

    assert footage.segments.filter(looked_at__isnull=False, analysis__isnull=False).count() == 3


def test_a_withdrawn_consent_ends_the_look_and_takes_what_was_seen(footage, bob, alice, vault, monkeypatch):
    monkeypatch.setattr("worker.work.REPORT_EVERY_S", 0)
    real = Work.report

    def report(self, progress, message=""):
        if Segment.objects.filter(looked_at__isnull=False).count() == 1 and not vault.subject.consents.first().withdrawn_at:
            withdraw_consent(vault.subject.consents.get(), by=alice)
        return real(self, progress, message)

    monkeypatch.setattr(Work, "report", report)
    job = run(request_analysis(footage, bob))

    assert "no consent in force" in job.error
    assert not Segment.objects.exists()
    assert not StoredObject.objects.filter(kind__in=["pack", "descriptors"]).exists()


def test_a_consent_withdrawn_just_before_the_join_leaves_nothing_of_it_either(footage, bob, alice, vault, monkeypatch):
    real = looking._wait_for_the_others

    def wait(*arguments):
        real(*arguments)
        withdraw_consent(vault.subject.consents.get(), by=alice)

    monkeypatch.setattr(looking, "_wait_for_the_others", wait)
    job = run(request_analysis(footage, bob))

    assert "no consent in force" in job.error
    assert not Segment.objects.exists() and not Analysis.objects.exists()
    assert not StoredObject.objects.filter(kind__in=["pack", "descriptors"]).exists()


def test_a_film_that_breaks_off_in_a_later_segment_is_used_as_far_as_it_goes(add, bob, short_segments):
    whole = clips.film(clips.pictures("franck", 0, 192), keyframes=24, container_format="matroska")
    footage = add(whole[: len(whole) // 2], "party.mkv")

    run(request_analysis(footage, bob))

    footage.refresh_from_db()
    assert footage.state == "processed" and footage.analysis.frames_seen >= 4
    assert footage.note.startswith("Only the first ") and "of 8 seconds of party.mkv could be read" in footage.note


def test_what_a_stage_lacks_says_how_closely_its_next_film_is_looked_at(franck, bob, stage, add, monkeypatch):
    name(person_in(franck), "subject", bob)
    told = []
    real = looking.analyse

    def analyse(*arguments, **named):
        told.append(named["wanted"])
        return real(*arguments, **named)

    monkeypatch.setattr(looking, "analyse", analyse)
    run(request_analysis(add(clips.franck(1.5, first=2400), "later.mp4"), bob))

    assert told[0].shape == (9, 5) and 0 <= told[0].min() < told[0].max() <= 1
