"""Several processes enqueue, claim, report and finish jobs in one database at once; prints what happened as JSON.

Run by `test_rush.py` in an installation of its own.
"""

import json
import multiprocessing
import os
import sys
import uuid

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402

from twinvault.jobs.models import Job  # noqa: E402
from twinvault.jobs.services import claim, enqueue, finish, renew, report, sweep  # noqa: E402

PROCESSES = 4
TARGETS = [uuid.UUID(int=number) for number in range(30)]


def rush(number: int) -> tuple[int, int]:
    """Asks for work on every target, and does whatever it gets hold of: (jobs claimed, claims that came too late)."""
    claimed = late = 0
    for target in TARGETS:
        enqueue("paint", target, queue="cpu", title="Paint")
        for job_id in list(Job.objects.filter(state="queued").values_list("id", flat=True)):
            job = claim(job_id, worker=f"{number}:{os.getpid()}")
            if job is None:
                late += 1
                continue
            claimed += 1
            report(job, 0.5, "painting")
            assert renew(job)
            assert finish(job, Job.State.DONE)
        sweep()
    return claimed, late


call_command("migrate", verbosity=0)
connections.close_all()
with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
    outcome = pool.map(rush, range(PROCESSES), chunksize=1)
states = list(Job.objects.values_list("state", flat=True))
sys.stdout.write(
    json.dumps(
        {
            "claimed": sum(claimed for claimed, _ in outcome),
            "late": sum(late for _, late in outcome),
            "jobs": len(states),
            "done": states.count("done"),
            "most_attempts": max(Job.objects.values_list("attempts", flat=True)),
            "asked": PROCESSES * len(TARGETS),
        }
    )
)
