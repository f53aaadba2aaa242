"""Who is who: everybody seen in the footage of a vault, one person, and the answers to both."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from processing import people as verbs
from processing import people_queries, queries
from processing.access import person_for
from processing.erasure import erase_others
from processing.models import Person
from processing.views.answers import back, people_address, refusals_told, shared, uuids
from twinvault.accounts.access import signed_in
from twinvault.vaults.access import vault_for
from twinvault.vaults.models import Role, Vault
from twinvault.vaults.services import NotAllowed, require_unlocked

TOGETHER = "together"


@signed_in
@require_GET
def people(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    vault = vault_for(request.user, vault_id)
    wanted = request.GET.get("who", "")
    sections = people_queries.sections(vault)
    wanted = wanted if wanted in sections else ""
    page = _page(vault, sections, wanted, request.GET.get("page"))
    for person in people_queries.describe(page):
        sections[people_queries.section_of(person)].people.append(person)
    context = shared(request, vault) | {
        "counts": queries.vault_counts(vault),
        "tabs": _tabs(vault, sections, wanted),
        "sections": [section for section in sections.values() if section.people],
        "page": page,
        "narrowed": {"section": wanted},
        "to_be_erased": people_queries.to_be_erased(vault),
    }
    return render(request, "processing/people.html", context)


def _page(vault: Vault, sections: dict[str, people_queries.Section], wanted: str, number: str | None) -> Page:
    paginator = Paginator(people_queries.people(vault, wanted), people_queries.PEOPLE_A_PAGE)
    # counted already
    paginator.count = sum(section.count for name, section in sections.items() if wanted in ("", name))
    return paginator.get_page(number)


def _tabs(vault: Vault, sections: dict[str, people_queries.Section], wanted: str) -> list[dict]:
    name = vault.subject.name
    labels = {
        "proposed": f"Looks like {name}",
        "unknown": "Who is this?",
        "unsure": "Not sure",
        "subject": name,
        "other": "Someone else",
    }
    everybody = {"label": "Everybody", "count": sum(section.count for section in sections.values())}
    tabs = [everybody | {"address": people_address(vault), "current": not wanted}]
    for section in sections.values():
        if section.count or section.name == wanted:
            address = people_address(vault, section.name)
            tab = {"label": labels[section.name], "count": section.count, "address": address}
            tabs.append(tab | {"current": section.name == wanted})
    return tabs


@signed_in
@require_GET
def person(request: HttpRequest, person_id: UUID) -> HttpResponse:
    someone = person_for(request.user, person_id)
    paginator = Paginator(people_queries.scenes(someone), people_queries.SCENES_A_PAGE)
    (someone,) = people_queries.describe([someone])
    paginator.count = someone.scenes
    page = paginator.get_page(request.GET.get("page"))
    samples = people_queries.samples_of(list(page), people_queries.SAMPLES_A_SCENE)
    for scene in page:
        scene.samples = samples[scene]
    context = shared(request, someone.vault) | {"person": someone, "page": page}
    return render(request, "processing/person.html", context)


@signed_in
@require_POST
def say_who(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """Who a person is, in `who`."""
    someone = person_for(request.user, person_id, Role.CONTRIBUTOR)
    return _say_who(request, someone.vault, [someone.id], request.POST.get("who", ""))


@signed_in
@require_POST
def act_on_people(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    """Who all the `people` are, in `who`; or that they are one, if that says so. With `everywhere`, all of the `section`, if they
    are as many as the page said."""
    vault = vault_for(request.user, vault_id, Role.CONTRIBUTOR)
    chosen, who = uuids(request.POST.getlist("people")), request.POST.get("who", "")
    with refusals_told(request):
        if everywhere := request.POST.get("everywhere", ""):
            chosen = _all_of(vault, request.POST.get("section", ""), everywhere)
        if who != TOGETHER:
            return _say_who(request, vault, chosen, who)
        verbs.merge(vault, chosen, request.user)
    return back(request, vault)


def _all_of(vault: Vault, section: str, count: str) -> list[UUID]:
    """Everybody of a section. NotAllowed if they are not as many as a person was told."""
    section = section if section in people_queries.SECTIONS else ""
    everybody = list(people_queries.people(vault, section).values_list("id", flat=True))
    if count != str(len(everybody)):
        raise NotAllowed(verbs.CHANGED)
    return everybody


def _say_who(request: HttpRequest, vault: Vault, chosen: list[UUID], who: str) -> HttpResponse:
    if who not in Person.Who.values:
        return HttpResponseBadRequest("who is one of: " + ", ".join(Person.Who.values))
    with refusals_told(request):
        if verbs.say_who(vault, chosen, who, request.user) is None:
            messages.info(request, "Nothing was changed: that was so already." if chosen else "Choose somebody first.")
    return back(request, vault)


@signed_in
@require_POST
def take_apart(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """Some `scenes` of a person become a person of their own."""
    someone = person_for(request.user, person_id, Role.CONTRIBUTOR)
    with refusals_told(request):
        verbs.split(someone.vault, uuids(request.POST.getlist("scenes")), request.user)
    return back(request, someone.vault)


@signed_in
@require_POST
def undo(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    vault = vault_for(request.user, vault_id, Role.CONTRIBUTOR)
    with refusals_told(request):
        change = verbs.undo(vault, request.user)
        messages.success(request, f"Taken back: {change.deed}.")
    return back(request, vault)


@signed_in
@require_POST
def erase_now(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    """Does not wait until it is too late to take back that somebody is someone else."""
    vault = vault_for(request.user, vault_id, Role.CONTRIBUTOR)
    with refusals_told(request):
        require_unlocked(vault)
        count = erase_others(vault, request.user)
        messages.success(request, f"The pictures of {count:,} {'person' if count == 1 else 'people'} were erased for good.")
    return back(request, vault)
