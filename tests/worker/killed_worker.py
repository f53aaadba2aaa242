"""Kills the real worker in the middle of a training, and again of a rendering; prints what came of it as JSON.

Run by `test_killed_worker.py` in an installation of its own, with the rows of a vault that is ready to be learned from in
the file that is its argument. Everything is real: the broker, Celery workers in processes of their own, the database, the keys.
"""

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from generator.engine.checkpoint import Checkpoint  # noqa: E402
from generator.models import Twin  # noqa: E402
from generator.productions.models import Film  # noqa: E402
from generator.productions.services import order_film  # noqa: E402
from generator.productions.storyboard import Storyboard  # noqa: E402
from generator.protection.authority import roots  # noqa: E402
from generator.protection.provenance import verify  # noqa: E402
from generator.services import start_twin  # noqa: E402
from templates_library.models import TemplateRevision  # noqa: E402
from twinvault.accounts.models import User  # noqa: E402
from twinvault.custody import objects  # noqa: E402
from twinvault.jobs.models import Job  # noqa: E402
from twinvault.vaults.models import LifeStage  # noqa: E402
from worker.stack import Stack  # noqa: E402

WITHIN_S = 90
LEARN_S = 6


def until(what: str, happened: Callable[[], object], stack: Stack):
    """Waits for something that other processes do, and gives it; names it, with the worker's log, if it does not come."""
    end = time.monotonic() + WITHIN_S
    while time.monotonic() < end:
        if found := happened():
            return found
        time.sleep(0.05)
    jobs = [f"{job} {job.error} {job.cause}" for job in Job.objects.all()]
    raise SystemExit(f"{what} did not come about:\n{jobs}\n{stack.tail('worker-gpu', 60)}")


def rows(twin: Twin) -> list[dict]:
    twin = Twin.objects.select_related("statistics__keyring").get(id=twin.id)
    return [json.loads(line) for line in objects.read(twin.statistics).splitlines()] if twin.statistics else []


def checkpointed(twin: Twin) -> int:
    """Faces seen when the newest stored checkpoint was taken: rows of statistics may be further on."""
    stored = Twin.objects.select_related("checkpoint__keyring").get(id=twin.id).checkpoint
    return Checkpoint.from_bytes(objects.read(stored)).images_seen if stored else 0


def rows_until(twin: Twin, images_seen: int) -> list[dict]:
    return [row for row in rows(twin) if row["images_seen"] <= images_seen]


def job_of(target) -> Job:
    return Job.objects.get(target_id=target.id)


call_command("migrate", verbosity=0)
call_command("loaddata", sys.argv[1], verbosity=0)
bob = User.objects.get(username="bob")
with Stack(queues=["gpu"], logs=Path(sys.argv[1]).parent) as stack:
    twin = start_twin(LifeStage.objects.get(name="adult"), preset="tiny", seconds=LEARN_S, by=bob)
    until("a checkpoint behind some statistics", lambda: rows_until(twin, checkpointed(twin)), stack)
    first_worker = job_of(twin).worker
    stack.kill("worker-gpu")
    before = checkpointed(twin)
    rows_before = rows_until(twin, before)
    state_after_kill = job_of(twin).state

    stack.start_worker("gpu")
    until("the twin", lambda: not job_of(twin).is_open, stack)
    training = job_of(twin)
    twin.refresh_from_db()

    film = order_film(twin.vault, twin=twin, revision=TemplateRevision.objects.get(), storyboard=Storyboard("greeting"), by=bob)
    until("the rendering", lambda: job_of(film).state == Job.State.RUNNING, stack)
    stack.kill("worker-gpu")
    stack.start_worker("gpu")
    until("the film", lambda: not job_of(film).is_open, stack)
    rendering = job_of(film)
    film = Film.objects.select_related("content__keyring").get(id=film.id)
    after = rows(twin)
    log = stack.logs / "worker-gpu.log"

sys.stdout.write(
    json.dumps(
        {
            "state_after_kill": state_after_kill,
            "training": [training.state, training.attempts, training.error],
            "another_worker": training.worker != first_worker,
            "before": before,
            "kept_rows": bool(rows_before) and all(row in after for row in rows_before),
            "seconds": twin.measures.get("seconds"),
            "images_seen": twin.measures.get("images_seen"),
            "went_on_after": int(re.search(r"goes on after (\d+) faces seen", log.read_text()).group(1)),
            "rendering": [rendering.state, rendering.attempts, rendering.error],
            "c2pa": verify(objects.read(film.content), roots()).state if film.content else None,
            "frames": film.measures.get("frames_swapped"),
        }
    )
)
