"""Pages of vaults: the dashboard, a vault's overview, its life stages and its consent."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from twinvault.accounts.access import signed_in
from twinvault.custody import objects
from twinvault.vaults import ages, consents, queries, services, statements
from twinvault.vaults.access import vault_for
from twinvault.vaults.documents import send_document
from twinvault.vaults.forms import ConsentForm, LifeStageForm, NewLifeStageForm, NewVaultForm, StatementForm, VaultForm
from twinvault.vaults.models import LifeStage, Role, Vault
from twinvault.vaults.next_step import next_step
from twinvault.web.ranges import ranged_response

page_with_form = require_http_methods(["GET", "HEAD", "POST"])


def least_role(request: HttpRequest, to_change: Role) -> Role:
    """Every member may look; changing takes `to_change`."""
    return to_change if request.method == "POST" else Role.VIEWER


def status_of(form) -> int:
    return 400 if form.is_bound and form.errors else 200


@signed_in
@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    return render(request, "vaults/dashboard.html", {"cards": queries.vaults_of(request.user)})


@signed_in
@page_with_form
def new_vault(request: HttpRequest) -> HttpResponse:
    form = NewVaultForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        vault = services.open_vault(request.user, **form.cleaned_data)
        messages.success(request, f"{vault.name} is open.")
        return redirect("vault", vault.id)
    return render(request, "vaults/new_vault.html", {"form": form}, status=status_of(form))


@signed_in
@require_safe
def vault(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    vault = vault_for(request.user, vault_id)
    overview = queries.overview(vault)
    context = {
        "vault": vault,
        "overview": overview,
        "step": next_step(overview),
        "may_contribute": vault.role >= Role.CONTRIBUTOR,
        "may_own": vault.role >= Role.OWNER,
    }
    return render(request, "vaults/vault.html", context)


@signed_in
@page_with_form
def vault_details(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    vault = vault_for(request.user, vault_id, Role.OWNER)
    subject = vault.subject
    known = {"name": vault.name, "subject_name": subject.name} | {
        name: getattr(subject, name) for name in ("born", "died", "born_on", "died_on")
    }
    form = VaultForm(request.POST or None, initial=known)
    if request.method == "POST" and form.is_valid():
        services.describe_vault(vault, **form.cleaned_data, by=request.user)
        messages.success(request, "Saved.")
        _say_what_would_move(request, vault)
        return redirect("vault", vault.id)
    return render(request, "vaults/vault_details.html", {"vault": vault, "form": form}, status=status_of(form))


@signed_in
@page_with_form
def life_stages(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    """The subject's stages of life, and the form that adds one."""
    vault = vault_for(request.user, vault_id, least_role(request, Role.CONTRIBUTOR))
    form = NewLifeStageForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            stage = services.add_life_stage(vault.subject, form.cleaned_data["name"], by=request.user)
        except services.NotAllowed as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, f"{stage.name} is added.")
            return redirect("life_stages", vault.id)
    stages = list(vault.subject.life_stages.all())
    context = {
        "vault": vault,
        "form": form,
        "stages": stages,
        "gaps": ages.gaps(ages.comparable(stages, vault.subject.born, vault.subject.born_on)),
        "would_move": queries.would_move(vault),
        "may_contribute": vault.role >= Role.CONTRIBUTOR,
    }
    return render(request, "vaults/life_stages.html", context, status=status_of(form))


def _say_what_would_move(request: HttpRequest, vault: Vault) -> None:
    """Nothing moves by itself when a birth or the bounds of a stage are changed: it is shown first."""
    count = queries.would_move(Vault.objects.select_related("subject").get(id=vault.id))
    if count:
        pieces = (
            "1 piece of footage would move to another stage of life"
            if count == 1
            else (f"{count} pieces of footage would move to other stages of life")
        )
        messages.warning(request, f"By its date, {pieces}: see the timeline. Nothing has moved yet.")


@signed_in
@page_with_form
def life_stage(request: HttpRequest, vault_id: UUID, stage_id: UUID) -> HttpResponse:
    """One stage of life: what it is called, and its ages or years."""
    vault = vault_for(request.user, vault_id, Role.CONTRIBUTOR)
    stage = get_object_or_404(LifeStage, id=stage_id, subject=vault.subject)
    known = {name: getattr(stage, name) for name in ("name", "from_age", "to_age", "from_year", "to_year")}
    form = LifeStageForm(request.POST or None, initial=known)
    if request.method == "POST" and form.is_valid():
        try:
            services.describe_life_stage(stage, **form.cleaned_data, by=request.user)
        except services.NotAllowed as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, "Saved.")
            _say_what_would_move(request, vault)
            return redirect("life_stages", vault.id)
    return render(request, "vaults/life_stage.html", {"vault": vault, "stage": stage, "form": form}, status=status_of(form))


