"""How an ordered film is made."""

from uuid import UUID

import numpy as np
from django.db import transaction
from django.utils import timezone

from generator.learning import load_embeddings
from generator.marks import missed_by
from generator.models import Twin
from generator.productions.assembly import AssemblyError
from generator.productions.models import Film
from generator.productions.rendering import Source, render
from generator.productions.storyboard import Storyboard
from generator.protection.authority import signing_authority
from processing.engine.media import MediaError
from templates_library import preparation
from templates_library import services as library
from templates_library.models import TemplateRevision
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.jobs.services import JobRefused, JobStopped
from twinvault.vaults.services import NotAllowed, has_consent


def _require_still_allowed(film: Film) -> None:
    """What was true when it was ordered must still be true while it is made."""
    if Film.objects.filter(id=film.id, state=Film.State.REVOKED).exists():
        raise JobStopped
    if not has_consent(film.vault.subject):
        raise JobRefused(f"The consent for {film.vault.subject.name} was withdrawn, so the film was not made.")
    if not Twin.objects.filter(id=film.twin_id, state=Twin.State.READY).exists():
        raise JobRefused("The twin was retired, so the film was not made: order it with another one.")
    try:
        library.require_orderable(TemplateRevision.objects.select_related("template").get(id=film.revision_id))
    except NotAllowed as error:
        raise JobRefused(str(error)) from error


def render_film(film_id: UUID, work) -> None:
    """Job handler: renders an ordered film. What was ordered is asked for again at every report, so a withdrawal ends it.

    1. Weights, template and storyboard are opened.
    2. The film is rendered, marked, assembled, signed and measured in memory.
    3. It is stored encrypted, and shown, or held back if it missed a mark (`generator.marks`).
    """
    film = Film.objects.select_related(
        "vault__keyring",
        "vault__subject",
        "twin__weights__keyring",
        "twin__identity__keyring",
        "twin__life_stage",
        "storyboard__keyring",
        "revision__content__keyring",
        "revision__template",
    ).get(id=film_id)
    if film.state != Film.State.ORDERED:
        return
    _require_still_allowed(film)
    work.report(0.0, "Opening template and twin")
    track = preparation.load_track(film.revision)
    landmarks = np.where(track.present[:, None, None], track.landmarks, np.nan).astype(np.float32)
    source = Source(
        open=lambda: objects.open_object(film.revision.content),
        landmarks=landmarks,
        present=track.present,
        rate=film.revision.rate,
        width=film.revision.width,
        height=film.revision.height,
    )

    def progress(fraction: float, message: str) -> None:
        if work.report(fraction, message):
            _require_still_allowed(film)

    try:
        content, measures = render(
            objects.read(film.twin.weights),
            source,
            Storyboard.from_json(objects.read(film.storyboard)),
            signing_authority(),
            claims={
                "order_id": str(film.id),
                "twin_version": str(film.twin.version),
                "template_revision": str(film.revision_id),
            },
            subject=load_embeddings(objects.read(film.twin.identity)),
            actor=track.embeddings,
            on_progress=progress,
        )
    except (MediaError, AssemblyError) as error:
        raise JobRefused(str(error)) from error
    _require_still_allowed(film)
    _finish(film, content, measures)


def _finish(film: Film, content: bytes, measures: dict) -> None:
    """Shows the film, or holds it back if it missed a mark."""
    stored = objects.store(film.vault.keyring, "film", content, "video/mp4")
    missed = missed_by(measures)
    state = Film.State.HELD if missed else Film.State.READY
    with transaction.atomic():
        made = Film.objects.filter(id=film.id, state=Film.State.ORDERED).update(
            state=state, content=stored, measures=measures, missed=missed, ready_at=timezone.now()
        )
        if made:
            record("film rendered", vault_id=film.vault_id, target=film)
        if made and missed:
            record("film held back", vault_id=film.vault_id, target=film, missed=", ".join(missed))
    if not made:
        objects.erase(stored)
        raise JobStopped
