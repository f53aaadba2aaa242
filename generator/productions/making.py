"""How an ordered film is made: cut into pieces, which whichever workers are free render, and joined at the end.

1. `render_film` plans the pieces, asks for help with them, and renders a preview, which is shown while the rest goes on.
2. It renders one piece after the other that nobody has taken; so does every helper (`help_render`) that a worker is free for.
3. A piece is stored encrypted as soon as it is done. A worker that dies leaves its piece to the others; if it was the first, its
successor
   goes on with the pieces that are left.
4. When all are done the first joins, signs and measures the film, and stores it. Pieces and preview are erased, however it ends.
"""

import time
from functools import cached_property
from uuid import UUID

from django.db import transaction
from django.db.models import Prefetch
from django.utils import timezone

from generator.engine.swap import Part
from generator.learning import load_embeddings
from generator.marks import missed_by
from generator.models import Twin
from generator.productions import rendering
from generator.productions.assembly import AssemblyError, join
from generator.productions.measuring import Touched
from generator.productions.models import Film, FilmPiece, FurtherPart
from generator.productions.rendering import Known, Source, looked_at
from generator.productions.services import HELP, RENDER, forget_making
from generator.productions.storyboard import Storyboard
from generator.protection.authority import signing_authority
from processing.engine.media import MediaError
from templates_library import preparation
from templates_library import services as library
from templates_library.models import TemplateRevision
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.jobs import sharing
from twinvault.jobs.services import JobRefused, JobStopped, is_held
from twinvault.vaults.consents import has_consent, why_none
from twinvault.vaults.services import NotAllowed

ASK_AGAIN_S = 0.3


def _require_still_allowed(film: Film) -> None:
    """What was true when it was ordered must still be true while it is made."""
    if Film.objects.filter(id=film.id, state=Film.State.REVOKED).exists():
        raise JobStopped
    for twin in (film.twin, *(part.twin for part in film.further.all())):
        subject = twin.vault.subject
        if not has_consent(subject, twin.life_stage, film.kind):
            raise JobRefused(f"The film was not made. {why_none(subject, twin.life_stage, film.kind)}")
        if not Twin.objects.filter(id=twin.id, state=Twin.State.READY).exists():
            raise JobRefused("The twin was retired, so the film was not made: order it with another one.")
    try:
        library.require_orderable(TemplateRevision.objects.select_related("template").get(id=film.revision_id))
    except NotAllowed as error:
        raise JobRefused(str(error)) from error


def render_film(film_id: UUID, work) -> None:
    """Job handler: makes an ordered film. What was ordered is asked for again at every report, so a withdrawal ends it, for all
    who work at it."""
    film = _film(film_id)
    if film.state != Film.State.ORDERED:
        return
    _require_still_allowed(film)
    work.report(0.0, "Opening template and twin")
    studio = _Studio(film)
    try:
        _plan(studio)
        sharing.ask_for_help(HELP, _undone(film).order_by("number"), queue="cpu", title="Help to render a film")
        began = time.monotonic()
        began += _show_preview(studio, work)
        _render_free(studio, work)
        while _undone(film).exists():
            _told(studio, work, 0.0)
            time.sleep(ASK_AGAIN_S)
            _render_free(studio, work)
        content, measures = _joined(studio, work, began)
        _require_still_allowed(film)
        _finish(film, content, measures)
    except (MediaError, AssemblyError) as error:
        raise JobRefused(str(error)) from error
    finally:
        # what a worker has done that was killed, or was taken for dead, is gone on with by its successor
        if is_held(work.job):
            forget_making(film)


def help_render(piece_id: UUID, work) -> None:
    """Job handler: renders pieces of a film that somebody else makes, too, as long as there are any."""
    piece = FilmPiece.objects.filter(id=piece_id).first()
    if piece is None or not sharing.is_worked_at(RENDER, piece.film_id):
        return
    film = _film(piece.film_id)
    _require_still_allowed(film)
    try:
        _render_free(_Studio(film), work)
    except (MediaError, AssemblyError) as error:
        raise JobRefused(str(error)) from error


_TWIN = ("weights__keyring", "identity__keyring", "life_stage", "vault__subject")


def _film(film_id: UUID) -> Film:
    further = FurtherPart.objects.select_related(*(f"twin__{name}" for name in _TWIN))
    rows = Film.objects.select_related(
        "vault__keyring",
        "vault__subject",
        *(f"twin__{name}" for name in _TWIN),
        "storyboard__keyring",
        "revision__content__keyring",
        "revision__template",
    )
    return rows.prefetch_related(Prefetch("further", further)).get(id=film_id)


