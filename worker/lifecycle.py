"""What a worker process does beside its jobs: it sweeps."""

import logging
import threading

from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection

from generator.bases import keep_bases
from generator.productions.services import forget_abandoned
from generator.upkeep import keep_twins
from processing.erasure import erase_others_when_due
from templates_library.services import prepare_outdated
from twinvault.jobs.services import sweep
from twinvault.safe.housekeeping import keep_house
from twinvault.vaults.consents import end_unfounded

log = logging.getLogger(__name__)
_ending = threading.Event()


def _sweep_for_ever() -> None:
    while not _ending.wait(settings.ENV.sweep_every_s):
        close_old_connections()
        try:
            sent = sweep()
        except DatabaseError as error:
            log.warning("the sweep did not reach the database, and will try again: %s", error)
            continue
        if sent:
            log.info("the sweep sent %d jobs", sent)
        try:
            end_unfounded()
            erase_others_when_due()
            keep_house()
            prepare_outdated()
            forget_abandoned()
            keep_bases()
            keep_twins()
        except Exception:
            # whatever is wrong with one vault or template, the sweep of jobs must go on; the next round tries again
            log.exception("the house was not looked after to the end")
    connection.close()


@worker_ready.connect
def begin_sweeping(**_kwargs) -> None:
    threading.Thread(target=_sweep_for_ever, name="sweep", daemon=True).start()


@worker_shutting_down.connect
def end_sweeping(**_kwargs) -> None:
    _ending.set()
