"""Pages of jobs: a vault's list, and the live piece that shows one job on any page."""

import json
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from twinvault.accounts.access import signed_in
from twinvault.jobs import access, queries, services
from twinvault.jobs.models import Job
from twinvault.vaults.access import vault_for


@signed_in
@require_safe
def jobs(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    vault = vault_for(request.user, vault_id)
    page = Paginator(queries.jobs_of(vault), queries.JOBS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "jobs/jobs.html", {"vault": vault, "page": page})


@signed_in
@require_safe
def job_status(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """The job as it stands now. The answer that finds it ended raises `job-ended` on the page, with its id and state."""
    return _live(request, access.job_for(request.user, job_id))


@signed_in
@require_POST
def stop_job(request: HttpRequest, job_id: UUID) -> HttpResponse:
    job = access.job_for(request.user, job_id, access.STEERS)
    services.stop(job)
    return _after(request, job, f"Stopping: {job.title}.")


@signed_in
@require_POST
def retry_job(request: HttpRequest, job_id: UUID) -> HttpResponse:
    job = access.job_for(request.user, job_id, access.STEERS)
    queued = services.retry(job)
    return _after(request, job, f"Trying again: {job.title}." if queued else "That work is under way or done already.")


def _live(request: HttpRequest, job: Job) -> HttpResponse:
    response = render(request, "jobs/_job.html", {"job": job, "vault": job.vault})
    if not job.is_open:
        response["HX-Trigger"] = json.dumps({"job-ended": {"id": str(job.id), "state": job.state}})
    return response


def _after(request: HttpRequest, job: Job, sentence: str) -> HttpResponse:
    """htmx gets the job as it stands now, a plain browser the list of jobs."""
    if request.headers.get("HX-Request"):
        return _live(request, access.job_for(request.user, job.id))
    messages.success(request, sentence)
    return redirect("jobs", job.vault_id) if job.vault_id else redirect("dashboard")
