"""How an ordered clip is made."""

from uuid import UUID

import numpy as np
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from generator.learning import load_embeddings
from generator.productions.assembly import AssemblyError
from generator.protection.authority import signing_authority
from generator.scenes import books, services
from generator.scenes.configuration import Configuration
from generator.scenes.models import Clip, SceneRevision
from generator.scenes.rendering import render
from processing.engine.pack import decode_crop
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.jobs.services import JobRefused, JobStopped
from twinvault.vaults.services import NotAllowed


def render_scene(clip_id: UUID, work) -> None:
    """Job handler: makes an ordered clip. What was approved is asked for again at every report, so a withdrawal ends it.

    1. Weights, code book, configuration and background are opened.
    2. The clip is drawn, marked, assembled, signed and measured in memory.
    3. It is stored encrypted and shown.
    """
    clip = Clip.objects.select_related(
        "vault__keyring",
        "vault__subject",
        "revision__configuration__keyring",
        "revision__background__keyring",
        "revision__twin__weights__keyring",
        "revision__twin__identity__keyring",
    ).get(id=clip_id)
    if clip.state != Clip.State.ORDERED:
        return
    _require_still_allowed(clip)
    revision, twin = clip.revision, clip.revision.twin

    def progress(fraction: float, message: str) -> None:
        if work.report(fraction, message):
            _require_still_allowed(clip)

    progress(0.0, "Opening scene and twin")
    try:
        content, measures = render(
            objects.read(twin.weights),
            books.book_of(twin),
            Configuration.from_json(objects.read(revision.configuration)),
            background_of(revision),
            signing_authority(),
            claims={"order_id": str(clip.id), "twin_version": str(twin.version), "scene_revision": str(revision.id)},
            subject=load_embeddings(objects.read(twin.identity)),
            on_progress=progress,
        )
    except (AssemblyError, NotAllowed) as error:
        raise JobRefused(str(error)) from error
    _require_still_allowed(clip)
    _finish(clip, content, measures)


def background_of(revision: SceneRevision) -> NDArray[np.uint8] | None:
    """The background picture, uint8 (H, W, 3) RGB; None where the configuration has a colour. It is a JPEG of our own."""
    return decode_crop(objects.read(revision.background)) if revision.background else None


def _require_still_allowed(clip: Clip) -> None:
    if Clip.objects.filter(id=clip.id, state=Clip.State.REVOKED).exists():
        raise JobStopped
    try:
        services.require_allowed(clip.revision)
    except NotAllowed as error:
        raise JobRefused(f"The scene was not made. {error}") from error


def _finish(clip: Clip, content: bytes, measures: dict) -> None:
    stored = objects.store(clip.vault.keyring, "clip", content, "video/mp4")
    with transaction.atomic():
        ready = Clip.objects.filter(id=clip.id, state=Clip.State.ORDERED).update(
            state=Clip.State.READY, content=stored, measures=measures, ready_at=timezone.now()
        )
        if ready:
            record("clip rendered", vault_id=clip.vault_id, target=clip)
    if not ready:
        objects.erase(stored)
        raise JobStopped
