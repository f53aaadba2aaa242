"""Pages of footage: bringing it in, looking at it, removing it."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST, require_safe

from acquisition import queries, services
from acquisition.access import footage_for
from acquisition.dates import spans
from acquisition.files import UNSHOWN, may_be_shown
from acquisition.timeline.forms import DateForm, as_said
from acquisition.timeline.queries import with_ages
from acquisition.uploads.views import BY_DATE
from twinvault.accounts.access import signed_in
from twinvault.custody.objects import open_object
from twinvault.vaults.access import vault_for
from twinvault.vaults.consents import has_consent
from twinvault.vaults.models import Role
from twinvault.web.ranges import ranged_response

FOOTAGE_A_PAGE = 30


@signed_in
@require_GET
def upload(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    """Where files are dropped, and what has come in so far; the sending is done by upload.js through the tus endpoint."""
    vault = vault_for(request.user, vault_id)
    context = {
        "vault": vault,
        "may_contribute": vault.role >= Role.CONTRIBUTOR,
        "stages": vault.subject.life_stages.all(),
        "chosen": request.GET.get("stage", ""),
        "by_date": BY_DATE if spans(vault.subject) else "",
        "consent": has_consent(vault.subject),
        "limit": settings.ENV.upload_limit,
        "unfinished": queries.unfinished_uploads(vault, request.user),
        "page": Paginator(queries.footage_of(vault), FOOTAGE_A_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "acquisition/upload.html", context)


@signed_in
@require_GET
def footage(request: HttpRequest, footage_id: UUID) -> HttpResponse:
    found = footage_for(request.user, footage_id)
    kind, _, _ = found.content.content_type.partition("/")
    with_ages(found.vault, [found])
    context = {
        "vault": found.vault,
        "footage": found,
        "shown_as": kind if may_be_shown(found.content.content_type) else "",
        "age": found.age,
        "form": DateForm(initial=as_said(found), auto_id="when_%s"),
        "stages": found.vault.subject.life_stages.all(),
        "job": queries.jobs_of_footage(found).first(),
        "may_contribute": found.vault.role >= Role.CONTRIBUTOR,
        "may_remove": found.vault.role >= Role.OWNER,
    }
    return render(request, "acquisition/footage.html", context)


@signed_in
@require_GET
def footage_job(request: HttpRequest, footage_id: UUID) -> HttpResponse:
    """The newest job on a piece of footage, as a fragment for the page that sent it."""
    found = footage_for(request.user, footage_id)
    return render(request, "acquisition/_sent.html", {"footage": found, "job": queries.jobs_of_footage(found).first()})


@signed_in
@require_safe
def footage_content(request: HttpRequest, footage_id: UUID) -> HttpResponse:
    """The bytes as they were brought, with ranges. A type that no browser need show by itself is handed out as an attachment."""
    found = footage_for(request.user, footage_id)
    shown = may_be_shown(found.content.content_type)
    response = ranged_response(
        request,
        open_object(found.content),
        found.content.size,
        found.content.content_type if shown else UNSHOWN,
        filename=found.filename,
        download=not shown or "download" in request.GET,
    )
    response["X-Content-Type-Options"] = "nosniff"
    return response


@signed_in
@require_POST
def remove_footage(request: HttpRequest, footage_id: UUID) -> HttpResponse:
    found = footage_for(request.user, footage_id, Role.OWNER)
    services.remove_footage(found, by=request.user)
    messages.success(request, f"{found.filename} and everything that was made from it are erased.")
    return redirect("vault", found.vault_id)
