"""Reads on jobs."""

from django.db.models import Case, IntegerField, QuerySet, Value, When

from twinvault.jobs.models import Job

JOBS_A_PAGE = 20


def jobs_of(vault) -> QuerySet[Job]:
    """Every job of a vault: running ones first, then those that wait, then what has ended, the newest first."""
    order = Case(
        When(state=Job.State.RUNNING, then=Value(0)),
        When(state=Job.State.QUEUED, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    return Job.objects.filter(vault=vault).select_related("vault").order_by(order, "-created_at")


def open_jobs_of(vault) -> list[Job]:
    return [job for job in jobs_of(vault).filter(state__in=[Job.State.QUEUED, Job.State.RUNNING])[:5]]
