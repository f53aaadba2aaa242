"""The timeline of a vault: when footage was filmed, and saying so for many pieces at once."""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from acquisition.access import footage_for
from acquisition.models import Footage, TimelineChange
from acquisition.timeline import queries, services
from acquisition.timeline.forms import DateForm
from twinvault.accounts.access import signed_in
from twinvault.vaults.access import vault_for
from twinvault.vaults.models import Role, Vault


@signed_in
@require_safe
def timeline(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    vault = vault_for(request.user, vault_id)
    wanted, moves = _wanted(request.GET), queries.moving(vault)
    counts = queries.lanes(vault, wanted, moves)
    page = Paginator(queries.timeline(vault, wanted, moves), queries.FOOTAGE_A_PAGE).get_page(request.GET.get("page"))
    page.object_list = queries.with_ages(vault, list(page.object_list))
    context = {
        "vault": vault,
        "wanted": wanted,
        "tabs": _tabs(wanted, counts),
        "matching": counts[wanted.lane],
        "moves": moves,
        "stages": vault.subject.life_stages.all(),
        "picture": queries.picture(vault, wanted.stage),
        "page": page,
        "form": DateForm(auto_id="when_%s"),
        "may_contribute": vault.role >= Role.CONTRIBUTOR,
        "to_take_back": TimelineChange.objects.filter(vault=vault, user=request.user).values_list("count", flat=True).first(),
    }
    return render(request, "acquisition/timeline.html", context)


def _wanted(said: QueryDict) -> queries.Wanted:
    """The filter that an address or a form names; what is none is ignored."""
    lane, year = said.get("lane", ""), said.get("year", "")
    try:
        stage = UUID(said.get("stage", ""))
    except ValueError:
        stage = None
    return queries.Wanted(
        lane if lane in queries.LANES else "", stage, int(year) if year.isascii() and year.isdigit() and len(year) == 4 else None
    )


def _tabs(wanted: queries.Wanted, counts: dict[str, int]) -> list[dict]:
    others = {name: value for name, value in wanted.named.items() if name != "lane"}
    return [
        {
            "label": label,
            "count": counts[lane],
            "current": wanted.lane == lane,
            "address": "?" + urlencode({"lane": lane, **others} if lane else others),
        }
        for lane, label in queries.LANES.items()
        if lane != "moving" or counts[lane] or wanted.lane == lane
    ]


def _back(vault: Vault, wanted: queries.Wanted) -> HttpResponse:
    named = urlencode(wanted.named)
    return redirect(reverse("timeline", args=[vault.id]) + (f"?{named}" if named else ""))


@signed_in
@require_POST
def change_timeline(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    """One act on the chosen pieces, or on all that the filter shows."""
    vault = vault_for(request.user, vault_id, Role.CONTRIBUTOR)
    wanted = _wanted(request.POST)
    rows = _chosen(request, vault, wanted)
    if request.POST.get("act") not in ACTS:
        return HttpResponseBadRequest("act is one of: " + ", ".join(ACTS))
    if not request.POST.get("all") and not request.POST.getlist("id"):
        messages.error(request, "Choose some footage first.")
    else:
        ACTS[request.POST["act"]](request, vault, rows)
    return _back(vault, wanted)


def _chosen(request: HttpRequest, vault: Vault, wanted: queries.Wanted) -> QuerySet[Footage]:
    if request.POST.get("all"):
        return queries.timeline(vault, wanted, queries.moving(vault) if wanted.lane == "moving" else {})
    ids = []
    for text in request.POST.getlist("id"):
        try:
            ids.append(UUID(text))
        except ValueError:
            continue
    return vault.footage.filter(id__in=ids)


def _pieces(count: int) -> str:
    return "1 piece of footage" if count == 1 else f"{count:,} pieces of footage"


def _date(request: HttpRequest, vault: Vault, rows: QuerySet[Footage]) -> None:
    form = DateForm(request.POST)
    if not form.is_valid():
        messages.error(request, form.sentence)
        return
    count = services.set_date(vault, rows, *form.cleaned_data["when"], by=request.user)
    messages.success(request, f"{_pieces(count)} dated.")


def _stage(request: HttpRequest, vault: Vault, rows: QuerySet[Footage]) -> None:
    stage = next((stage for stage in vault.subject.life_stages.all() if str(stage.id) == request.POST.get("into")), None)
    if stage is None:
        messages.error(request, "Choose a stage of life first.")
        return
    count = services.set_stage(vault, rows, stage, by=request.user)
    messages.success(request, f"{_pieces(count)} put into {stage.name}.")


def _confirm(request: HttpRequest, vault: Vault, rows: QuerySet[Footage]) -> None:
    count = services.confirm(vault, rows.filter(queries.GUESSED), by=request.user)
    messages.success(request, f"What was guessed of {_pieces(count)} is confirmed.")


def _move(request: HttpRequest, vault: Vault, rows: QuerySet[Footage]) -> None:
    count = services.move(vault, rows, by=request.user)
    messages.success(request, f"{_pieces(count)} put where the dates say.")


ACTS = {"date": _date, "stage": _stage, "confirm": _confirm, "move": _move}


@signed_in
@require_POST
def take_back(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    vault = vault_for(request.user, vault_id, Role.CONTRIBUTOR)
    count = services.take_back(vault, by=request.user)
    messages.success(request, f"Taken back: {_pieces(count)} as before.")
    return _back(vault, _wanted(request.POST))


@signed_in
@require_POST
def say_when(request: HttpRequest, footage_id: UUID) -> HttpResponse:
    """The same for one piece, from its own page."""
    found = footage_for(request.user, footage_id, Role.CONTRIBUTOR)
    rows = Footage.objects.filter(id=found.id)
    if request.POST.get("act") not in ACTS:
        return HttpResponseBadRequest("act is one of: " + ", ".join(ACTS))
    ACTS[request.POST["act"]](request, found.vault, rows)
    return redirect("footage", found.id)
