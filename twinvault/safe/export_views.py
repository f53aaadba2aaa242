"""Pages of exports: asked for with the secondary password, then downloaded by whoever has the address that this gave."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from twinvault.accounts.access import signed_in
from twinvault.audit.record import record
from twinvault.safe import exports, forms, services
from twinvault.safe.access import export_for, safe_for
from twinvault.safe.views import page
from twinvault.vaults.services import NotAllowed
from twinvault.web.ranges import ranged_response, wanted_start


@sensitive_post_parameters()
@signed_in
@require_POST
def ask(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    vault = safe_for(request.user, vault_id)
    form = forms.SecondaryPassword(request.POST, prefix="export")
    if form.is_valid():
        try:
            unlocked = services.unlock(vault, by=request.user, password=form.cleaned_data["password"])
            made, token = exports.ask(vault, unlocked, by=request.user)
        except (services.PasswordRefused, NotAllowed) as error:
            form.add_error(None, str(error))
        else:
            return redirect("export", vault.id, made.id, token)
    return page(request, vault, status=400, export_form=form)


@signed_in
@require_safe
def export(request: HttpRequest, vault_id: UUID, export_id: UUID, token: str) -> HttpResponse:
    found = export_for(request.user, vault_id, export_id, token)
    job = found.vault.jobs.filter(kind=exports.PREPARE, target_id=found.id).select_related("vault").first()
    context = {"vault": found.vault, "export": found, "token": token, "job": job, "State": exports.Export.State}
    return render(request, "safe/export.html", context)


@signed_in
@require_safe
def download(request: HttpRequest, vault_id: UUID, export_id: UUID, token: str) -> HttpResponse:
    """The ZIP, by Range: a download that broke off goes on where it was."""
    found = export_for(request.user, vault_id, export_id, token)
    try:
        reader = exports.open_zip(found)
    except exports.ExportOver as error:
        messages.error(request, str(error))
        return redirect("safe", vault_id)
    if request.method == "GET" and wanted_start(request) == 0:
        record("export downloaded", actor=request.user, vault_id=vault_id, target=found)
    name = f"twinvault-{found.asked_at:%Y-%m-%d}.zip"
    answer = ranged_response(
        request,
        reader,
        found.size,
        "application/zip",
        filename=name,
        download=True,
        etag=f'"{found.id}"',
        modified=found.asked_at,
    )
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


@signed_in
@require_POST
def end(request: HttpRequest, vault_id: UUID, export_id: UUID) -> HttpResponse:
    exports.end(export_for(request.user, vault_id, export_id), by=request.user)
    messages.success(request, "The export is ended: it cannot be downloaded any more.")
    return redirect("safe", vault_id)
