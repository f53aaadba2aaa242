"""The one task: run the job whose id it is given.

1. Claim the row; somebody else has it, or it is not queued any more: nothing to do.
2. Call the handler of its kind with the target's id.
3. Done, refused (a sentence for the person), stopped, or broken (a sentence for the person, the trace for the operator).
"""

import errno
import logging
import os
import socket
import traceback
from collections.abc import Callable

from django.db import DatabaseError

from twinvault.audit.origin import acting_from
from twinvault.custody.archive import ObjectSealed
from twinvault.custody.keys import KeyUnavailable
from twinvault.custody.stream import StreamDamaged
from twinvault.jobs.broker import TASK, app
from twinvault.jobs.models import Job
from twinvault.jobs.services import JobRefused, JobStopped, claim, finish
from worker.handlers import HANDLERS
from worker.work import Work

log = logging.getLogger(__name__)


def sentence_for(error: Exception) -> str:
    """What the person is told about a failure that is not theirs."""
    if _is_full(error):
        return "The disk of this server is full. Nothing was lost; tell the operator, and retry once there is room."
    if isinstance(error, MemoryError):
        return "This server ran out of memory. Nothing was lost; tell the operator, then retry."
    if isinstance(error, StreamDamaged):
        return "A stored file is damaged and was not used. Tell the operator which job this was."
    if isinstance(error, (KeyUnavailable, FileNotFoundError)):
        return "A stored file or its key cannot be found. Tell the operator which job this was."
    return "Something went wrong on our side. Nothing was lost; retry, and tell the operator if it happens again."


def _is_full(error: Exception) -> bool:
    """A full disk, as a file or as SQLite meets it."""
    if isinstance(error, OSError):
        return error.errno in {errno.ENOSPC, errno.EDQUOT}
    return isinstance(error, DatabaseError) and "disk is full" in str(error)


def work_on(job: Job, on_report: Callable[[float, str], None] | None = None) -> Exception | None:
    """Runs a claimed job to its end; whatever happens is written into its row. `on_report` hears what is reported, too.

    Returns what ended it, if it did not end well.
    """
    try:
        with Work(job, on_report) as work:
            HANDLERS[job.kind](job.target_id, work)
    except (JobRefused, ObjectSealed) as refusal:
        finish(job, Job.State.FAILED, error=str(refusal), cause=traceback.format_exc())
        return refusal
    except JobStopped as stop:
        finish(job, Job.State.STOPPED)
        return stop
    except Exception as error:
        log.exception("job %s (%s) failed", job.id, job.kind)
        finish(job, Job.State.FAILED, error=sentence_for(error), cause=traceback.format_exc())
        return error
    finish(job, Job.State.DONE)
    return None


@app.task(name=TASK)
def run_job(job_id: str) -> None:
    job = claim(job_id, worker=f"{socket.gethostname()}:{os.getpid()}")
    if job is None:
        log.info("job %s is not queued any more", job_id)
        return
    log.info("job %s begins: %s", job.id, job.title)
    with acting_from(f"worker {socket.gethostname()}"):
        work_on(job)
