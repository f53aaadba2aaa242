"""Every face, which of them may be learned from and why, and one face seen from near."""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from acquisition.access import footage_for
from acquisition.models import Footage
from processing import measures, people, queries, services
from processing.access import crop_for, face_for
from processing.models import Face, Person
from processing.views.answers import back, refusals_told, shared, uuid
from twinvault.accounts.access import signed_in
from twinvault.custody import objects
from twinvault.vaults.access import vault_for
from twinvault.vaults.models import Role
from twinvault.vaults.services import NotAllowed

DECISIONS = {"keep": True, "out": False, "judged": None}


@signed_in
@require_GET
def faces(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    vault = vault_for(request.user, vault_id)
    wanted = _filter(request)
    counts, chosen = queries.faces(vault, wanted)
    paginator = Paginator(chosen, queries.FACES_A_PAGE)
    # counted already
    paginator.count = counts.of(wanted.state, wanted.reason)
    page = paginator.get_page(request.GET.get("page"))
    context = shared(request, vault) | {
        "wanted": wanted,
        "counts": counts,
        "tabs": _tabs(wanted, counts),
        "chips": _chips(wanted, counts),
        "stages": vault.subject.life_stages.all(),
        "films": queries.films(vault, wanted.stage),
        "footage": Footage.objects.filter(vault=vault, id=wanted.footage).first() if wanted.footage else None,
        "person": Person.objects.filter(vault=vault, id=wanted.person).first() if wanted.person else None,
        "page": page,
        "faces": queries.load(page),
        "waiting_people": queries.waiting_people(vault),
    }
    return render(request, "processing/faces.html", context)


@signed_in
@require_GET
def face_counts(request: HttpRequest, vault_id: UUID) -> JsonResponse:
    """How many faces a vault holds, and what became of them."""
    counts = queries.vault_counts(vault_for(request.user, vault_id))
    return JsonResponse({"found": counts.found, "kept": counts.kept, "waiting": counts.waiting, "rejected": counts.rejected})


def _filter(request: HttpRequest) -> queries.FaceFilter:
    """The filter that the address names; what is no state or no id is ignored."""
    state = request.GET.get("state", "")
    return queries.FaceFilter(
        state=state if state in Face.State.values else "",
        reason=request.GET.get("reason", "")[:20],
        stage=uuid(request.GET.get("stage", "")),
        footage=uuid(request.GET.get("footage", "")),
        person=uuid(request.GET.get("person", "")),
    )


def _address(wanted: queries.FaceFilter, state: str, reason: str = "") -> str:
    named = {"state": state, "reason": reason, "stage": wanted.stage, "footage": wanted.footage, "person": wanted.person}
    return "?" + urlencode({name: value for name, value in named.items() if value})


def _tabs(wanted: queries.FaceFilter, counts: queries.Counts) -> list[dict]:
    every = [
        ("", "All", counts.found),
        (Face.State.KEPT, "Kept", counts.kept),
        (Face.State.PENDING, "Waiting", counts.waiting),
        (Face.State.REJECTED, "Rejected", counts.rejected_total),
    ]
    return [
        {"label": label, "count": count, "address": _address(wanted, state), "current": wanted.state == state}
        for state, label, count in every
    ]


def _chips(wanted: queries.FaceFilter, counts: queries.Counts) -> list[dict]:
    """One for each reason for which faces were rejected; pressed again, it lets all of them show."""
    return [
        {
            "label": label,
            "count": count,
            "current": wanted.reason == reason,
            "address": _address(wanted, Face.State.REJECTED, "" if wanted.reason == reason else reason),
        }
        for reason, label, count in counts.reasons
    ]


@signed_in
@require_GET
def face(request: HttpRequest, face_id: int) -> HttpResponse:
    """One face, large, with what was measured of it."""
    one = face_for(request.user, face_id)
    vault = one.track.person.vault
    context = shared(request, vault) | {
        "face": one,
        "person": one.track.person,
        "lines": [] if vault.is_locked else measures.measures_of(one),
    }
    return render(request, "processing/face.html", context)


@signed_in
@require_GET
def crop(request: HttpRequest, face_id: int) -> HttpResponse:
    """The picture of one face.

    Like every page it is answered with no-store: a browser keeps what it may store as it came, unencrypted, on its disk.
    """
    one = crop_for(request.user, face_id)
    picture = objects.read_range(one.track.segment.pack, one.offset, one.length)
    return HttpResponse(picture, content_type="image/jpeg", headers={"X-Content-Type-Options": "nosniff"})


@signed_in
@require_POST
def decide(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    """What becomes of the `faces`, in `decision`; of a single one in `one`, as "keep:17"."""
    vault = vault_for(request.user, vault_id, Role.CONTRIBUTOR)
    decision, _, alone = request.POST.get("one", "").partition(":")
    chosen = [alone] if alone else request.POST.getlist("faces")
    decision = decision or request.POST.get("decision", "")
    if decision not in DECISIONS or not all(map(_is_id, chosen)):
        return HttpResponseBadRequest("decision is one of: " + ", ".join(DECISIONS))
    with refusals_told(request):
        if people.decide(vault, map(int, chosen), DECISIONS[decision], request.user) is None:
            messages.info(request, _unchanged(vault.subject.name, chosen))
    return back(request, vault)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _unchanged(name: str, chosen: list[str]) -> str:
    if not chosen:
        return "Choose faces first."
    return f"Nothing was changed: it was so already, or these are not faces of {name}, of whom alone it is decided."


@signed_in
@require_POST
def analyse_again(request: HttpRequest, footage_id: UUID) -> HttpResponse:
    footage = footage_for(request.user, footage_id, Role.CONTRIBUTOR)
    try:
        services.request_analysis(footage, request.user)
    except NotAllowed as error:
        messages.error(request, str(error))
        return redirect("footage", footage.id)
    messages.success(request, f"{footage.filename} is looked at again.")
    return redirect("jobs", footage.vault_id)
