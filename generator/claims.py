"""Who may teach a twin, or a base: one attempt of one job at a time, whatever else believes that it does.

A job that lost its lease is begun again by another worker, while the first may only be stalled: its machine slept, its disk hung.
When it wakes it must not store over what its successor has learned. So the twin's row names the attempt that holds it, by one
conditional UPDATE, and everything that is stored of a training is stored only as long as that name stands.
"""

from datetime import timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from generator.models import Learned
from twinvault.jobs.services import JobRefused


def take(row: Learned, job_id: UUID) -> str:
    """Claims a twin that is to learn, for one attempt of a job; gives the claim's name.

    A later attempt of the same job takes it from the earlier one: that only one of them is the job's is what its row is for. Of
    another job it is taken only once that has not renewed it for the time of a lease. JobRefused if it is another's.
    """
    claim = f"{job_id}:{uuid4().hex}"
    free = Q(learner="") | Q(learner__startswith=f"{job_id}:") | Q(learner_until__lt=timezone.now())
    learning = type(row).objects.filter(id=row.id, state=Learned.State.TRAINING)
    if not learning.filter(free).update(learner=claim, learner_until=_lease_end()):
        raise JobRefused(f"{row} is being learned by another worker already; this one leaves it alone.")
    return claim


def renew(row: Learned, claim: str) -> bool:
    """False once the claim is another's, or the twin is not to learn any more."""
    held = type(row).objects.filter(id=row.id, state=Learned.State.TRAINING, learner=claim)
    return bool(held.update(learner_until=_lease_end()))


def release(row: Learned, claim: str) -> None:
    """Gives the twin back, if it is this claim's still."""
    type(row).objects.filter(id=row.id, learner=claim).update(learner="", learner_until=None)


def _lease_end():
    return timezone.now() + timedelta(seconds=settings.ENV.job_lease_s)
