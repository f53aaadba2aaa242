"""Every face, which of them may be learned from and why, and one face seen from near."""

from dataclasses import asdict, replace
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse, QueryDict
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
from twinvault.vaults.models import Role, Vault
from twinvault.vaults.services import NotAllowed

DECISIONS = {"keep": True, "out": False, "judged": None}


@signed_in
@require_GET
def faces(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    vault = vault_for(request.user, vault_id)
    wanted = _filter(request.GET)
    counts, chosen = queries.faces(vault, wanted)
    paginator = Paginator(chosen, queries.FACES_A_PAGE)
    # counted already
    paginator.count = counts.of(wanted.state, wanted.reason)
    page = paginator.get_page(request.GET.get("page"))
    context = shared(request, vault) | {
        "wanted": wanted,
        "narrowed": _named(wanted),
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


def _filter(names: QueryDict) -> queries.FaceFilter:
    """The filter that an address or a form names; what is no state or no id is ignored."""
    state = names.get("state", "")
    return queries.FaceFilter(
        state=state if state in Face.State.values else "",
        reason=names.get("reason", "")[:20],
        stage=uuid(names.get("stage", "")),
        footage=uuid(names.get("footage", "")),
        person=uuid(names.get("person", "")),
    )


def _named(wanted: queries.FaceFilter) -> dict[str, str]:
    """The filter as `_filter` reads it."""
    return {name: value for name, value in asdict(wanted).items() if value}


def _address(wanted: queries.FaceFilter, state: str, reason: str = "") -> str:
    return "?" + urlencode(_named(replace(wanted, state=state, reason=reason)))


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
    """What becomes of the `faces`, in `decision`; of a single one in `one`, as "keep:17"; with `everywhere`, of all that the
    filter shows, if they are as many as the page said."""
    vault = vault_for(request.user, vault_id, Role.CONTRIBUTOR)
    decision, _, alone = request.POST.get("one", "").partition(":")
    chosen = [alone] if alone else request.POST.getlist("faces")
    decision = decision or request.POST.get("decision", "")
    if decision not in DECISIONS or not all(map(_is_id, chosen)):
        return HttpResponseBadRequest("decision is one of: " + ", ".join(DECISIONS))
    everywhere = "" if alone else request.POST.get("everywhere", "")
    with refusals_told(request):
        ids = _all_of(vault, request.POST, everywhere) if everywhere else [int(face_id) for face_id in chosen]
        if people.decide(vault, ids, DECISIONS[decision], request.user) is None:
            messages.info(request, _unchanged(vault.subject.name, ids))
    return back(request, vault)


def _all_of(vault: Vault, names: QueryDict, count: str) -> list[int]:
    """The ids of all faces that a filter shows. NotAllowed if they are not as many as a person was told."""
    wanted = _filter(names)
    counts, chosen = queries.faces(vault, wanted)
    if count != str(counts.of(wanted.state, wanted.reason)):
        raise NotAllowed(people.CHANGED)
    return list(chosen)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _unchanged(name: str, chosen: list[int]) -> str:
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
