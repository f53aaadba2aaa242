"""Pages on who may enter a vault."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from twinvault.accounts.access import signed_in
from twinvault.accounts.mail import can_mail
from twinvault.vaults import invitations, services
from twinvault.vaults.access import vault_for
from twinvault.vaults.forms import InvitationForm, RoleForm
from twinvault.vaults.models import Role
from twinvault.vaults.views import least_role, page_with_form, status_of


@signed_in
@page_with_form
def members(request: HttpRequest, vault_id: UUID) -> HttpResponse:
    """Who may enter, and the form that invites somebody; the answer to it shows the link, this once."""
    vault = vault_for(request.user, vault_id, least_role(request, Role.OWNER))
    form = InvitationForm(vault, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            invitation, secret = invitations.invite(vault, **form.cleaned_data, by=request.user)
        except services.NotAllowed as error:
            form.add_error(None, str(error))
        else:
            link = request.build_absolute_uri(reverse("invitation", args=[secret]))
            mailed = invitations.send(invitation, link)
            return render(
                request,
                "vaults/invited.html",
                {"vault": vault, "invitation": invitation, "link": link, "mailed": mailed, "could_mail": can_mail()},
            )
    may_own = vault.role >= Role.OWNER
    context = {
        "vault": vault,
        "form": form,
        "memberships": vault.memberships.select_related("user"),
        "invitations": vault.invitations.open().select_related("invited_by") if may_own else [],
        "roles": Role.choices,
        "may_own": may_own,
    }
    return render(request, "vaults/members.html", context, status=status_of(form))


@signed_in
@require_POST
def set_role(request: HttpRequest, vault_id: UUID, membership_id: int) -> HttpResponse:
    vault = vault_for(request.user, vault_id, Role.OWNER)
    membership = get_object_or_404(vault.memberships.select_related("user"), id=membership_id)
    form = RoleForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest("role is one of: " + ", ".join(Role.labels))
    try:
        membership = services.set_member(vault, membership.user, form.cleaned_data["role"], by=request.user)
    except services.NotAllowed as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{membership.user.called} is {membership.get_role_display()} now.")
    return redirect("members", vault.id)


@signed_in
@require_POST
def remove_member(request: HttpRequest, vault_id: UUID, membership_id: int) -> HttpResponse:
    """An owner removes anybody; everybody may leave."""
    vault = vault_for(request.user, vault_id)
    membership = get_object_or_404(vault.memberships.select_related("user"), id=membership_id)
    leaving = membership.user_id == request.user.id
    if not leaving:
        vault_for(request.user, vault_id, Role.OWNER)
    try:
        services.remove_member(vault, membership, by=request.user)
    except services.NotAllowed as error:
        messages.error(request, str(error))
        return redirect("members", vault.id)
    if leaving:
        messages.success(request, f"You have left {vault.name}.")
        return redirect("dashboard")
    messages.success(request, f"{membership.user.called} may no longer enter.")
    return redirect("members", vault.id)
