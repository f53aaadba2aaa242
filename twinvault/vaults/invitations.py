"""Invitations: a link with a random secret, for one e-mail address, that admits its person once.

An owner is never told whether an address has an account here, so there is no other way to become a member than by a link.
"""

import hashlib
import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from twinvault.accounts.mail import can_mail, mail
from twinvault.audit.record import record
from twinvault.vaults.models import Invitation, Role, Vault
from twinvault.vaults.services import NotAllowed, set_member

LASTS = timedelta(days=7)
# nobody needs more, and a stranger who opens a vault must not make this a machine that mails to everybody
MADE_A_DAY = 30

UNKNOWN = (
    "This address leads to no invitation. Perhaps a part of it was cut off on the way: open the whole link, or ask whoever sent "
    "it for another one."
)
USED = "This invitation has been used. Each one lets one person in, once: ask whoever sent it for another one."
REVOKED = "This invitation was taken back by those who made it. If you think that is a mistake, ask whoever sent it to you."
EXPIRED = f"This invitation is too old: each one holds for {LASTS.days} days. Ask whoever sent it for another one."
FOR_SOMEBODY_ELSE = (
    "This invitation is for another e-mail address than that of the account you are signed in with. If you have another account, "
    "sign out, and open the link again. If not, ask whoever sent it to invite you by the address of this account."
)


@transaction.atomic
def invite(vault: Vault, email: str, role: Role, *, by) -> tuple[Invitation, str]:
    """A new invitation and its secret, which is kept nowhere. It takes the place of an earlier one for the same address."""
    now = timezone.now()
    if Invitation.objects.filter(invited_by=by, made_at__gt=now - timedelta(days=1)).count() >= MADE_A_DAY:
        raise NotAllowed(f"You have invited {MADE_A_DAY} times within a day: go on tomorrow.")
    vault.invitations.open().filter(email__iexact=email).update(revoked_at=now)
    secret = secrets.token_urlsafe(32)
    invitation = vault.invitations.create(
        email=email, role=role, secret_digest=_digest(secret), invited_by=by, expires_at=now + LASTS
    )
    record("invitation made", actor=by, vault_id=vault.id, target=invitation, role=Role(role).label)
    return invitation, secret


def send(invitation: Invitation, link: str) -> bool:
    """Mails the link to its person, if this house sends mail; says nothing of the vault, since anybody may read a mail."""
    if not can_mail():
        return False
    words = (
        f"{invitation.invited_by.called} invites you to a family's vault on TwinVault.\n\n"
        f"Open this address to enter, until {invitation.expires_at:%d %B %Y}:\n\n{link}\n\n"
        "You will be asked to sign in, or to make an account with this e-mail address. "
        "If you do not know who this is from, you need do nothing.\n"
    )
    return mail(invitation.email, f"{invitation.invited_by.called} invites you", words)


@transaction.atomic
def revoke(invitation: Invitation, *, by) -> None:
    """Takes back one that nobody has used. NotAllowed if that is too late."""
    if not Invitation.objects.open().filter(id=invitation.id).update(revoked_at=timezone.now()):
        raise NotAllowed("This invitation does not hold any more: there is nothing to take back.")
    record("invitation revoked", actor=by, vault_id=invitation.vault_id, target=invitation)


def invitation_of(secret: str) -> Invitation | None:
    rows = Invitation.objects.select_related("vault", "invited_by")
    return rows.filter(secret_digest=_digest(secret)).first()


def why_over(invitation: Invitation) -> str:
    """One sentence, "" while it still lets somebody in. It names neither the vault nor anybody."""
    if invitation.used_at is not None:
        return USED
    if invitation.revoked_at is not None:
        return REVOKED
    return EXPIRED if invitation.expires_at <= timezone.now() else ""


def is_for(invitation: Invitation, user) -> bool:
    return invitation.email.casefold() == user.email.casefold()


@transaction.atomic
def accept(invitation: Invitation, user) -> None:
    """Makes the person a member. NotAllowed if it is over, for somebody else, or they are a member already."""
    if not is_for(invitation, user):
        raise NotAllowed(FOR_SOMEBODY_ELSE)
    if invitation.vault.memberships.filter(user=user).exists():
        raise NotAllowed("You are a member of this vault already.")
    if not Invitation.objects.open().filter(id=invitation.id).update(used_at=timezone.now(), used_by=user):
        invitation.refresh_from_db()
        raise NotAllowed(why_over(invitation))
    record("invitation accepted", actor=user, vault_id=invitation.vault_id, target=invitation)
    set_member(invitation.vault, user, Role(invitation.role), by=user)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
