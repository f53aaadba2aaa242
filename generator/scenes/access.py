"""The gate for scenes. Members of the vault see all of a scene; the board sees its configuration and background, and no face."""

from uuid import UUID

from django.http import Http404

from generator.scenes.models import Clip, Scene, SceneRevision
from twinvault.accounts.access import require_board
from twinvault.vaults import consents
from twinvault.vaults.access import owned_row_for, require_role, role_in
from twinvault.vaults.models import Role


def scene_for(user, scene_id: UUID, least: Role = Role.VIEWER) -> Scene:
    rows = Scene.objects.select_related("vault__subject", "vault__keyring", "submitted_by", "withdrawn_by")
    return owned_row_for(user, rows, scene_id, least)


def clip_for(user, clip_id: UUID, least: Role = Role.VIEWER) -> Clip:
    rows = Clip.objects.select_related(
        "vault__subject", "revision__scene", "revision__twin__life_stage", "content__keyring", "ordered_by"
    )
    return owned_row_for(user, rows, clip_id, least)


def why_not_watch(clip: Clip, role: Role) -> str:
    """One sentence if no consent in force lets a member of this role watch it; else empty."""
    stage, kind = clip.revision.twin.life_stage, clip.revision.scene.kind
    return "" if consents.may_watch(stage.subject, stage, kind, role) else consents.why_none(stage.subject, stage, kind)


def scene_for_board(user, scene_id: UUID) -> Scene:
    """The scene, for an active member of the board; else 404, and so for a vault that is being erased."""
    require_board(user)
    rows = Scene.objects.filter(vault__memberships__isnull=False).select_related("vault__keyring", "submitted_by", "withdrawn_by")
    scene = rows.filter(id=scene_id).first()
    if scene is None:
        raise Http404
    return scene


def revision_for(user, revision_id: UUID, least: Role = Role.VIEWER) -> SceneRevision:
    """A revision with its scene and objects, for members of its vault; else 404."""
    revision = _revision(revision_id)
    require_role(user, revision.scene.vault_id, least)
    return revision


def revision_for_board(user, revision_id: UUID) -> SceneRevision:
    require_board(user)
    revision = _revision(revision_id)
    scene_for_board(user, revision.scene_id)
    return revision


def background_for(user, revision_id: UUID) -> SceneRevision:
    """A revision whose background the person may see: as a member of its vault or of the board; else 404."""
    revision = _revision(revision_id)
    if role_in(user, revision.scene.vault_id) is None:
        scene_for_board(user, revision.scene_id)
    if revision.background is None:
        raise Http404
    return revision


def _revision(revision_id: UUID) -> SceneRevision:
    rows = SceneRevision.objects.select_related(
        "scene__vault__keyring", "scene__vault__subject", "configuration__keyring", "background__keyring", "twin__life_stage"
    )
    revision = rows.filter(id=revision_id).first()
    if revision is None:
        raise Http404
    return revision
