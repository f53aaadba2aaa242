"""Work that is cut into parts, which whichever workers are free take one after the other.

A part is a row with `taken_by`, the job that works at it just now, and `taken_until`: a part whose worker was not heard of until
then is anybody's. The job that was asked for speaks for all; its helpers are jobs of another kind, whose target is a part. They
belong to no vault and no page, and end with it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from twinvault.jobs.models import Job
from twinvault.jobs.services import OPEN, JobStopped, enqueue, stop

HELPERS = 7
TAKEN_FOR = timedelta(seconds=60)


class PartLost(JobStopped):
    """Somebody else has the part by now: its worker was not heard of for too long."""


def ask_for_help(kind: str, undone: QuerySet, *, queue: str, title: str) -> None:
    """A helper for every undone part beyond the first, up to HELPERS."""
    for part in undone[1 : 1 + HELPERS]:
        enqueue(kind, part.pk, queue=queue, title=title)


def send_helpers_home(kind: str, parts: QuerySet) -> None:
    for job in Job.objects.filter(kind=kind, target_id__in=list(parts.values_list("pk", flat=True)), state__in=OPEN):
        stop(job)


def is_worked_at(kind: str, target_id: UUID) -> bool:
    """Whether the job that helpers would help runs, and is not to stop."""
    return Job.objects.filter(kind=kind, target_id=target_id, state=Job.State.RUNNING, stop_requested=False).exists()


def take(undone: QuerySet, job_id: UUID) -> Model | None:
    """The first undone part that nobody works at; two who come at once get two."""
    now = timezone.now()
    free = undone.filter(Q(taken_until=None) | Q(taken_until__lt=now))
    for part in free.order_by("number"):
        if free.filter(pk=part.pk).update(taken_by=job_id, taken_until=now + TAKEN_FOR):
            return part
    return None


@contextmanager
def taken(undone: QuerySet, job_id: UUID) -> Iterator[Model | None]:
    """`take`, and however the block ends, the part is free again for others unless it is done."""
    part = take(undone, job_id)
    try:
        yield part
    finally:
        if part is not None:
            type(part)._default_manager.filter(pk=part.pk, taken_by=job_id).update(taken_by=None, taken_until=None)


def work_through(undone: QuerySet, job_id: UUID, do: Callable[[Model], None], still_wanted: Callable[[], bool]) -> None:
    """Does one free part after the other until there is none. One that another worker has taken over meanwhile is left to that
    one, and the rest gone on with if it is still wanted; otherwise PartLost."""
    while True:
        with taken(undone, job_id) as part:
            if part is None:
                return
            try:
                do(part)
            except PartLost:
                if not still_wanted():
                    raise


class Grip:
    """Keeps hold of a part while it is worked at."""

    def __init__(self, part: Model, job_id: UUID) -> None:
        self._mine = type(part)._default_manager.filter(pk=part.pk, taken_by=job_id)
        self._held_at = monotonic()

    def keep(self) -> bool:
        """To be called often; writes now and then, and says whether it did. PartLost if somebody else has the part by now."""
        if monotonic() - self._held_at <= TAKEN_FOR.total_seconds() / 4:
            return False
        self._held_at = monotonic()
        if not self._mine.update(taken_until=timezone.now() + TAKEN_FOR):
            raise PartLost
        return True
