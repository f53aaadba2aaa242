"""A film that is made in pieces: shared out, gone on with, joined; and the preview that is shown meanwhile."""

import io
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from uuid import uuid4

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone

from generator.productions import making, rendering
from generator.productions.making import help_render, render_film
from generator.productions.models import Film, FilmPiece
from generator.productions.rendering import Source, best_moment, plan
from generator.productions.services import HELP, RENDER, forget_abandoned, order_film, revoke_film
from generator.protection.authority import roots
from generator.protection.provenance import verify
from processing.engine.media import probe, read_frames
from tests.generator.productions.films import drawn_frames, pictures, template
from tests.story import STORYBOARD
from twinvault.custody import objects
from twinvault.custody.models import StoredObject
from twinvault.jobs.models import Job
from twinvault.jobs.services import JobStopped, claim, stop
from twinvault.vaults.consents import withdraw_consent
from worker.tasks import work_on
from worker.work import Work

PLAN = [(0, 14), (14, 26), (26, 40)]


@pytest.fixture
def film(story, monkeypatch) -> Film:
    """The story's film ordered once more; its template is cut as a long one would be."""
    monkeypatch.setattr(rendering, "plan", lambda source: PLAN)
    monkeypatch.setattr("worker.work.REPORT_EVERY_S", 0)
    return order_film(story.vault, twin=story.twin, revision=story.revision, storyboard=STORYBOARD, by=story.bob)


def begun(film: Film) -> Work:
    """A worker that has claimed the making of a film."""
    return Work(claim(Job.objects.get(kind=RENDER, target_id=film.id).id, worker="this test"))


def left_behind() -> int:
    return StoredObject.objects.filter(kind__in=["film piece", "film preview"]).count() + FilmPiece.objects.count()


def test_a_film_in_pieces_is_the_film_in_one(story, film):
    work_on(begun(film).job)

    film.refresh_from_db()
    assert film.state in ("ready", "held") and left_behind() == 0
    same = ("frames", "frames_with_face", "frames_swapped", "film_frames")
    assert [film.measures[name] for name in same] == [story.film.measures[name] for name in same]
    assert film.measures["background_psnr_db"] == pytest.approx(story.film.measures["background_psnr_db"], abs=0.5)
    both = (pictures(objects.read(one.content)) for one in (film, story.film))
    apart = [np.abs(a.astype(int) - b).mean() for a, b in zip(*both, strict=True)]
    assert max(apart) < 1.5
    assert {(job.state, job.vault) for job in Job.objects.filter(kind=HELP)} == {("stopped", None)}


def test_a_helper_does_its_part_and_the_piece_of_a_lost_worker_is_taken_over(story, film, monkeypatch):
    lost = {"taken_by": uuid4(), "taken_until": timezone.now() - timedelta(seconds=1)}
    for number, (first, last) in enumerate(PLAN):
        FilmPiece.objects.create(film=film, number=number, first=first, last=last, **(lost if number == 1 else {}))
    work, rendered = begun(film), []
    real = making._render_piece

    def render_piece(studio, piece, by) -> None:
        rendered.append((piece.number, "first" if by is work else "helper"))
        real(studio, piece, by)
        if by is work and piece.number == 0:
            # just then a worker is free
            job = claim(Job.objects.filter(kind=HELP).earliest("created_at").id, worker="another")
            help_render(job.target_id, Work(job))

    monkeypatch.setattr(making, "_render_piece", render_piece)
    render_film(film.id, work)

    assert rendered == [(0, "first"), (1, "helper"), (2, "helper")]
    film.refresh_from_db()
    assert film.state in ("ready", "held") and left_behind() == 0


def test_what_a_worker_that_was_lost_has_done_is_gone_on_with(story, film, monkeypatch):
    work = begun(film)

    def lose(progress: float, message: str = "") -> bool:
        if FilmPiece.objects.filter(content__isnull=False).count() == 1:
            Job.objects.filter(id=work.job.id).update(state="queued", attempts=5)
            raise JobStopped
        return True

    monkeypatch.setattr(work, "report", lose)
    with pytest.raises(JobStopped):
        render_film(film.id, work)
    kept = FilmPiece.objects.get(content__isnull=False)
    assert not FilmPiece.objects.exclude(taken_by=None).exists()

    again, rendered = begun(film), []
    real = making._render_piece
    monkeypatch.setattr(
        making, "_render_piece", lambda studio, piece, by: (rendered.append(piece.number), real(studio, piece, by))
    )
    assert work_on(again.job) is None
    assert rendered == [1, 2] and kept.number == 0 and left_behind() == 0


