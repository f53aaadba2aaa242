"""Verbs on jobs. A job goes queued -> running -> done | failed | stopped; each step is one conditional UPDATE.

1. `enqueue` writes the row and, once that is committed, sends its id.
2. A worker `claim`s it: only one can, and holds it by a lease that it renews while it works.
3. The worker `finish`es it. If the worker dies, the lease runs out and `sweep` queues the job again.
4. A person may `stop` a job, or `retry` one that failed or was stopped.
"""

import logging
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone
from kombu.exceptions import OperationalError

from twinvault.jobs import broker
from twinvault.jobs.models import Job

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 5
SEND_AGAIN_AFTER = timedelta(minutes=2)
OPEN = [Job.State.QUEUED, Job.State.RUNNING]


class JobRefused(Exception):
    """The job cannot be done, and trying again as things are would not help. The message is one sentence for the person."""


class JobStopped(Exception):
    """Somebody asked the job to stop, or it lost its lease."""


def enqueue(kind: str, target_id: UUID, *, queue: str, title: str, vault=None, user=None) -> Job:
    """Queues a job on a row. While one of the same kind on the same row is open, that one is returned instead."""
    try:
        with transaction.atomic():
            job = Job.objects.create(
                kind=kind,
                target_id=target_id,
                queue=queue,
                title=title,
                vault=vault,
                started_by=user if user and user.pk else None,
            )
    except IntegrityError:
        open_already = Job.objects.filter(kind=kind, target_id=target_id, state__in=OPEN).first()
        # it may have ended in between; then there is room now
        return open_already or enqueue(kind, target_id, queue=queue, title=title, vault=vault, user=user)
    transaction.on_commit(lambda: _send(job))
    return job


def _send(job: Job) -> None:
    """A job that cannot be sent now stays queued; the sweep sends it once the broker is back."""
    try:
        broker.send(str(job.id), job.queue)
    except OperationalError as error:
        log.warning("job %s waits for the broker: %s", job.id, error)
    else:
        Job.objects.filter(id=job.id, state=Job.State.QUEUED).update(sent_at=timezone.now())


def _lease_end():
    return timezone.now() + timedelta(seconds=settings.ENV.job_lease_s)


def claim(job_id: UUID | str, worker: str) -> Job | None:
    """Takes a queued job for this worker. None if it is not queued (any more)."""
    claimed = Job.objects.filter(id=job_id, state=Job.State.QUEUED).update(
        state=Job.State.RUNNING,
        worker=worker,
        lease_until=_lease_end(),
        attempts=F("attempts") + 1,
        started_at=timezone.now(),
        ended_at=None,
        error="",
        cause="",
        message="",
    )
    return Job.objects.get(id=job_id) if claimed else None


def _held(job: Job):
    """The row, if this attempt still holds it. `attempts` tells this claim from a later one by the same worker."""
    return Job.objects.filter(id=job.id, state=Job.State.RUNNING, worker=job.worker, attempts=job.attempts)


def is_held(job: Job) -> bool:
    """Whether this attempt still holds the job: it is neither over nor somebody else's."""
    return _held(job).exists()


def renew(job: Job) -> bool:
    """Renews the lease. False once the job is no longer this attempt's, or somebody asked it to stop."""
    return bool(_held(job).filter(stop_requested=False).update(lease_until=_lease_end()))


def report(job: Job, progress: float, message: str) -> None:
    """Progress in 0..1 and a few words. JobStopped once the job is no longer this attempt's, or somebody asked it to stop."""
    updated = (
        _held(job)
        .filter(stop_requested=False)
        .update(progress=min(max(progress, 0.0), 1.0), message=message[:300], lease_until=_lease_end())
    )
    if not updated:
        raise JobStopped


def finish(job: Job, state: str, error: str = "", cause: str = "") -> bool:
    """Ends this attempt's hold on the job. False if the job is no longer this attempt's.

    One that somebody asked to stop has stopped, over whatever it stumbled on the way.
    """
    changes = {"state": state, "error": error[:500], "cause": cause, "ended_at": timezone.now(), "lease_until": None}
    if state == Job.State.DONE:
        changes |= {"progress": 1.0}
    elif _held(job).filter(stop_requested=True).update(**changes | {"state": Job.State.STOPPED}):
        return True
    return bool(_held(job).update(**changes))


def stop(job: Job) -> None:
    """A queued job stops at once, a running one at its next report."""
    if not Job.objects.filter(id=job.id, state=Job.State.QUEUED).update(
        state=Job.State.STOPPED, ended_at=timezone.now(), message="stopped before it began"
    ):
        Job.objects.filter(id=job.id, state=Job.State.RUNNING).update(stop_requested=True)


def retry(job: Job) -> bool:
    """Queues a failed or stopped job again, from where it left off if its work can go on.

    False if it is neither, or if another one does the same work already.
    """
    try:
        with transaction.atomic():
            queued = Job.objects.filter(id=job.id, state__in=[Job.State.FAILED, Job.State.STOPPED]).update(
                state=Job.State.QUEUED,
                attempts=0,
                stop_requested=False,
                error="",
                cause="",
                message="",
                ended_at=None,
                sent_at=None,
            )
    except IntegrityError:
        return False
    if queued:
        job.refresh_from_db()
        transaction.on_commit(lambda: _send(job))
    return bool(queued)


def sweep() -> int:
    """Puts right what a dead worker or a lost message left; safe to run anywhere, any time. Returns how many jobs it sent.

    1. A running job whose lease ran out is queued again; after MAX_ATTEMPTS it fails visibly; one asked to stop is stopped.
    2. A queued job whose message was never sent, or sent long ago, is sent again. A message too many does no harm.
    """
    now = timezone.now()
    lost = Job.objects.filter(state=Job.State.RUNNING, lease_until__lt=now)
    lost.filter(stop_requested=True).update(state=Job.State.STOPPED, ended_at=now, lease_until=None)
    lost.filter(attempts__gte=MAX_ATTEMPTS).update(
        state=Job.State.FAILED,
        ended_at=now,
        lease_until=None,
        error=f"This was begun {MAX_ATTEMPTS} times, and each time the worker died. The operator needs to look at it.",
        cause="The lease ran out without a word from the worker: killed, out of memory, or the machine went down.",
    )
    lost.update(state=Job.State.QUEUED, lease_until=None, sent_at=None, message="goes on after a worker was lost")
    unsent = Job.objects.filter(state=Job.State.QUEUED).filter(
        Q(sent_at__isnull=True, created_at__lt=now - timedelta(seconds=2)) | Q(sent_at__lt=now - SEND_AGAIN_AFTER)
    )
    sent = 0
    for job in unsent.order_by("created_at")[:200]:
        _send(job)
        sent += 1
    return sent
