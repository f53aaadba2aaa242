"""Withdraws the consent in the middle of a training, and again of a rendering; prints what came of it as JSON.

Run by `test_withdrawn_consent.py` in an installation of its own, with the rows of a vault that is ready to be learned from in
the file that is its argument. Everything is real: the broker, Celery workers in processes of their own, the database, the keys.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from generator.models import Twin  # noqa: E402
from generator.productions.services import order_film  # noqa: E402
from generator.productions.storyboard import Storyboard  # noqa: E402
from generator.services import start_twin  # noqa: E402
from templates_library.models import TemplateRevision  # noqa: E402
from tests.consenting import consent_in_person  # noqa: E402
from twinvault.accounts.models import User  # noqa: E402
from twinvault.custody.models import StoredObject  # noqa: E402
from twinvault.jobs.models import Job  # noqa: E402
from twinvault.vaults.consents import withdraw_consent  # noqa: E402
from twinvault.vaults.models import Consent, LifeStage  # noqa: E402
from worker.stack import Stack  # noqa: E402

BEGUN_WITHIN_S, LEARN_S = 120, 3
# what the house promises
ENDED_WITHIN_S = 60
OF_THE_FACE = ("weights", "checkpoint", "statistics", "preview", "film", "film preview", "film piece")


def until(what: str, happened: Callable[[], object], stack: Stack, seconds: float = BEGUN_WITHIN_S) -> None:
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            jobs = [f"{job} {job.error} {job.cause}" for job in Job.objects.all()]
            raise SystemExit(f"{what} did not come about within {seconds} s:\n{jobs}\n{stack.tail('worker-gpu', 60)}")
        time.sleep(0.02)


def withdraw_during(target, stack: Stack) -> dict:
    """Withdraws while the worker works at the target's job; what is left once the worker has let go of it."""
    withdraw_consent(Consent.objects.get(withdrawn_at=None), by=alice)
    until("the end of the work", lambda: not Job.objects.get(target_id=target.id).is_open, stack, ENDED_WITHIN_S)
    target.refresh_from_db()
    left = StoredObject.objects.filter(kind__in=OF_THE_FACE, keyring=twin.vault.keyring)
    return {"job": Job.objects.get(target_id=target.id).state, "state": target.state, "left": left.count()}


call_command("migrate", verbosity=0)
call_command("loaddata", sys.argv[1], verbosity=0)
alice, bob = (User.objects.get(username=name) for name in ("alice", "bob"))
stage = LifeStage.objects.get(name="adult")
with Stack(queues=["gpu"], logs=Path(sys.argv[1]).parent) as stack:
    # an hour: it does not end by itself
    twin = start_twin(stage, preset="tiny", seconds=3600, by=bob)
    until("a checkpoint", lambda: Twin.objects.get(id=twin.id).checkpoint, stack)
    training = withdraw_during(twin, stack)

    consent_in_person(stage.subject, given_by="Franck", statement="I have thought it over: yes.", by=alice)
    twin = start_twin(stage, preset="tiny", seconds=LEARN_S, by=bob)
    until("the twin", lambda: Twin.objects.get(id=twin.id).state == Twin.State.READY, stack)
    twin.refresh_from_db()
    film = order_film(twin.vault, twin=twin, revision=TemplateRevision.objects.get(), storyboard=Storyboard("greeting"), by=bob)
    until("the rendering", lambda: Job.objects.get(target_id=film.id).state == Job.State.RUNNING, stack)
    rendering = withdraw_during(film, stack)
    twin.refresh_from_db()

sys.stdout.write(json.dumps({"training": training, "rendering": rendering, "twin": twin.state}))
