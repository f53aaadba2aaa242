"""The gate for twins and their previews, which belong to a vault, and for house bases, which belong to the board."""

from uuid import UUID

from django.http import Http404

from generator.models import Base, BasePreview, Preview, Twin
from generator.queries import with_descent
from twinvault.vaults.access import owned_row_for, require_role
from twinvault.vaults.models import Role


def twin_for(user, twin_id: UUID, least: Role = Role.VIEWER) -> Twin:
    return owned_row_for(user, with_descent(Twin.objects.select_related("life_stage__subject")), twin_id, least)


def preview_for(user, preview_id: int) -> Preview:
    preview = Preview.objects.select_related("twin", "sheet__keyring").filter(id=preview_id).first()
    if preview is None:
        raise Http404
    require_role(user, preview.twin.vault_id, Role.VIEWER)
    return preview


def require_house(user) -> None:
    """Http404 unless the person is an active member of the editorial board, or an operator."""
    if not user.is_authenticated or not user.is_active or not (user.is_board_member or user.is_staff):
        raise Http404


def base_for(user, base_id: UUID) -> Base:
    require_house(user)
    related = "weights", "statistics__keyring", "started_from"
    base = Base.objects.select_related(*related).prefetch_related("library__template").filter(id=base_id).first()
    if base is None:
        raise Http404
    return base


def base_preview_for(user, preview_id: int) -> BasePreview:
    require_house(user)
    preview = BasePreview.objects.select_related("sheet__keyring").filter(id=preview_id).first()
    if preview is None:
        raise Http404
    return preview
