"""Reads on jobs."""

from django.db.models import Case, F, IntegerField, QuerySet, Value, When

from twinvault.jobs.models import Job

JOBS_A_PAGE = 20


def latest_job(target_id, *kinds: str) -> Job | None:
    """The newest job of these kinds on one row."""
    return Job.objects.filter(kind__in=kinds, target_id=target_id).order_by("-created_at").first()


def jobs_of(vault) -> QuerySet[Job]:
    """Every job of a vault: what runs, then what waits in the order in which it will be begun, then what ended, newest first."""
    group = Case(
        When(state=Job.State.RUNNING, then=Value(0)),
        When(state=Job.State.QUEUED, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    turn = Case(When(state__in=[Job.State.RUNNING, Job.State.QUEUED], then=F("created_at")))
    return Job.objects.filter(vault=vault).select_related("vault").order_by(group, turn, "-created_at")