class _Studio:
    """What one worker needs to render any piece of a film."""

    def __init__(self, film: Film):
        self.film, self.done = film, 0
        self.storyboard = Storyboard.from_json(objects.read(film.storyboard))
        cast = {film.role: film.twin} | {part.role: part.twin for part in film.further.all()}
        roles = {role.number: role for role in film.revision.roles.select_related("track__keyring")}
        if not cast.keys() <= roles.keys():
            raise JobRefused("A role of this video is not there any more: order the film again.")
        self.twins = list(cast.values())
        self.tracks = [preparation.load_track(roles[number]) for number in cast]
        self.sources = [_source(film.revision, track) for track in self.tracks]

    @property
    def source(self) -> Source:
        """Of the film's own twin; what is of the template as a whole is alike in all."""
        return self.sources[0]

    @cached_property
    def parts(self) -> list[Part]:
        """Whoever is drawn; it takes a moment, which a helper that comes too late is spared."""
        return [rendering.cast(objects.read(twin.weights), one) for twin, one in zip(self.twins, self.sources, strict=True)]

    @cached_property
    def known(self) -> list[Known]:
        """By whom each role is told."""
        return [
            Known(subject=load_embeddings(objects.read(twin.identity)), actor=track.embeddings)
            for twin, track in zip(self.twins, self.tracks, strict=True)
        ]

    def count(self) -> None:
        """How many frames of the template lie in pieces that are done, for telling progress."""
        ready = self.film.pieces.exclude(content=None).values_list("first", "last")
        self.done = sum(last - first for first, last in ready)

    @property
    def claims(self) -> dict[str, str]:
        """What a signature says of the film."""
        return {
            "order_id": str(self.film.id),
            "twin_version": ", ".join(str(twin.version) for twin in self.twins),
            "template_revision": str(self.film.revision_id),
        }


def _source(revision: TemplateRevision, track: preparation.Track) -> Source:
    return Source(
        open=lambda: objects.open_object(revision.content),
        landmarks=track.seen,
        present=track.present,
        rate=revision.rate,
        width=revision.width,
        height=revision.height,
        scenery=track.scenery,
        times=track.times,
    )


def _plan(studio: _Studio) -> None:
    """Makes the pieces, unless a worker that was lost has made them already."""
    film = studio.film
    if not film.pieces.exists():
        FilmPiece.objects.bulk_create(
            FilmPiece(film=film, number=number, first=first, last=last)
            for number, (first, last) in enumerate(rendering.plan(studio.source))
        )


def _undone(film: Film):
    return film.pieces.filter(content=None)


def _show_preview(studio: _Studio, work) -> float:
    """Renders the preview, unless a worker that was lost has; the seconds that it took, once parts were cast."""
    film, parts, began = studio.film, studio.parts, time.monotonic()
    if Film.objects.filter(id=film.id, preview__isnull=False).exists():
        return 0.0
    content = rendering.render_preview(
        parts,
        studio.sources,
        studio.storyboard,
        signing_authority(),
        studio.claims,
        on_progress=lambda _written: _told(studio, work, 0.0),
    )
    stored = objects.store(film.vault.keyring, "film preview", content, "video/mp4")
    if not Film.objects.filter(id=film.id, state=Film.State.ORDERED).update(preview=stored):
        objects.erase(stored)
        raise JobStopped
    return time.monotonic() - began


def _render_free(studio: _Studio, work) -> None:
    def still_wanted() -> bool:
        _require_still_allowed(studio.film)
        return sharing.is_worked_at(RENDER, studio.film.id)

    def render(piece: FilmPiece) -> None:
        try:
            _render_piece(studio, piece, work)
        finally:
            studio.count()

    sharing.work_through(_undone(studio.film), work.job.id, render, still_wanted)


def _render_piece(studio: _Studio, piece: FilmPiece, work) -> None:
    film, grip = studio.film, sharing.Grip(piece, work.job.id)

    def progress(written: int) -> None:
        _told(studio, work, written)
        if grip.keep() and not sharing.is_worked_at(RENDER, film.id):
            raise JobStopped

    rendered, touched = rendering.render_piece(
        studio.parts, studio.sources, studio.storyboard, piece.first, piece.last, on_progress=progress
    )
    stored = objects.store(film.vault.keyring, "film piece", rendering.dump_piece(rendered, touched))
    mine = FilmPiece.objects.filter(id=piece.id, taken_by=work.job.id, content=None)
    if not mine.update(content=stored, frames=rendered.frames):
        objects.erase(stored)
        raise sharing.PartLost


def _told(studio: _Studio, work, written: float) -> None:
    """Progress, if beside the pieces that are done `written` frames are. Ends the work where the film may not be made any
    more."""
    share = min(1.0, (studio.done + written) / studio.source.frames)
    if work.report(0.02 + 0.75 * share, f"Frame {round(share * studio.source.frames)} of {studio.source.frames}"):
        _require_still_allowed(studio.film)
        studio.count()


def _joined(studio: _Studio, work, began: float) -> tuple[bytes, dict]:
    film, source = studio.film, studio.source
    pieces = list(film.pieces.select_related("content__keyring"))
    chosen = [looked_at(one, studio.storyboard) for one in studio.sources]
    touched = [Touched(one) for one in chosen]

    def contents():
        for piece in pieces:
            rendered, of_piece = rendering.load_piece(objects.read(piece.content), chosen)
            for whole, part in zip(touched, of_piece, strict=True):
                whole.join(part)
            yield rendered.content

    def progress(fraction: float, message: str) -> None:
        if work.report(fraction, message):
            _require_still_allowed(film)

    with source.open() as sound:
        content = join(studio.storyboard, sound, contents(), sum(piece.frames for piece in pieces), source.rate)
    return rendering.complete(
        content,
        studio.sources,
        studio.storyboard,
        signing_authority(),
        touched,
        claims=studio.claims,
        known=studio.known,
        seconds=time.monotonic() - began,
        on_progress=progress,
    )


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
