"""The gate to footage and uploads: whoever may not see one is told that it is not there."""

from uuid import UUID

from django.http import Http404

from acquisition.models import Footage, Upload
from twinvault.vaults.access import owned_row_for, require_role
from twinvault.vaults.models import Role


def footage_for(user, footage_id: UUID, least: Role = Role.VIEWER) -> Footage:
    """A piece of footage with its vault (`.vault.role` set), its content and its life stage; else 404."""
    rows = Footage.objects.select_related("content__keyring", "life_stage", "added_by", "vault__subject")
    return owned_row_for(user, rows, footage_id, least)


def upload_for(user, upload_id: UUID) -> Upload:
    """An upload that this person began, while they may still contribute to its vault; else 404."""
    upload = Upload.objects.select_related("vault__keyring", "vault__subject", "life_stage").filter(id=upload_id).first()
    if upload is None or upload.user_id != user.id:
        raise Http404
    require_role(user, upload.vault_id, Role.CONTRIBUTOR)
    return upload
