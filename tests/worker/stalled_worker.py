"""Stalls the real worker in the middle of a training until another has taken the training over; prints what came of it as JSON.

Run by `test_killed_worker.py`, as `killed_worker.py` is.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from generator.models import Twin  # noqa: E402
from generator.services import start_twin  # noqa: E402
from twinvault.accounts.models import User  # noqa: E402
from twinvault.custody.models import StoredObject  # noqa: E402
from twinvault.jobs.models import Job  # noqa: E402
from twinvault.vaults.models import LifeStage  # noqa: E402
from worker.stack import Stack  # noqa: E402

WITHIN_S = 150


def until(what: str, happened: Callable[[], object], stack: Stack):
    end = time.monotonic() + WITHIN_S
    while time.monotonic() < end:
        if found := happened():
            return found
        time.sleep(0.05)
    raise SystemExit(f"{what} did not come about:\n{Job.objects.get(kind='train_twin')}\n{stack.tail('worker-gpu', 60)}")


call_command("migrate", verbosity=0)
call_command("loaddata", sys.argv[1], verbosity=0)
with Stack(queues=["gpu"], logs=Path(sys.argv[1]).parent) as stack:
    start_twin(LifeStage.objects.get(name="adult"), preset="tiny", seconds=8, by=User.objects.get(username="bob"))
    until("a checkpoint", lambda: Twin.objects.get().checkpoint_id, stack)
    first = Twin.objects.get().learner
    stalled = stack.processes["worker-gpu"]
    os.killpg(stalled.pid, signal.SIGSTOP)

    stack.start_worker("gpu")
    since = time.monotonic()
    while Twin.objects.get().learner in {first, ""} and time.monotonic() - since < WITHIN_S:
        time.sleep(0.05)
        if (time.monotonic() - since) % 12 > 11.9:
            # SQLite has one writer, and it may have been stalled as just that
            os.killpg(stalled.pid, signal.SIGCONT)
            time.sleep(0.1)
            os.killpg(stalled.pid, signal.SIGSTOP)
    second = Twin.objects.get().learner
    os.killpg(stalled.pid, signal.SIGCONT)
    until("the end", lambda: not Job.objects.get(kind="train_twin").is_open, stack)
    job, twin = Job.objects.get(kind="train_twin"), Twin.objects.get()

sys.stdout.write(
    json.dumps(
        {
            "one_job": first.split(":")[0] == second.split(":")[0] == str(job.id),
            "training": [job.state, job.attempts, job.error],
            "twin": [twin.state, twin.learner, twin.checkpoint_id, twin.checkpoint_before_id],
            "checkpoints": StoredObject.objects.filter(kind="checkpoint").count(),
            "weights": StoredObject.objects.filter(kind="weights").count(),
        }
    )
)
