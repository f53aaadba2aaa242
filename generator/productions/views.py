"""Pages of films: order, player, download, and the page that tells whether a film is from here."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from generator.matchmaking import match
from generator.productions import queries, releasing, services
from generator.productions.access import film_for, may_watch, why_not_watch
from generator.productions.casting import CastForm
from generator.productions.forms import MatchForm, OrderForm, ReleaseForm, VerifyForm
from generator.protection.authority import roots
from generator.protection.provenance import verify as verify_film
from twinvault.accounts.access import signed_in
from twinvault.custody import objects
from twinvault.vaults.access import vault_for
from twinvault.vaults.models import Role
from twinvault.vaults.services import NotAllowed
from twinvault.web.ranges import ranged_response


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def order(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    """All films of a vault, and the form that orders one."""
    vault = vault_for(request.user, vault_id, Role.CONTRIBUTOR if request.method == "POST" else Role.VIEWER)
    form = OrderForm(vault, request.POST if request.method == "POST" else None, initial=_first_words(vault))
    valid = form.is_valid()
    chosen = form.cleaned_data.get("template") if form.is_bound else form.fields["template"].queryset.first()
    may_order = vault.role >= Role.CONTRIBUTOR
    cast = CastForm(vault, chosen, request.user, request.POST if form.is_bound else None) if chosen and may_order else None
    if valid and cast.is_valid():
        said = form.cleaned_data
        try:
            film = services.order_film(
                vault,
                twin=said["twin"],
                life_stage=said.get("life_stage"),
                revision=said["template"],
                role=cast.role,
                further=cast.further,
                storyboard=form.storyboard,
                by=request.user,
            )
        except NotAllowed as error:
            form.add_error(None, str(error))
        else:
            return redirect("film", film.id)
    context = {
        "vault": vault,
        "form": form,
        "cast": cast,
        "films": queries.films_of(vault),
        "may_order": may_order,
        "has_twin": form.fields["twin"].queryset.exists(),
        "has_template": form.fields["template"].queryset.exists(),
    }
    wrong = form.is_bound and (form.errors or (cast is not None and cast.errors))
    return render(request, "productions/order.html", context, status=400 if wrong else 200)


@signed_in
@require_safe
def roles(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    """Who plays which role of the video that is chosen, as a piece of the order page; empty where there is one role only."""
    vault = vault_for(request.user, vault_id, Role.CONTRIBUTOR)
    form = MatchForm(vault, request.GET)
    form.is_valid()
    revision = form.cleaned_data.get("template")
    cast = CastForm(vault, revision, request.user) if revision else None
    return render(request, "productions/_roles.html", {"vault": vault, "cast": cast})


@signed_in
@require_safe
def match_twin(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    """Who would appear in a video if the person leaves the choice to us, and why, as a piece of the order page."""
    vault = vault_for(request.user, vault_id, Role.CONTRIBUTOR)
    form = MatchForm(vault, request.GET)
    context = {"vault": vault}
    if form.is_valid() and form.cleaned_data["twin"] is None:
        try:
            context["match"] = match(vault, form.cleaned_data["template"], form.cleaned_data.get("life_stage"))
        except NotAllowed as error:
            context["refusal"] = str(error)
    return render(request, "productions/_match.html", context)


def _first_words(vault) -> dict:
    subject = vault.subject
    years = f"{subject.born or ''} – {subject.died}".strip() if subject.died else ""
    return {"heading": subject.name, "subheading": years}


@signed_in
@require_safe
def film(request: HttpRequest, film_id: UUID) -> HttpResponse:
    film = film_for(request.user, film_id)
    why_not = "" if film.state == film.State.REVOKED else why_not_watch(film)
    context = {
        "vault": film.vault,
        "why_not_watch": why_not,
        "film": film,
        "job": queries.job_of(film),
        "further": queries.further_of(film),
        "waits": film.state == film.State.ORDERED and film.waits_for_twins,
        "quality": queries.quality_of(film),
        "may_watch": not why_not and may_watch(film),
        "release": ReleaseForm() if film.state == film.State.HELD and film.vault.role >= Role.OWNER else None,
        "may_revoke": film.vault.role >= Role.OWNER and film.state != film.State.REVOKED,
    }
    return render(request, "productions/film.html", context)


@signed_in
@require_safe
def film_content(request: HttpRequest, film_id: UUID) -> HttpResponse:
    """The film itself, by Range. `?download=1` saves it. Owners may look at one that is held back, not save it."""
    film = film_for(request.user, film_id)
    download = "download" in request.GET
    if not may_watch(film) or (download and film.state != film.State.READY):
        raise Http404
    reader = objects.open_object(film.content)
    name = f"twinvault-{film.kind}-{film.ordered_at:%Y-%m-%d}.mp4"
    return ranged_response(request, reader, film.content.size, film.content.content_type, filename=name, download=download)


@signed_in
@require_safe
def film_preview(request: HttpRequest, film_id: UUID) -> HttpResponse:
    """Three seconds of a film that is being made, by Range; of one that was held back since, nobody sees them any more."""
    film = film_for(request.user, film_id)
    if film.preview is None or film.state != film.State.ORDERED or why_not_watch(film):
        raise Http404
    return ranged_response(request, objects.open_object(film.preview), film.preview.size, film.preview.content_type)


@signed_in
@require_GET
def film_measures(request: HttpRequest, film_id: UUID) -> JsonResponse:
    """What was measured on a film, for whoever may see it."""
    film = film_for(request.user, film_id)
    told = {"state": film.state, "missed": film.missed, "film": film.measures, "twin": film.twin.measures}
    return JsonResponse(told)


@signed_in
@require_POST
def release_film(request: HttpRequest, film_id: UUID) -> HttpResponse:
    film = film_for(request.user, film_id, Role.OWNER)
    form = ReleaseForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say why the film is let out.")
        return redirect("film", film.id)
    try:
        releasing.release_film(film, form.cleaned_data["reason"], by=request.user)
    except NotAllowed as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The film is released: everybody who may see this vault's films can watch it now.")
    return redirect("film", film.id)


@signed_in
@require_POST
def revoke_film(request: HttpRequest, film_id: UUID) -> HttpResponse:
    film = film_for(request.user, film_id, Role.OWNER)
    services.revoke_film(film, by=request.user)
    messages.success(request, "The film is revoked and erased.")
    return redirect("order", film.vault_id)


@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """Anybody who holds a clip may ask whether it is from here. Nothing of the clip is kept."""
    form = VerifyForm(request.POST, request.FILES) if request.method == "POST" else VerifyForm()
    provenance = None
    if request.method == "POST" and form.is_valid():
        provenance = verify_film(form.cleaned_data["clip"].read(), roots())
    return render(request, "productions/verify.html", {"form": form, "provenance": provenance})
