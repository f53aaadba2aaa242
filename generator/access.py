"""The gate for twins and their previews."""

from uuid import UUID

from django.http import Http404

from generator.models import Preview, Twin
from twinvault.vaults.access import owned_row_for, require_role
from twinvault.vaults.models import Role


def twin_for(user, twin_id: UUID, least: Role = Role.VIEWER) -> Twin:
    return owned_row_for(user, Twin.objects.select_related("life_stage__subject"), twin_id, least)


def preview_for(user, preview_id: int) -> Preview:
    preview = Preview.objects.select_related("twin", "sheet__keyring").filter(id=preview_id).first()
    if preview is None:
        raise Http404
    require_role(user, preview.twin.vault_id, Role.VIEWER)
    return preview
