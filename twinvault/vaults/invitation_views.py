"""Pages on invitations: made and taken back by owners, opened by whoever has the link."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from twinvault.accounts.access import signed_in, to_sign_in
from twinvault.vaults import invitations
from twinvault.vaults.access import vault_for
from twinvault.vaults.models import Role
from twinvault.vaults.services import NotAllowed
from twinvault.vaults.views import page_with_form


@page_with_form
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """What a link opens: the way to sign in, then the door; or one sentence on why it does not open.

    The vault is named to the person who is invited alone, whoever else holds the link.
    """
    found = invitations.invitation_of(secret)
    if found is None:
        return _refuse(request, invitations.UNKNOWN, 404)
    if found.used_by_id and found.used_by_id == request.user.id:
        return redirect("vault", found.vault_id)
    if why := invitations.why_over(found):
        return _refuse(request, why, 410)
    if not request.user.is_authenticated:
        if request.method == "POST":
            return to_sign_in(request)
        return render(request, "vaults/invitation.html", {"next": request.path})
    if not invitations.is_for(found, request.user):
        return _refuse(request, invitations.FOR_SOMEBODY_ELSE, 404)
    if request.method == "POST":
        try:
            invitations.accept(found, request.user)
        except NotAllowed as error:
            return _refuse(request, str(error), 409)
        messages.success(request, f"Welcome. You are {Role(found.role).label} here.")
        return redirect("vault", found.vault_id)
    return render(request, "vaults/invitation.html", {"invitation": found})


def _refuse(request: HttpRequest, sentence: str, status: int) -> HttpResponse:
    return render(request, "vaults/invitation.html", {"sentence": sentence}, status=status)


@signed_in
@require_POST
def revoke_invitation(request: HttpRequest, vault_id: UUID, invitation_id: UUID) -> HttpResponse:
    vault = vault_for(request.user, vault_id, Role.OWNER)
    found = get_object_or_404(vault.invitations, id=invitation_id)
    try:
        invitations.revoke(found, by=request.user)
    except NotAllowed as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"The invitation of {found.email} is taken back: its link opens nothing any more.")
    return redirect("members", vault.id)
