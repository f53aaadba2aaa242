"""Verbs on scenes: submit, revise, review, withdraw, make, revoke. How one is made is in `making`, which only workers load.

A scene has no template that the board could have approved, so the board approves the scene: two of its members, none of them an
author, the latest revision; one word against closes a revision; any one member withdraws the scene at once.
"""

from typing import BinaryIO

import cv2
import numpy as np
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from generator.models import Twin
from generator.scenes import books
from generator.scenes.configuration import Configuration, ConfigurationError
from generator.scenes.models import Clip, Scene, SceneReview, SceneRevision
from processing.engine.decoding import open_media
from processing.engine.media import MediaError
from templates_library.models import Review
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.jobs.models import Job
from twinvault.jobs.services import OPEN, enqueue, stop
from twinvault.vaults.consents import require_consent
from twinvault.vaults.models import Vault
from twinvault.vaults.reviewing import APPROVALS_NEEDED, UnderReview, require_board_member, require_may_review
from twinvault.vaults.services import NotAllowed

RENDER = "render_scene"
BACKGROUND_SIDE = 1600  # pixels; a larger picture is made smaller
_JPEG_QUALITY = 92


def read_background(source: BinaryIO, filename: str) -> bytes:
    """An uploaded picture as a JPEG of our own: decoded apart from everything else, upright, without what the file says of
    itself.

    ConfigurationError for the field `background.picture` if it cannot be one.
    """
    try:
        with open_media(source) as media:
            if media.info.kind != "image":
                raise ConfigurationError("background.picture", f"{filename} is a film: choose a picture.")
            frame = next(media.frames(max_side=BACKGROUND_SIDE))
            picture = np.array(frame.image)
    except StopIteration as error:
        raise ConfigurationError("background.picture", f"{filename} shows no picture.") from error
    except MediaError as error:
        raise ConfigurationError("background.picture", str(error)) from error
    done, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not done:
        raise RuntimeError("the background could not be written as JPEG")
    return data.tobytes()


def submit_scene(vault: Vault, *, twin: Twin, configuration: Configuration, background: bytes | None = None, by) -> Scene:
    """A scene with its first revision, waiting for the board.

    background: JPEG of `read_background`, where the configuration asks for a picture. ConfigurationError, with its field, for
    what cannot be made with this twin; NotAllowed without consent or for a twin that is not ready.
    """
    _require_makeable(vault, twin, configuration, background is not None)
    with transaction.atomic():
        # the lock holds back a second scene that would take the same number
        Vault.objects.select_for_update().get(id=vault.id)
        newest = vault.scenes.aggregate(newest=Max("number"))["newest"] or 0
        scene = Scene.objects.create(vault=vault, number=newest + 1, kind=configuration.kind, submitted_by=by)
        revision = _revision(scene, 1, twin, configuration, background, by)
        record("scene submitted", actor=by, vault_id=vault.id, target=scene, revision=str(revision.id), twin=str(twin.id))
    return scene


def revise_scene(scene: Scene, *, twin: Twin, configuration: Configuration, background: bytes | None = None, by) -> SceneRevision:
    """A new version, which starts with no approval; clips that were made of earlier ones stay.

    background: a new picture; where there is none and the configuration asks for one, the last revision's is kept.
    """
    latest = scene.revisions.select_related("background__keyring").first()
    if background is None and configuration.background.picture and latest and latest.background:
        background = objects.read(latest.background)
    _require_makeable(scene.vault, twin, configuration, background is not None)
    with transaction.atomic():
        _open_scene(scene)
        number = (scene.revisions.aggregate(newest=Max("number"))["newest"] or 0) + 1
        revision = _revision(scene, number, twin, configuration, background, by)
        Scene.objects.filter(id=scene.id).update(kind=configuration.kind)
        record("scene revised", actor=by, vault_id=scene.vault_id, target=scene, revision=str(revision.id), number=number)
    return revision


def _require_makeable(vault: Vault, twin: Twin, configuration: Configuration, has_picture: bool) -> None:
    if twin.vault_id != vault.id:
        raise ValueError("the twin is of another vault")
    require_consent(vault.subject, twin.life_stage, configuration.kind)
    if twin.state != Twin.State.READY:
        raise NotAllowed(f"{twin} is {twin.get_state_display()}: choose a twin that is ready.")
    configuration.validate()
    configuration.validate_for(books.book_of(twin).range, vault.subject.name)
    if configuration.background.picture and not has_picture:
        raise ConfigurationError("background.picture", "Choose the picture, or a colour.")


def _revision(scene: Scene, number: int, twin: Twin, configuration: Configuration, background: bytes | None, by) -> SceneRevision:
    keyring = scene.vault.keyring
    picture = background if configuration.background.picture else None
    return SceneRevision.objects.create(
        scene=scene,
        number=number,
        author=by,
        twin=twin,
        seconds=configuration.seconds,
        configuration=objects.store(keyring, "scene", configuration.to_json().encode(), "application/json"),
        background=objects.store(keyring, "background", picture, "image/jpeg") if picture else None,
    )


