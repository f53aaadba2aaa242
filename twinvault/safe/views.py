"""The owner's Safe page: what is held, and what can be done with it as a whole."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from twinvault.accounts.access import signed_in
from twinvault.custody.models import Archive
from twinvault.safe import erasure, forms, queries, services
from twinvault.safe.access import Unproved, erasure_for, require_proof, safe_for
from twinvault.safe.housekeeping import due_on, with_due
from twinvault.safe.models import Erasure, Scope
from twinvault.vaults.models import Vault
from twinvault.vaults.services import NotAllowed


def page(request: HttpRequest, vault: Vault, status: int = 200, **bound) -> HttpResponse:
    """The Safe page; `bound` holds the form that was sent and is shown with what is wrong in it."""
    retention = with_due().filter(vault=vault).first()
    lines = queries.held(vault)
    context = {
        "vault": vault,
        "archive": vault.archive,
        "State": Archive.State,
        "lines": lines,
        "total": queries.total(lines),
        "sealing": queries.sealing_job(vault),
        "busy": services.work_on_sources(vault),
        "exports": queries.exports_of(vault),
        "erasures": queries.erasures_of(vault),
        "retention": retention,
        "due": due_on(retention) if retention else None,
        "seal_form": forms.SecondaryPassword(prefix="seal"),
        "unseal_form": forms.Unseal(prefix="unseal"),
        "export_form": forms.SecondaryPassword(prefix="export"),
        "retention_form": forms.RetentionForm(
            prefix="retention", initial={"action": retention.action, "days": retention.days} if retention else {"action": ""}
        ),
        "erase_form": forms.Erase(vault, prefix="erase"),
    }
    return render(request, "safe/safe.html", context | bound, status=status)


@signed_in
@require_safe
def safe(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    return page(request, safe_for(request.user, vault_id))


@sensitive_post_parameters()
@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    """Sets or changes the secondary password; the answer shows the recovery code, this once."""
    vault = safe_for(request.user, vault_id)
    changing = vault.archive is not None
    form_class = forms.ChangePassword if changing else forms.NewPassword
    form = form_class(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            if changing:
                code = services.change_password(
                    vault, said["new"], by=request.user, password=said["password"], code="" if said["password"] else said["code"]
                )
            else:
                require_proof(request.user, said["account_password"], vault)
                code = services.set_password(vault, said["new"], by=request.user)
        except Unproved as error:
            form.add_error("account_password", str(error))
        except (services.PasswordRefused, NotAllowed) as error:
            form.add_error("code" if changing and not said["password"] else None, str(error))
        else:
            return render(request, "safe/code.html", {"vault": vault, "code": code, "changed": changing})
    return render(request, "safe/password.html", {"vault": vault, "form": form}, status=400 if form.errors else 200)


def _answer(request: HttpRequest, vault: Vault, name: str, form, act: Callable[[dict], object], sentence: str) -> HttpResponse:
    """Does what a form of the Safe page asks for, and says so there; or shows the page with what is wrong in the form."""
    if form.is_valid():
        try:
            act(form.cleaned_data)
        except Unproved as error:
            form.add_error("account_password", str(error))
        except (services.PasswordRefused, NotAllowed) as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, sentence)
            return redirect("safe", vault.id)
    return page(request, vault, status=400, **{f"{name}_form": form})


@sensitive_post_parameters()
@signed_in
@require_POST
def seal(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    vault = safe_for(request.user, vault_id)
    form = forms.SecondaryPassword(request.POST, prefix="seal")

    def act(said: dict) -> None:
        services.seal(vault, by=request.user, password=said["password"])

    return _answer(request, vault, "seal", form, act, "The sources are being sealed. You may close this page; it goes on.")


@sensitive_post_parameters()
@signed_in
@require_POST
def unseal(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    vault = safe_for(request.user, vault_id)
    form = forms.Unseal(request.POST, prefix="unseal")

    def act(said: dict) -> None:
        services.unseal(vault, by=request.user, password=said["password"], hours=said["hours"])

    return _answer(request, vault, "unseal", form, act, "The safe is unsealed for a while. It closes by itself.")


@signed_in
@require_POST
def close(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    vault = safe_for(request.user, vault_id)
    services.close(vault, by=request.user)
    messages.success(request, "The safe is closed again.")
    return redirect("safe", vault.id)


@sensitive_post_parameters()
@signed_in
@require_POST
def retention(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    vault = safe_for(request.user, vault_id)
    form = forms.RetentionForm(request.POST, prefix="retention")

    def act(said: dict) -> None:
        require_proof(request.user, said["account_password"], vault)
        services.set_retention(vault, said["action"], said["days"], by=request.user)

    return _answer(request, vault, "retention", form, act, "Saved.")


@sensitive_post_parameters()
@signed_in
@require_POST
def erase(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    vault = safe_for(request.user, vault_id)
    form = forms.Erase(vault, request.POST, prefix="erase")
    if form.is_valid():
        try:
            require_proof(request.user, form.cleaned_data["account_password"], vault)
        except Unproved as error:
            form.add_error("account_password", str(error))
        else:
            asked = erasure.ask(vault, Scope(form.cleaned_data["scope"]), by=request.user)
            return redirect("erasure", asked.id)
    return page(request, vault, status=400, erase_form=form)


@signed_in
@require_safe
def receipt(request: HttpRequest, erasure_id: UUID) -> HttpResponse:
    """How far an erasure is, and what it has erased. `?lines` gives every line as text."""
    found = erasure_for(request.user, erasure_id)
    if "lines" in request.GET and found.state == Erasure.State.DONE:
        lines = (f"{line}\n" for line in found.objects_erased.order_by("object_id").iterator())
        answer = HttpResponse("".join(lines), content_type="text/plain; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="receipt-{found.id}.txt"'
        return answer
    context = {"erasure": found, "lines": queries.erased(found), "done": found.objects_erased.count()}
    return render(request, "safe/receipt.html", context)
