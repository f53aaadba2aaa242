"""A job's life: queued, claimed by one, reported, ended, stopped, retried."""

import uuid

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from twinvault.jobs import broker
from twinvault.jobs.models import Job
from twinvault.jobs.services import JobStopped, claim, enqueue, finish, renew, report, retry, stop, sweep


def test_a_job_is_sent_once_what_it_works_on_is_committed(vault, alice, target, on_queue, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        job = enqueue("paint", target, queue="gpu", title="Paint", vault=vault, user=alice)
        assert on_queue() == []

    assert on_queue() == [("gpu", str(job.id))]
    job.refresh_from_db()
    assert job.state == "queued" and job.sent_at is not None and job.started_by == alice


def test_nothing_is_sent_when_the_deed_is_undone(vault, target, on_queue, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        with pytest.raises(RuntimeError), transaction.atomic():
            enqueue("paint", target, queue="cpu", title="Paint", vault=vault)
            raise RuntimeError("the deed failed")

    assert on_queue() == []
    assert not Job.objects.exists()


def test_while_a_job_is_open_asking_again_gives_the_same_one(job, target, vault):
    assert enqueue("paint", target, queue="cpu", title="Paint", vault=vault) == job
    claim(job.id, worker="first")
    assert enqueue("paint", target, queue="cpu", title="Paint", vault=vault) == job


def test_another_kind_another_row_or_a_later_time_is_another_job(job, held, target, vault):
    assert enqueue("wash", target, queue="cpu", title="Wash", vault=vault) != job
    assert enqueue("paint", uuid.uuid4(), queue="cpu", title="Paint", vault=vault) != job
    finish(held, Job.State.DONE)
    assert enqueue("paint", target, queue="cpu", title="Paint", vault=vault) != job


def test_the_database_itself_holds_one_open_job_a_row(job, target):
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.create(kind="paint", target_id=target, queue="cpu", title="A second one")


def test_a_job_waits_while_the_broker_is_away_and_the_sweep_sends_it_later(
    vault, target, on_queue, tmp_path, monkeypatch, django_capture_on_commit_callbacks
):
    with monkeypatch.context() as away:
        away.setattr(broker, "app", broker.make_app(f"redis+socket://{tmp_path}/nobody-listens.sock"))
        with django_capture_on_commit_callbacks(execute=True):
            job = enqueue("paint", target, queue="cpu", title="Paint", vault=vault)
    job.refresh_from_db()
    assert job.state == "queued" and job.sent_at is None

    Job.objects.filter(id=job.id).update(created_at=timezone.now() - timezone.timedelta(seconds=10))
    assert sweep() == 1
    assert on_queue() == [("cpu", str(job.id))]


def test_a_claimed_job_says_who_works_on_it(held):
    assert (held.state, held.worker, held.attempts) == ("running", "first", 1)
    assert held.lease_until > timezone.now()


def test_only_the_first_claim_gets_the_job(job, held):
    assert claim(job.id, worker="second") is None
    job.refresh_from_db()
    assert job.worker == "first"


def test_claiming_what_is_not_there_gives_nothing(db, target):
    assert claim(target, worker="first") is None


def test_a_report_shows_progress_and_renews_the_lease(held):
    Job.objects.filter(id=held.id).update(lease_until=timezone.now())
    report(held, 0.4, "two coats of five")
    row = Job.objects.get(id=held.id)
    assert (row.progress, row.message) == (0.4, "two coats of five")
    assert row.lease_until > timezone.now()


@pytest.mark.parametrize(("said", "kept"), [(-0.5, 0.0), (1.7, 1.0)])
def test_progress_stays_between_nothing_and_all(held, said, kept):
    report(held, said, "")
    assert Job.objects.get(id=held.id).progress == kept


def test_whoever_lost_the_lease_is_told_to_stop(held):
    Job.objects.filter(id=held.id).update(lease_until=timezone.now() - timezone.timedelta(seconds=1))
    sweep()
    second = claim(held.id, worker="second")

    with pytest.raises(JobStopped):
        report(held, 0.5, "still painting")
    assert not renew(held)
    report(second, 0.1, "painting again")


def test_the_same_worker_does_not_mistake_a_later_attempt_for_its_earlier_one(held):
    Job.objects.filter(id=held.id).update(lease_until=timezone.now() - timezone.timedelta(seconds=1))
    sweep()
    again = claim(held.id, worker="first")

    assert not renew(held)
    assert renew(again)


def test_ending_a_job_that_another_took_does_nothing(held):
    Job.objects.filter(id=held.id).update(lease_until=timezone.now() - timezone.timedelta(seconds=1))
    sweep()
    claim(held.id, worker="second")

    assert not finish(held, Job.State.FAILED, error="The paint ran out.")
    row = Job.objects.get(id=held.id)
    assert (row.state, row.worker, row.error) == ("running", "second", "")


def test_a_job_that_is_done_is_wholly_done(held):
    report(held, 0.9, "nearly")
    assert finish(held, Job.State.DONE)
    row = Job.objects.get(id=held.id)
    assert (row.state, row.progress, row.lease_until) == ("done", 1.0, None)
    assert row.ended_at is not None and not row.is_open


def test_a_waiting_job_stops_at_once(job):
    stop(job)
    job.refresh_from_db()
    assert job.state == "stopped"
    assert claim(job.id, worker="first") is None


def test_a_running_job_stops_where_it_next_reports(held):
    stop(held)
    assert Job.objects.get(id=held.id).state == "running"
    with pytest.raises(JobStopped):
        report(held, 0.5, "")
    assert not renew(held)


def test_stopping_what_has_ended_changes_nothing(held):
    finish(held, Job.State.DONE)
    stop(held)
    row = Job.objects.get(id=held.id)
    assert row.state == "done" and not row.stop_requested


def test_what_was_asked_to_stop_has_stopped_whatever_it_stumbled_over(held):
    stop(held)

    assert finish(held, "failed", error="The film is gone.", cause="Traceback")

    held.refresh_from_db()
    assert (held.state, held.error, held.cause) == ("stopped", "The film is gone.", "Traceback")


@pytest.mark.parametrize("ended", [Job.State.FAILED, Job.State.STOPPED])
def test_a_job_that_ended_badly_can_be_tried_again(held, ended, on_queue, django_capture_on_commit_callbacks):
    stop(held)
    finish(held, ended, error="The paint ran out.", cause="no paint")

    with django_capture_on_commit_callbacks(execute=True):
        assert retry(held)

    assert on_queue() == [("cpu", str(held.id))]
    assert (held.state, held.error, held.cause, held.attempts, held.stop_requested) == ("queued", "", "", 0, False)
    report(claim(held.id, worker="second"), 0.1, "")


@pytest.mark.parametrize("state", [Job.State.QUEUED, Job.State.RUNNING, Job.State.DONE])
def test_what_is_open_or_done_is_not_tried_again(job, state):
    Job.objects.filter(id=job.id).update(state=state)
    assert not retry(job)
    assert Job.objects.get(id=job.id).state == state


def test_a_failed_job_is_not_tried_again_beside_a_newer_one_for_the_same_work(held, target, vault):
    finish(held, Job.State.FAILED)
    newer = enqueue("paint", target, queue="cpu", title="Paint", vault=vault)

    assert not retry(held)
    assert Job.objects.get(id=held.id).state == "failed"
    assert claim(newer.id, worker="first") is not None