def _open_scene(scene: Scene) -> Scene:
    """The scene's row, locked: reviews, revisions, withdrawals and makings come one after the other. NotAllowed if withdrawn."""
    locked = Scene.objects.select_for_update().select_related("vault__subject").get(id=scene.id)
    if locked.withdrawn_at:
        raise NotAllowed(withdrawn_sentence(locked))
    return locked


def withdrawn_sentence(scene: Scene) -> str:
    return f"This scene was withdrawn on {scene.withdrawn_at:%d %B %Y}."


def is_approved(revision: SceneRevision) -> bool:
    """Two approvals and no word against, as the database says at this moment."""
    words = list(revision.reviews.values_list("decision", flat=True))
    return words.count(Review.Decision.APPROVE) >= APPROVALS_NEEDED and Review.Decision.REJECT not in words


@transaction.atomic
def review_scene(revision: SceneRevision, reviewer, decision: str, comment: str = "") -> SceneReview:
    """One board member's word on the latest revision of a scene. NotAllowed as for templates, see
    `twinvault.vaults.reviewing`."""
    decision = Review.Decision(decision)
    scene = _open_scene(revision.scene)
    words = dict(revision.reviews.values_list("reviewer_id", "decision"))
    asked = UnderReview(
        thing="scene",
        author=revision.author_id,
        submitter=scene.submitted_by_id,
        is_latest=not scene.revisions.filter(number__gt=revision.number).exists(),
        is_approved=is_approved(revision),
        is_rejected=Review.Decision.REJECT in words.values(),
        reviewers=words,
    )
    require_may_review(reviewer, asked)
    try:
        with transaction.atomic():
            given = SceneReview.objects.create(revision=revision, reviewer=reviewer, decision=decision, comment=comment)
    except IntegrityError as error:
        raise NotAllowed("You have given your word on it already.") from error
    record(f"scene revision {decision.label}", actor=reviewer, vault_id=scene.vault_id, target=revision, scene=str(scene.id))
    if is_approved(revision):
        record("scene revision approved by the board", actor=reviewer, vault_id=scene.vault_id, target=revision)
    return given


@transaction.atomic
def withdraw_scene(scene: Scene, by) -> None:
    """Any one board member ends the use of a scene at once, and so does who submitted it; work on it stops."""
    if by.pk != scene.submitted_by_id:
        require_board_member(by, "withdraw scenes of others")
    withdrawn = Scene.objects.filter(id=scene.id, withdrawn_at__isnull=True).update(withdrawn_at=timezone.now(), withdrawn_by=by)
    if withdrawn:
        record("scene withdrawn", actor=by, vault_id=scene.vault_id, target=scene)
        clips = list(Clip.objects.filter(revision__scene=scene, state=Clip.State.ORDERED).values_list("id", flat=True))
        for job in Job.objects.filter(kind=RENDER, target_id__in=clips, state__in=OPEN):
            stop(job)
    scene.refresh_from_db()


def require_allowed(revision: SceneRevision) -> None:
    """NotAllowed, with the reason, unless this revision may be made at this moment: approved, not withdrawn, consent in force,
    and the twin ready."""
    current = SceneRevision.objects.select_related("scene__vault__subject", "twin__life_stage").get(id=revision.id)
    if current.scene.withdrawn_at:
        raise NotAllowed(withdrawn_sentence(current.scene))
    if not is_approved(current):
        raise NotAllowed("The board has not approved this revision: two of its members must.")
    require_consent(current.scene.vault.subject, current.twin.life_stage, current.scene.kind)
    if current.twin.state != Twin.State.READY:
        raise NotAllowed(f"{current.twin} is {current.twin.get_state_display()}: revise the scene and choose another twin.")


@transaction.atomic
def make_clip(revision: SceneRevision, *, by) -> Clip:
    """A clip of an approved revision, queued to be rendered. NotAllowed, with the reason, where it may not be made."""
    scene = _open_scene(revision.scene)
    require_allowed(revision)
    under_way = Clip.objects.filter(revision=revision, state=Clip.State.ORDERED).first()
    if under_way and Job.objects.filter(kind=RENDER, target_id=under_way.id, state__in=OPEN).exists():
        raise NotAllowed("A clip of this revision is being made already.")
    clip = under_way or Clip.objects.create(vault=scene.vault, revision=revision, ordered_by=by)
    record("clip ordered", actor=by, vault_id=scene.vault_id, target=clip, revision=str(revision.id), twin=str(revision.twin_id))
    enqueue(RENDER, clip.id, queue="gpu", title=str(scene), vault=scene.vault, user=by)
    return clip


@transaction.atomic
def revoke_clip(clip: Clip, *, by) -> None:
    """The clip is erased and cannot be played any more; the row stays and says so."""
    # read anew: it may have been finished since
    current = Clip.objects.select_for_update(of=("self",)).select_related("content").get(id=clip.id)
    if current.state == Clip.State.REVOKED:
        return
    Clip.objects.filter(id=clip.id).update(state=Clip.State.REVOKED, content=None)
    objects.erase(current.content)
    record("clip revoked", actor=by, vault_id=clip.vault_id, target=clip)
