"""What becomes of a job when its work ends, well or not."""

import errno
import logging
import uuid

import pytest
from django.db import OperationalError

from twinvault.custody.stream import StreamDamaged
from twinvault.jobs.models import Job
from twinvault.jobs.services import JobRefused, JobStopped, enqueue, stop
from worker.handlers import HANDLERS
from worker.inline import JobFailed, run_queued_jobs
from worker.tasks import run_job


@pytest.fixture
def do(db, monkeypatch):
    """Queues a job whose work is `handler(target_id, work)`, and lets a worker run it: `do(handler)`."""

    def run(handler) -> Job:
        monkeypatch.setitem(HANDLERS, "paint", handler)
        job = enqueue("paint", uuid.uuid4(), queue="cpu", title="Paint the fence")
        run_job(str(job.id))
        job.refresh_from_db()
        return job

    return run


def failing(error: Exception):
    def handler(_target, _work):
        raise error

    return handler


def test_every_kind_of_job_has_its_handler():
    assert set(HANDLERS) == {
        *("analyse_footage", "prepare_template", "train_twin", "refresh_twin", "train_base"),
        *("render_film", "help_render", "render_scene"),
        *("help_look", "judge_faces", "measure_corrections"),
        *("seal_vault", "forget_keys", "prepare_export", "erase"),
    }


def test_work_that_ends_well_is_done(do):
    heard = []
    job = do(lambda target, work: heard.append((target, work.report(0.3, "half a fence"))))
    assert heard == [(job.target_id, True)]
    assert (job.state, job.progress, job.message, job.error) == ("done", 1.0, "half a fence", "")
    assert job.worker and job.attempts == 1


def test_a_refusal_is_told_in_its_own_words(do):
    job = do(failing(JobRefused("There is no fence in this garden.")))
    assert (job.state, job.error) == ("failed", "There is no fence in this garden.")
    assert "JobRefused" in job.cause


def test_a_full_disk_is_named_and_the_trace_kept_for_the_operator(do, caplog):
    def fill(_target, _work) -> None:
        with open("/dev/full", "wb") as full:
            full.write(b"x" * 100_000)

    with caplog.at_level(logging.CRITICAL):
        job = do(fill)
    assert job.state == "failed" and job.can_be_retried
    assert job.error.startswith("The disk of this server is full.")
    assert "No space left on device" in job.cause and "Traceback" in job.cause


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.EDQUOT, "quota"), "The disk of this server is full."),
        (OperationalError("database or disk is full"), "The disk of this server is full."),
        (MemoryError(), "This server ran out of memory."),
        (StreamDamaged("segment 3"), "A stored file is damaged"),
        (FileNotFoundError("objects/1"), "A stored file or its key cannot be found."),
        (ZeroDivisionError("division by zero"), "Something went wrong on our side. Nothing was lost;"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_whatever_breaks_is_one_sentence_for_the_person(do, error, sentence, caplog):
    with caplog.at_level(logging.CRITICAL):
        job = do(failing(error))
    assert job.state == "failed" and job.error.startswith(sentence)
    assert type(error).__name__ in job.cause and "Traceback" not in job.error


def test_work_that_was_asked_to_stop_has_stopped(do):
    def work_that_hears_it(_target, work) -> None:
        stop(work.job)
        work.report(0.5, "still painting")

    assert do(work_that_hears_it).state == "stopped"


def test_stopping_is_heard_at_the_next_report_even_if_that_is_too_soon_to_be_written(do):
    heard = []

    def handler(_target, work) -> None:
        assert work.report(0.1, "first") and not work.report(0.2, "at once again")
        stop(work.job)
        work._reported_at = 0.0
        with pytest.raises(JobStopped):
            work.report(0.3, "later")
        heard.append(work.should_stop())
        work.report(0.4, "and again at once")

    assert do(handler).state == "stopped" and heard == [True]


def test_a_job_that_somebody_else_took_is_left_alone(do):
    def taken(_target, work) -> None:
        Job.objects.filter(id=work.job.id).update(worker="another", attempts=2)

    job = do(taken)
    assert (job.state, job.worker) == ("running", "another")


def test_a_message_too_many_does_nothing(do):
    job = do(lambda *_: None)
    ended = job.ended_at
    run_job(str(job.id))
    run_job(str(uuid.uuid4()))
    job.refresh_from_db()
    assert (job.attempts, job.ended_at) == (1, ended)


def test_a_kind_nobody_knows_fails_visibly(db, caplog):
    job = enqueue("juggle", uuid.uuid4(), queue="cpu", title="Juggle")
    with caplog.at_level(logging.CRITICAL):
        run_job(str(job.id))
    job.refresh_from_db()
    assert job.state == "failed" and "KeyError" in job.cause


def test_a_command_runs_what_is_queued_and_what_that_queues(db, monkeypatch):
    done = []

    def first(target, _work) -> None:
        done.append("first")
        enqueue("second", target, queue="cpu", title="Second")

    monkeypatch.setitem(HANDLERS, "first", first)
    monkeypatch.setitem(HANDLERS, "second", lambda *_: done.append("second"))
    enqueue("first", uuid.uuid4(), queue="gpu", title="First")
    run_queued_jobs()
    assert done == ["first", "second"]
    assert set(Job.objects.values_list("state", flat=True)) == {"done"}


@pytest.mark.parametrize(("error", "refused"), [(JobRefused("No fence."), True), (ValueError("paint"), False)])
def test_a_command_hears_which_job_failed_and_whether_by_refusal(db, monkeypatch, caplog, error, refused):
    monkeypatch.setitem(HANDLERS, "paint", failing(error))
    enqueue("paint", uuid.uuid4(), queue="cpu", title="Paint")
    with caplog.at_level(logging.CRITICAL), pytest.raises(JobFailed) as failed:
        run_queued_jobs()
    assert failed.value.refused is refused and type(error).__name__ in failed.value.cause
