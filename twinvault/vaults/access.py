"""The one gate. Every object of a vault reaches a view through here, and whoever may not see it is told that it is not there."""

from uuid import UUID

from django.http import Http404

from twinvault.vaults.models import Membership, Role, Vault


def role_in(user, vault_id: UUID) -> Role | None:
    """The person's role in a vault; None for an outsider, an inactive account, and nobody."""
    if not user.is_authenticated or not user.is_active:
        return None
    role = Membership.objects.filter(vault_id=vault_id, user=user).values_list("role", flat=True).first()
    return None if role is None else Role(role)


def require_role(user, vault_id: UUID, least: Role) -> Role:
    """The person's role if it is at least `least`, else 404: an outsider cannot tell that a vault exists."""
    role = role_in(user, vault_id)
    if role is None or role < least:
        raise Http404
    return role


def vault_for(user, vault_id: UUID, least: Role = Role.VIEWER) -> Vault:
    """The vault, with `.role` set to the person's role in it."""
    role = require_role(user, vault_id, least)
    vault = Vault.objects.select_related("keyring__archive", "subject").get(id=vault_id)
    vault.role = role
    return vault


def owned_row_for(user, rows, row_id, least: Role = Role.VIEWER):
    """A row that belongs to a vault by its `vault` field, as the person may see it; else 404.

    `rows` is a queryset; `.role` of the row's vault is set. Apps build their own gates on it.
    """
    row = rows.select_related("vault__keyring__archive").filter(id=row_id).first()
    if row is None or row.vault_id is None:
        raise Http404
    row.vault.role = require_role(user, row.vault_id, least)
    return row
