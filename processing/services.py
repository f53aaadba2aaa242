"""Verbs on footage that is looked at."""

from acquisition.models import Footage
from acquisition.services import queue_analysis
from twinvault.jobs.models import Job
from twinvault.vaults.services import require_unlocked


def request_analysis(footage: Footage, by) -> Job:
    """Queues footage to be looked at (again). NotAllowed if sealed."""
    require_unlocked(footage.vault)
    return queue_analysis(footage, by=by)
