"""Pages of house bases, for the board and for operators. No vault, no family and no face of one is shown on them."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from generator import bases, queries
from generator.access import base_for, base_preview_for, require_house
from generator.forms import BaseForm
from generator.models import Base
from twinvault.accounts.access import signed_in
from twinvault.custody import objects
from twinvault.jobs.queries import latest_job
from twinvault.vaults.services import NotAllowed


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def all_bases(request: HttpRequest) -> HttpResponse:
    """Every base: what it learned, from what it started, how many twins started from it; and the form that begins one."""
    require_house(request.user)
    form = BaseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            base = bases.begin_base(form.cleaned_data["preset"], by=request.user)
        except NotAllowed as error:
            form.add_error(None, str(error))
        else:
            return redirect("base", base.id)
    context = {
        "bases": queries.bases(),
        "form": form,
        "by_itself": settings.ENV.base_seconds > 0,
        "quiet_minutes": settings.ENV.base_quiet_s / 60,
    }
    return render(request, "generator/bases.html", context, status=400 if form.is_bound and form.errors else 200)


@signed_in
@require_GET
def base(request: HttpRequest, base_id: UUID) -> HttpResponse:
    """One base: how it learns and how good it is. `?part=progress` gives the live part alone."""
    base = base_for(request.user, base_id)
    context = {
        "base": base,
        "job": latest_job(base.id, bases.TRAIN_BASE),
        "curve": queries.loss_curve(base),
        "notices": queries.notices_of(base),
        "previews": list(base.previews.all()),
        "twins_started": base.twins.count(),
    }
    live = request.GET.get("part") == "progress"
    return render(request, "generator/_base.html" if live else "generator/base.html", context)


@signed_in
@require_POST
def stop_base(request: HttpRequest, base_id: UUID) -> HttpResponse:
    base = base_for(request.user, base_id)
    bases.stop_base(base, by=request.user)
    messages.success(request, f"The {base} stops at the next safe place; what it has learned is kept.")
    return redirect("base", base.id)


@signed_in
@require_POST
def resume_base(request: HttpRequest, base_id: UUID) -> HttpResponse:
    base = base_for(request.user, base_id)
    try:
        bases.resume_base(base, by=request.user)
    except NotAllowed as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"The {base} goes on.")
    return redirect("base", base.id)


@signed_in
@require_POST
def retire_base(request: HttpRequest, base_id: UUID) -> HttpResponse:
    base = base_for(request.user, base_id)
    bases.retire_base(base, because=Base.Why.BY_HAND, by=request.user)
    messages.success(request, f"The {base} is retired; what it had learned is erased. Twins that started from it stay.")
    return redirect("bases")


@signed_in
@require_GET
def base_preview(request: HttpRequest, base_preview_id: int) -> HttpResponse:
    """One sheet of the library's faces as PNG."""
    sheet = base_preview_for(request.user, base_preview_id).sheet
    return HttpResponse(objects.read(sheet), content_type=sheet.content_type)