@pytest.mark.parametrize("how", ["stopped", "withdrawn", "revoked"])
def test_however_it_ends_nothing_is_left_of_pieces_and_preview(story, film, how):
    job = begun(film).job

    def heard(_progress: float, _message: str) -> None:
        if FilmPiece.objects.filter(content__isnull=False).exists() and not job.stop_requested:
            job.stop_requested = True
            assert left_behind() > len(PLAN)
            if how == "stopped":
                stop(job)
            elif how == "withdrawn":
                withdraw_consent(story.vault.subject.consents.get(), by=story.alice)
            else:
                revoke_film(Film.objects.get(id=film.id), by=story.alice)

    work_on(job, heard)

    job.refresh_from_db()
    assert job.state == "stopped" and left_behind() == 0
    assert not Job.objects.filter(kind=HELP, state="queued").exists()


def test_the_preview_is_shown_while_the_film_is_made(story, film, browse):
    seen = {}

    def heard(_progress: float, _message: str) -> None:
        if not seen and Film.objects.get(id=film.id).preview_id:
            page = browse(story.vera).get(reverse("film", args=[film.id])).content.decode()
            answer = browse(story.vera).get(reverse("film_preview", args=[film.id]), headers={"range": "bytes=0-"})
            seen.update(page=page, film=answer.getvalue(), outsider=browse(story.charlie).get(answer.request["PATH_INFO"]))

    assert work_on(begun(film).job, heard) is None

    assert reverse("film_preview", args=[film.id]) in seen["page"] and seen["outsider"].status_code == 404
    assert verify(seen["film"], roots()).state == "trusted"
    assert probe(io.BytesIO(seen["film"])).frames == min(story.revision.frames, round(3 * story.revision.rate))
    assert browse(story.vera).get(reverse("film_preview", args=[film.id])).status_code == 404


def test_a_preview_that_was_left_behind_is_shown_no_more(story, film, browse):
    stored = objects.store(story.vault.keyring, "film preview", b"three seconds", "video/mp4")
    Film.objects.filter(id=film.id).update(preview=stored)
    assert browse(story.vera).get(reverse("film_preview", args=[film.id])).status_code in (200, 206)
    Film.objects.filter(id=film.id).update(state="held")
    assert browse(story.vera).get(reverse("film_preview", args=[film.id])).status_code == 404


def test_what_is_left_of_a_rendering_that_nobody_goes_on_with_is_erased(story, film):
    stored = objects.store(story.vault.keyring, "film piece", b"a piece")
    FilmPiece.objects.create(film=film, number=0, first=0, last=40, content=stored)
    forget_abandoned()
    assert left_behind() == 2

    Job.objects.filter(kind=RENDER, target_id=film.id).update(state="failed")
    forget_abandoned()
    assert left_behind() == 0


def source_of(content: bytes, frames: int, landmarks=None) -> Source:
    times = np.array([frame.time for frame in read_frames(io.BytesIO(content))])
    points = np.zeros((frames, 468, 3), np.float32) if landmarks is None else landmarks
    return Source(lambda: io.BytesIO(content), points, np.ones(frames, bool), 25.0, 160, 120, times=times)


def test_a_long_template_is_cut_at_its_keyframes_and_a_stretch_is_read_exactly(monkeypatch):
    monkeypatch.setattr(rendering, "PIECE_S", 0.5)
    content = template(drawn_frames(60), keyframes=10).getvalue()
    source = source_of(content, 60)

    pieces = plan(source)

    assert len(pieces) >= 3 and pieces[0][0] == 0 and pieces[-1][1] == 60
    assert all(first % 10 == 0 and before[1] == first for before, (first, _) in pairwise(pieces))
    shorter = replace(source, landmarks=source.landmarks[:25], present=source.present[:25], times=source.times[:25])
    assert plan(shorter)[-1][1] == 25 and all(first < last for first, last in plan(shorter))
    whole = list(source.pictures())
    assert all((a == b).all() for a, b in zip(source.pictures(17, 33), whole[17:33], strict=True))
    assert plan(Source(source.open, source.landmarks, source.present, 25.0, 160, 120)) == [(0, 60)]


def test_the_preview_is_of_the_moment_in_which_the_face_is_seen_best():
    points = np.zeros((200, 468, 3), np.float32)
    size = np.where((np.arange(200) >= 90) & (np.arange(200) < 170), 60.0, 20.0)
    points[:, 152, 1] = size
    points[:, 234, 0], points[:, 454, 0] = -size, size
    points[130:, 454, 0] *= 0.2
    first, last = best_moment(source_of(template(drawn_frames(200, 32, 32)).getvalue(), 200, points))
    assert last - first == 75 and first <= 90 and last >= 130


def test_who_lost_a_piece_to_another_worker_goes_on_with_the_rest(story, film, monkeypatch):
    monkeypatch.setattr("twinvault.jobs.sharing.TAKEN_FOR", timedelta(0))
    work, lost = begun(film), []

    def heard(_progress: float, _message: str) -> None:
        piece = FilmPiece.objects.filter(number=1, taken_by=work.job.id).first()
        if piece and not lost:
            lost.append(piece)
            FilmPiece.objects.filter(id=piece.id).update(taken_by=uuid4())

    assert work_on(work.job, heard) is None
    film.refresh_from_db()
    assert lost and film.state in ("ready", "held") and left_behind() == 0
