"""The gate to a safe: its owners alone. An erasure outlives its vault, and then is shown to who asked for it."""

from datetime import timedelta
from uuid import UUID

from django.http import Http404
from django.utils import timezone

from twinvault.audit.models import Entry
from twinvault.audit.record import record
from twinvault.safe import exports
from twinvault.safe.models import Erasure, Export
from twinvault.vaults.access import role_in, vault_for
from twinvault.vaults.models import Role, Vault

WRONG = "wrong account password"
FREE_TRIES, COUNTED_FOR = 5, timedelta(minutes=10)


def safe_for(user, vault_id: UUID) -> Vault:
    return vault_for(user, vault_id, Role.OWNER)


def export_for(user, vault_id: UUID, export_id: UUID, token: str | None = None) -> Export:
    """An export of a vault that the person owns. With a token, it must be the one that was given to who typed the password."""
    vault = safe_for(user, vault_id)
    export = (
        Export.objects.select_related("plan__keyring", "lending__archive", "asked_by").filter(id=export_id, vault=vault).first()
    )
    if export is None or (token is not None and not exports.opens(export, token)):
        raise Http404
    export.vault = vault
    return export


def erasure_for(user, erasure_id: UUID) -> Erasure:
    erasure = Erasure.objects.select_related("asked_by").filter(id=erasure_id).first()
    if erasure is None or (erasure.asked_by_id != user.id and role_in(user, erasure.vault_id) != Role.OWNER):
        raise Http404
    return erasure


class Unproved(Exception):
    """The password of the account was wrong, or comes after too many wrong ones. The message is one sentence for the person."""


def require_proof(user, password: str, vault: Vault) -> None:
    """Asks for the account's password again, before what cannot be undone. Unproved if it is wrong.

    A stolen session must not be a place to guess it at: after a few wrong ones the next has to wait; nobody is locked out.
    """
    since = timezone.now() - COUNTED_FOR
    if Entry.objects.filter(verb=WRONG, actor=user, at__gt=since).count() >= FREE_TRIES:
        raise Unproved(f"There were {FREE_TRIES} wrong tries within {COUNTED_FOR.seconds // 60} minutes: wait a few minutes.")
    if not user.check_password(password):
        record(WRONG, actor=user, vault_id=vault.id, target=vault)
        raise Unproved("That is not the password of your account.")