@signed_in
@require_POST
def remove_life_stage(request: HttpRequest, vault_id: UUID, stage_id: UUID) -> HttpResponse:
    vault = vault_for(request.user, vault_id, Role.CONTRIBUTOR)
    stage = get_object_or_404(LifeStage, id=stage_id, subject=vault.subject)
    try:
        services.remove_life_stage(stage, by=request.user)
    except services.NotAllowed as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{stage.name} is removed.")
    return redirect("life_stages", vault.id)


@signed_in
@page_with_form
def consent(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    """What allows the subject's face to be processed, and the form that records it."""
    vault = vault_for(request.user, vault_id, least_role(request, Role.OWNER))
    form = ConsentForm(vault.subject, request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        said = {name: value for name, value in form.cleaned_data.items() if name != "sure"}
        try:
            given = consents.record_consent(vault.subject, **said, by=request.user)
        except services.NotAllowed as error:
            form.add_error(None, str(error))
        else:
            if given.waits_for == "voice":
                return redirect("statement", vault.id, given.id)
            decides = " The editorial board decides on it." if given.waits_for else ""
            messages.success(request, f"The consent is recorded.{decides}")
            return redirect("vault", vault.id)
    context = {
        "vault": vault,
        "form": form,
        "consents": queries.consents_of(vault),
        "why_none": "" if consents.has_consent(vault.subject) else consents.why_none(vault.subject),
        "may_own": vault.role >= Role.OWNER,
    }
    return render(request, "vaults/consent.html", context, status=status_of(form))


@signed_in
@require_POST
def withdraw_consent(request: HttpRequest, vault_id: UUID, consent_id: UUID) -> HttpResponse:
    vault = vault_for(request.user, vault_id, Role.OWNER)
    consents.withdraw_consent(get_object_or_404(vault.subject.consents, id=consent_id), by=request.user)
    messages.success(
        request,
        "The consent is withdrawn, and what rested on it alone has ended.",
    )
    return redirect("consent", vault.id)


@signed_in
@require_safe
def consent_document(request: HttpRequest, vault_id: UUID, consent_id: UUID) -> HttpResponse:
    """The document that was shown for a consent, to be saved; never shown by the browser itself."""
    vault = vault_for(request.user, vault_id, Role.OWNER)
    consent = get_object_or_404(vault.subject.consents.select_related("document__keyring"), id=consent_id, document__isnull=False)
    return send_document(request, consent)


@signed_in
@page_with_form
def statement(request: HttpRequest, vault_id: UUID, consent_id: UUID) -> HttpResponse:
    """On which a living person says in person, before a camera, what was written down."""
    vault = vault_for(request.user, vault_id, Role.OWNER)
    consent = get_object_or_404(vault.subject.consents.select_related("subject__vault__keyring"), id=consent_id)
    form = StatementForm(request.POST or None, request.FILES or None, initial={"phrase": statements.phrase_of(vault)})
    if request.method == "POST" and form.is_valid():
        try:
            statements.record_statement(consent, **form.cleaned_data, by=request.user)
        except services.NotAllowed as error:
            form.add_error("recording", str(error))
        else:
            messages.success(request, "Thank you. The consent is in force.")
            return redirect("vault", vault.id)
    if consent.waits_for != "voice":
        return redirect("consent", vault.id)
    context = {"vault": vault, "consent": consent, "form": form, "phrase": statements.phrase_of(vault)}
    return render(request, "vaults/statement.html", context, status=status_of(form))


@signed_in
@require_safe
def statement_content(request: HttpRequest, vault_id: UUID, consent_id: UUID) -> HttpResponse:
    """The recording of a consent, by Range, for owners."""
    vault = vault_for(request.user, vault_id, Role.OWNER)
    recorded = vault.subject.consents.filter(recording__isnull=False).select_related("recording__keyring")
    recording = get_object_or_404(recorded, id=consent_id).recording
    return ranged_response(request, objects.open_object(recording), recording.size, recording.content_type)
