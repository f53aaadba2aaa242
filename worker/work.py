"""What a handler holds while it works on a job: its report, and the word to stop."""

import logging
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, connection

from twinvault.jobs import services
from twinvault.jobs.models import Job

log = logging.getLogger(__name__)

# seconds between two writes of progress; what is reported more often is not written
REPORT_EVERY_S = 0.4


class Work:
    """One attempt at one job. Inside `with`, a thread renews the job's lease, so that long native calls do not lose it."""

    def __init__(self, job: Job, on_report: Callable[[float, str], None] | None = None):
        self.job = job
        self._on_report = on_report
        self._ended = threading.Event()
        self._stopped = threading.Event()
        self._reported_at = float("-inf")
        self._thread = threading.Thread(target=self._renew, name=f"lease of {job.id}", daemon=True)

    def __enter__(self) -> "Work":
        self._thread.start()
        return self

    def __exit__(self, *_error) -> None:
        self._ended.set()
        self._thread.join()

    def _renew(self) -> None:
        try:
            while not self._ended.wait(settings.ENV.job_lease_s / 3):
                try:
                    held = services.renew(self.job)
                except DatabaseError as error:
                    # the lease outlasts two failures; a report renews it, too
                    log.warning("the lease of job %s was not renewed, and will be tried again: %s", self.job.id, error)
                    continue
                if not held:
                    self._stopped.set()
                    return
        finally:
            connection.close()

    def should_stop(self) -> bool:
        """Whether somebody asked the job to stop, or another worker holds it by now."""
        return self._stopped.is_set()

    def report(self, progress: float, message: str = "") -> bool:
        """Progress in 0..1, written if the last was not just now; returns whether it was. JobStopped if the job is to stop."""
        if self._stopped.is_set():
            raise services.JobStopped
        if time.monotonic() - self._reported_at < REPORT_EVERY_S:
            return False
        self._reported_at = time.monotonic()
        try:
            services.report(self.job, progress, message)
        except services.JobStopped:
            self._stopped.set()
            raise
        if self._on_report:
            self._on_report(progress, message)
        return True
