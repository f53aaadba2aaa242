"""What a dead worker or a lost message left is put right."""

from datetime import timedelta

import pytest
from django.utils import timezone

from twinvault.jobs.models import Job
from twinvault.jobs.services import MAX_ATTEMPTS, SEND_AGAIN_AFTER, claim, stop, sweep


@pytest.fixture
def dead(held):
    """A job whose worker died: nobody renews its lease."""
    Job.objects.filter(id=held.id).update(lease_until=timezone.now() - timedelta(seconds=1))
    return held


def test_a_job_of_a_living_worker_is_left_alone(held, on_queue):
    assert sweep() == 0
    assert Job.objects.get(id=held.id).state == "running"


def test_a_job_of_a_dead_worker_is_queued_again(dead, on_queue):
    Job.objects.filter(id=dead.id).update(created_at=timezone.now() - timedelta(minutes=1))
    assert sweep() == 1

    assert on_queue() == [("cpu", str(dead.id))]
    again = claim(dead.id, worker="second")
    assert again.attempts == 2


def test_after_the_last_attempt_it_fails_where_the_person_looks(dead, on_queue):
    Job.objects.filter(id=dead.id).update(attempts=MAX_ATTEMPTS)
    assert sweep() == 0

    row = Job.objects.get(id=dead.id)
    assert row.state == "failed" and row.can_be_retried
    assert "worker died" in row.error and "lease" in row.cause
    assert on_queue() == []


def test_a_dead_worker_that_was_asked_to_stop_has_stopped(dead, on_queue):
    stop(dead)
    assert sweep() == 0
    assert Job.objects.get(id=dead.id).state == "stopped"


def test_a_message_just_sent_is_not_sent_again(job, on_queue):
    Job.objects.filter(id=job.id).update(sent_at=timezone.now())
    assert sweep() == 0


def test_a_message_that_was_lost_is_sent_again(job, on_queue):
    Job.objects.filter(id=job.id).update(sent_at=timezone.now() - 2 * SEND_AGAIN_AFTER)
    assert sweep() == 1
    assert on_queue() == [("cpu", str(job.id))]


def test_a_job_whose_transaction_may_still_be_open_is_not_sent_yet(job, on_queue):
    assert sweep() == 0
