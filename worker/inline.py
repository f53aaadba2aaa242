"""Runs queued jobs in this process, one after the other, with a progress bar: for commands that have no workers."""

from tqdm import tqdm

from twinvault.jobs.models import Job
from twinvault.jobs.services import JobRefused, claim
from worker.tasks import work_on

WORKER = "this command"


class JobFailed(RuntimeError):
    """A job did not end well. The message is its sentence; `cause` is for the operator.

    `refused` if the work cannot be done with what it was given, so that trying again would not help.
    """

    def __init__(self, job: Job, ended_by: Exception | None):
        super().__init__(job.error or f"{job.title} was {job.get_state_display()}.")
        self.job = job
        self.cause = job.cause
        self.refused = isinstance(ended_by, JobRefused)


def run_queued_jobs() -> None:
    """Runs every queued job, also those that these enqueue. JobFailed for the first that does not end as done."""
    while job := Job.objects.filter(state=Job.State.QUEUED).order_by("created_at").first():
        claimed = claim(job.id, WORKER)
        if claimed is None:
            continue
        # elsewhere than on a terminal a bar would be a thousand lines
        with tqdm(
            total=100, desc=f"{job.title:.40}", bar_format="{desc:<40} {bar} {percentage:3.0f} % {postfix}", disable=None
        ) as bar:

            def show(progress: float, message: str, bar: tqdm = bar) -> None:
                bar.set_postfix_str(message, refresh=False)
                bar.update(100 * progress - bar.n)

            ended_by = work_on(claimed, show)
            claimed.refresh_from_db()
            if claimed.state == Job.State.DONE:
                show(1.0, "")
        if claimed.state != Job.State.DONE:
            raise JobFailed(claimed, ended_by)
