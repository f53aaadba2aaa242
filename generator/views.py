"""Pages of twins."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from generator import descent, queries, services
from generator import upkeep as twin_upkeep
from generator.access import preview_for, twin_for
from generator.forms import TwinForm
from generator.marks import judge_twin
from twinvault.accounts.access import signed_in
from twinvault.custody import objects
from twinvault.jobs.queries import latest_job
from twinvault.vaults.access import vault_for
from twinvault.vaults.models import Role
from twinvault.vaults.services import NotAllowed


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def twins(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    """All twins of a vault, and the form that begins one."""
    vault = vault_for(request.user, vault_id, Role.CONTRIBUTOR if request.method == "POST" else Role.VIEWER)
    stages = queries.life_stages_to_learn(vault)
    lights = dict.fromkeys(light.name for row in stages for light in row["lights"] if not light.missing)
    form = TwinForm(vault.subject, request.POST if request.method == "POST" else None, lights=lights)
    if request.method == "POST" and form.is_valid():
        try:
            twin = services.start_twin(
                form.cleaned_data["life_stage"],
                preset=form.cleaned_data["preset"],
                condition=form.cleaned_data.get("condition", ""),
                seconds=form.cleaned_data["minutes"] * 60,
                by=request.user,
            )
        except NotAllowed as error:
            form.add_error(None, str(error))
        else:
            return redirect("twin", twin.id)
    context = {
        "vault": vault,
        "form": form,
        "twins": queries.twins_of(vault),
        "stages": stages,
        "growth": [one for one in twin_upkeep.growth(vault) if one.new],
        "by_itself": queries.learns_by_itself(vault),
        "may_set_upkeep": vault.role >= Role.OWNER,
        "may_begin": vault.role >= Role.CONTRIBUTOR,
    }
    return render(request, "generator/twins.html", context, status=400 if form.is_bound and form.errors else 200)


@signed_in
@require_GET
def twin(request: HttpRequest, twin_id: UUID) -> HttpResponse:
    """One twin: how it learns, what it looks like, how good it is. `?part=progress` gives the live part alone."""
    twin = twin_for(request.user, twin_id)
    context = {
        "vault": twin.vault,
        "twin": twin,
        "job": latest_job(twin.id, *services.LEARNING),
        "descent": descent.sentence(twin),
        "versions": queries.versions_of(twin),
        "library": list(twin.library.select_related("template")),
        "curve": queries.loss_curve(twin),
        "judged": judge_twin(twin.measures),
        "notices": queries.notices_of(twin),
        "previews": list(twin.previews.all()),
        "may_retire": twin.vault.role >= Role.OWNER and twin.state != twin.State.RETIRED,
    }
    live = request.GET.get("part") == "progress"
    return render(request, "generator/_progress.html" if live else "generator/twin.html", context)


@signed_in
@require_POST
def update_twin(request: HttpRequest, twin_id: UUID) -> HttpResponse:
    """Begins a new version from the faces that are there now."""
    twin = twin_for(request.user, twin_id, Role.CONTRIBUTOR)
    try:
        newer = twin_upkeep.update_twin(twin, by=request.user)
    except NotAllowed as error:
        messages.error(request, str(error))
        return redirect("twins", twin.vault_id)
    return redirect("twin", newer.id)


@signed_in
@require_POST
def upkeep(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    """Whether twins learn anew by themselves: `by_itself` is there, or not."""
    vault = vault_for(request.user, vault_id, Role.OWNER)
    by_itself = "by_itself" in request.POST
    services.set_upkeep(vault, by_itself=by_itself, by=request.user)
    messages.success(request, f"Twins learn anew {'by themselves' if by_itself else 'only when somebody begins it'}.")
    return redirect("twins", vault.id)


@signed_in
@require_POST
def retire_twin(request: HttpRequest, twin_id: UUID) -> HttpResponse:
    twin = twin_for(request.user, twin_id, Role.OWNER)
    services.retire_twin(twin, by=request.user)
    messages.success(request, f"{twin} is retired; what it had learned is erased.")
    return redirect("twins", twin.vault_id)


@signed_in
@require_GET
def preview(request: HttpRequest, preview_id: int) -> HttpResponse:
    """One sheet of faces as PNG."""
    sheet = preview_for(request.user, preview_id).sheet
    return HttpResponse(objects.read(sheet), content_type=sheet.content_type)
