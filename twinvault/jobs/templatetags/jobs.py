"""Words and numbers of a job, and whether the reader may stop or retry it."""

from datetime import datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.timesince import timesince

from twinvault.jobs.access import may_steer as may_steer_job
from twinvault.jobs.models import Job

register = template.Library()


@register.filter
def percent(job: Job) -> int:
    """Progress in whole percent; below 100 until the job has ended."""
    return 100 if job.state == Job.State.DONE else min(int(job.progress * 100), 99)


@register.filter
def doing(job: Job) -> str:
    """What an open job does now."""
    if job.stop_requested:
        return "Stopping at the next safe place."
    if job.state == Job.State.QUEUED:
        return f"Waiting for a free worker{': ' + job.message if job.message else ''}."
    return job.message or "Just begun."


@register.filter
def times(job: Job) -> str:
    """When it was asked for or begun, or how long it took."""
    if job.state == Job.State.RUNNING and job.started_at:
        return f"Begun {_ago(job.started_at)}"
    if job.state == Job.State.QUEUED or not job.ended_at:
        return f"Asked for {_ago(job.created_at)}"
    ended = f"{job.get_state_display().capitalize()} {timezone.localtime(job.ended_at):%-d %B %Y, %H:%M}"
    return f"{ended}, after {_length(job)}" if job.started_at else ended


def _ago(moment: datetime) -> str:
    return "just now" if timezone.now() - moment < timedelta(minutes=1) else f"{timesince(moment, depth=1)} ago"


def _length(job: Job) -> str:
    seconds = max(int((job.ended_at - job.started_at).total_seconds()), 1)
    return f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} minutes"


@register.simple_tag(takes_context=True)
def may_steer(context, job: Job) -> bool:
    """Whether the signed-in person may stop and retry the job. Costs no query where the page's `vault` is the job's."""
    vault = context.get("vault")
    role = getattr(vault, "role", None) if vault and vault.id == job.vault_id else None
    return may_steer_job(context["user"], job, role)
