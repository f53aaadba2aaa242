"""Pages on faces: which were found, which may be learned from, and who is who."""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from acquisition.access import footage_for
from acquisition.models import Footage
from processing import people, queries, services
from processing.access import face_for, person_for
from processing.models import Face, Person
from twinvault.accounts.access import signed_in
from twinvault.custody import objects
from twinvault.vaults.access import vault_for
from twinvault.vaults.models import Role, Vault
from twinvault.vaults.services import NotAllowed


@signed_in
@require_GET
def faces(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    vault = vault_for(request.user, vault_id)
    wanted = _filter(request)
    counts, chosen = queries.faces(vault, wanted)
    footage = Footage.objects.filter(vault=vault, id=wanted.footage).first() if wanted.footage else None
    seen = queries.people(vault)
    if wanted.footage:
        seen = seen.filter(tracks__segment__footage_id=wanted.footage)
    if wanted.stage:
        seen = seen.filter(tracks__segment__footage__life_stage_id=wanted.stage)
    people_page = Paginator(seen, queries.PEOPLE_A_PAGE).get_page(request.GET.get("people"))
    context = {
        "vault": vault,
        "may_say": vault.role >= Role.CONTRIBUTOR,
        "wanted": wanted,
        "counts": counts,
        "tabs": _tabs(wanted, counts),
        "chips": _chips(wanted, counts),
        "stages": vault.subject.life_stages.all(),
        "footage": footage,
        "page": Paginator(chosen, queries.FACES_A_PAGE).get_page(request.GET.get("page")),
        "people_page": people_page,
        "people": queries.add_samples(people_page, wanted.footage),
        "waiting_people": queries.waiting_people(vault),
        "reason_label": queries.reason_label(wanted.reason) if wanted.reason else "",
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
        stage=_uuid(request.GET.get("stage", "")),
        footage=_uuid(request.GET.get("footage", "")),
        person=_uuid(request.GET.get("person", "")),
    )


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None


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
def crop(request: HttpRequest, face_id: int) -> HttpResponse:
    """The picture of one face."""
    face = face_for(request.user, face_id)
    picture = objects.read_range(face.track.segment.pack, face.offset, face.length)
    return HttpResponse(picture, content_type="image/jpeg", headers={"X-Content-Type-Options": "nosniff"})


@signed_in
@require_POST
def say_who(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """Who a person is, in `who`. Answers htmx with the person's card and the new counts, a browser with the page it came from."""
    person = person_for(request.user, person_id, Role.CONTRIBUTOR)
    who = request.POST.get("who", "")
    if who not in Person.Who.values:
        return HttpResponseBadRequest("who is one of: " + ", ".join(Person.Who.values))
    refusal = ""
    try:
        people.say_who(person.vault, [person.id], who, request.user)
    except NotAllowed as error:
        refusal = str(error)
    vault = person.vault
    if not request.headers.get("HX-Request"):
        if refusal:
            messages.error(request, refusal)
        return redirect(reverse("faces", args=[vault.id]) + "#people")
    return render(request, "processing/_said.html", _said(vault, person, refusal))


def _said(vault: Vault, person: Person, refusal: str) -> dict:
    return {
        "vault": vault,
        "may_say": True,
        "person": queries.add_samples(queries.with_counts(Person.objects.filter(id=person.id)))[0],
        "refusal": refusal,
        "counts": queries.vault_counts(vault),
        "waiting_people": queries.waiting_people(vault),
    }


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
