"""Pages on datasets: what a life stage's faces show, what they lack, and what is good enough."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from acquisition.models import Footage
from processing import dataset_queries, judging, scenes
from processing import datasets as sets
from processing.access import face_for
from processing.engine.bounds import moved
from processing.forms import ThresholdsForm
from twinvault.accounts.access import signed_in
from twinvault.custody import objects
from twinvault.vaults.access import vault_for
from twinvault.vaults.models import Role, Vault
from twinvault.vaults.services import NotAllowed


@signed_in
@require_GET
def datasets(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    """All life stages of a vault, and the bounds by which their faces are judged."""
    vault = vault_for(request.user, vault_id)
    return _all_stages(request, vault)


def _all_stages(request: HttpRequest, vault: Vault, form: ThresholdsForm | None = None, status: int = 200) -> HttpResponse:
    context = {"vault": vault, "may_change": vault.role >= Role.CONTRIBUTOR}
    if not vault.is_locked:
        stages = _current(vault)
        costs = dataset_queries.costs(judging.thresholds_of(vault), [one.counted for one in stages if one.counted])
        context |= {"stages": stages, "form": form or ThresholdsForm(costs), "costs": costs}
        context["is_moved"] = any(cost.is_moved for cost in costs)
        context["duplicates"] = sum(one.counts.rejected.get("near_duplicate", 0) for one in stages)
    return render(request, "processing/datasets.html", context, status=status)


def _current(vault: Vault) -> list[dataset_queries.Stage]:
    """The life stages; what is out of date is counted anew, where it is quick, or else by a worker."""
    stages = dataset_queries.stages(vault)
    late = [one for one in stages if not one.is_current]
    for one in late:
        one.stage.subject = vault.subject
        vault.subject.vault = vault
        sets.bring_up_to_date(one.stage)
    return dataset_queries.stages(vault) if late else stages


@signed_in
@require_GET
def dataset(request: HttpRequest, vault_id: UUID, stage_id: UUID) -> HttpResponse:
    """One life stage: its heat map, its light, its years, and what would help."""
    vault = vault_for(request.user, vault_id)
    if vault.is_locked:
        return render(request, "processing/dataset.html", {"vault": vault, "stage": _stage(vault, stage_id)})
    found = next((one for one in _current(vault) if one.stage.id == stage_id), None)
    if found is None:
        raise Http404
    context = {
        "vault": vault,
        "may_change": vault.role >= Role.CONTRIBUTOR,
        "stage": found.stage,
        "found": found,
        "helps": scenes.helps(found.stage),
        "spread": dataset_queries.spread(found.stage),
        "needed": sets.MINIMUM_FACES,
    }
    if found.counted:
        context |= {"heat_map": dataset_queries.heat_map(found.counted), "bars": dataset_queries.bars(found.counted)}
        context["old"] = Footage.objects.filter(vault=vault, id__in=found.counted.old).order_by("added_at")
    return render(request, "processing/dataset.html", context)


def _stage(vault: Vault, stage_id: UUID):
    stage = vault.subject.life_stages.filter(id=stage_id).first()
    if stage is None:
        raise Http404
    return stage


@signed_in
@require_POST
def thresholds(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    """Moves the bounds, or with `usual` puts all of them back."""
    vault = vault_for(request.user, vault_id, Role.CONTRIBUTOR)
    before = judging.thresholds_of(vault)
    form = ThresholdsForm(dataset_queries.costs(before, []), request.POST)
    usual = "usual" in request.POST
    if not usual and not form.is_valid():
        return _all_stages(request, vault, form, status=400)
    changes = dict.fromkeys(moved(before)) if usual else form.changes
    try:
        after = judging.set_thresholds(vault, changes, request.user)
    except NotAllowed as error:
        messages.error(request, str(error))
    else:
        said = "The faces are judged by it; no picture had to be looked at again."
        messages.success(request, said if after != before else "Nothing was changed.")
    return redirect("datasets", vault.id)


@signed_in
@require_GET
def corrected(request: HttpRequest, face_id: int) -> HttpResponse:
    """The picture of one face as a model would learn from it."""
    face = face_for(request.user, face_id)
    segment = face.track.segment
    picture = scenes.corrected(face, objects.read_range(segment.pack, face.offset, face.length))
    return HttpResponse(picture, content_type="image/jpeg", headers={"X-Content-Type-Options": "nosniff"})
