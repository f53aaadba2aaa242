"""Preparing an approved template: its face is followed through every frame."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from processing.engine.identity import distance, embed
from processing.engine.media import read_frames
from processing.engine.mesh import FaceMesh
from processing.engine.scenery import measure_scenery
from templates_library import preparation, queries, services
from templates_library.preparation import PREPARATION, dump_track, library_face_set, load_track
from tests.processing import clips
from tests.processing.conftest import run
from twinvault.audit.models import Entry
from twinvault.custody import objects
from twinvault.custody.models import StoredObject
from twinvault.jobs.models import Job

pytestmark = pytest.mark.django_db


def approve(template, board):
    revision = template.revisions.first()
    for member in board:
        services.review(revision, member, "approve")
    return revision


def test_a_prepared_template_has_landmarks_for_every_frame(approved, prepare):
    assert prepare(approved).state == "done"

    assert (approved.preparation, approved.frames, approved.role(0).faces) == ("ready", 48, 48)
    track = load_track(approved.role(0))
    assert track.landmarks.shape == (48, 468, 3) and track.landmarks.dtype == np.float32
    assert track.present.all()
    inside = (track.landmarks[..., 0] > 0) & (track.landmarks[..., 0] < 360)
    assert inside.mean() > 0.99
    services.require_orderable(approved)
    assert list(queries.orderable_revisions()) == [approved]


def test_the_actor_s_embeddings_know_the_actor(approved, prepare):
    prepare(approved)
    track = load_track(approved.role(0))
    frame = next(read_frames(io.BytesIO(clips.actor()))).image
    seen = embed(frame, track.landmarks[0])
    assert len(track.embeddings) >= 2
    assert max(distance(seen, known) for known in track.embeddings) < 0.5


def test_the_library_s_faces_are_the_actors_one_template_after_the_other(approved, prepare, submit, board):
    prepare(approved)
    second = approve(submit(clips.franck(), title="Another talk"), board)
    prepare(second)

    faces = library_face_set([approved, second])

    count = len(faces)
    assert count >= 0.9 * (len(load_track(approved.role(0)).offset) + len(load_track(second.role(0)).offset))
    assert faces.images.shape == (count, 192, 192, 3) and count >= 60
    assert faces.masks.shape == (count, 192, 192) and faces.landmarks.shape == (count, 468, 2)
    assert (np.diff(faces.moments) > 0).all() and np.diff(faces.moments).max() >= 60
    nose = faces.landmarks[:, 4].round().astype(int)
    assert (faces.masks[np.arange(count), nose[:, 1], nose[:, 0]] == 255).all()


def test_what_is_held_out_of_a_template_is_the_same_whatever_it_is_learned_with(approved, prepare, submit, board):
    prepare(approved)
    second = approve(submit(clips.franck(), title="Another talk"), board)
    prepare(second)

    alone, both = library_face_set([approved]), library_face_set([second, approved])

    first = slice(0, len(alone))
    np.testing.assert_array_equal(both.images[first], alone.images)
    np.testing.assert_array_equal(both.held_out[first], alone.held_out)
    assert 8 <= alone.held_out.sum() <= len(alone) / 3 and both.held_out[len(alone) :].any()
    gaps = np.abs(alone.moments[alone.held_out][:, None] - alone.moments[~alone.held_out][None])
    assert gaps.min() > 1.5 / 24, "the neighbours of what is held out are in neither part"


def test_no_revision_gives_no_faces():
    assert len(library_face_set([])) == 0


def test_the_scenery_is_kept_with_the_track(approved, prepare):
    prepare(approved)
    track = load_track(approved.role(0))

    assert approved.prepared_by == PREPARATION
    assert track.times.shape == (48,) and (np.diff(track.times) > 0).all()
    measured = measure_scenery((frame.image for frame in read_frames(io.BytesIO(clips.actor()))), track.seen, approved.rate)
    for name in ("matrix", "mean", "covariance", "lab", "grain", "sampled", "shots"):
        assert np.allclose(getattr(track.scenery, name), getattr(measured, name), atol=1e-5), name
    assert track.scenery.samples == measured.samples
    crop = track.scenery.sample(0, 96)
    assert crop.shape == (96, 96, 3) and 0.1 < track.scenery.mean[0].mean() < 0.9


def make_old(revision):
    """As an older version of the preparation left it."""
    track = load_track(revision.role(0))
    old = objects.store(revision.content.keyring, "track", dump_track(replace(track, times=None, scenery=None)))
    revision.roles.update(track=old)
    type(revision).objects.filter(id=revision.id).update(prepared_by=1)
    revision.refresh_from_db()
    return track


def test_what_an_older_version_prepared_is_used_as_it_is_and_prepared_again_by_itself(approved, prepare):
    prepare(approved)
    new = make_old(approved)
    services.require_orderable(approved)
    assert load_track(approved.role(0)).scenery is None and (load_track(approved.role(0)).landmarks == new.landmarks).all()

    services.prepare_outdated()
    services.prepare_outdated()

    assert prepare(approved).state == "done"
    assert approved.prepared_by == PREPARATION and load_track(approved.role(0)).scenery is not None
    services.prepare_outdated()
    assert not Job.objects.filter(kind="prepare_template", state="queued").exists()


def test_an_older_preparation_stays_in_use_where_it_cannot_be_done_again(approved, prepare, monkeypatch):
    prepare(approved)
    make_old(approved)
    monkeypatch.setattr(preparation, "FEWEST_FRAMES", 10_000)
    services.prepare_outdated()

    assert prepare(approved).state == "failed"

    assert approved.preparation == "ready" and approved.roles.count() == 1
    services.require_orderable(approved)
    services.prepare_outdated()
    assert not Job.objects.filter(kind="prepare_template", state="queued").exists()
    assert StoredObject.objects.filter(kind="pack").count() == 1


def test_of_two_people_the_larger_one_is_followed(submit, board, prepare):
    left = clips.pictures("franck", 0, 36)
    right = [np.pad(image[::2, ::2], ((0, 144), (0, 0), (0, 0))) for image in clips.pictures("cap13_edit2", 0, 36)]
    beside = [np.concatenate(pair, axis=1) for pair in zip(left, right, strict=True)]
    revision = approve(submit(clips.film(beside)), board)
    prepare(revision)
    track = load_track(revision.role(0))
    assert track.present.all()
    assert track.landmarks[:, :, 0].max() < 360


def test_both_of_two_people_have_a_role_and_whoever_is_seen_more_leads(submit, board, prepare):
    left, right = clips.pictures("franck", 0, 40), clips.pictures("cap13_edit2", 0, 40)
    nobody = np.zeros_like(right[0])
    beside = [
        np.concatenate([a, b if index < 30 else nobody], axis=1) for index, (a, b) in enumerate(zip(left, right, strict=True))
    ]
    revision = approve(submit(clips.film(beside)), board)

    assert prepare(revision).state == "done"

    lead, other = revision.roles.all()
    assert (lead.number, other.number) == (0, 1)
    (of_lead, of_other), middle = (load_track(role) for role in (lead, other)), left[0].shape[1]
    assert of_lead.landmarks[of_lead.present][:, :, 0].max() < middle < of_other.landmarks[of_other.present][:, :, 0].min()
    assert lead.faces == 40 and 28 <= other.faces <= 32
    for role, track in ((lead, of_lead), (other, of_other)):
        portrait = np.asarray(Image.open(io.BytesIO(objects.read(role.portrait))))
        found = FaceMesh().landmarks(portrait, np.pad(track.in_crop.mean(axis=0), ((0, 0), (0, 1))))
        assert min(distance(embed(portrait, found.points), known) for known in track.embeddings) < 0.5
    assert distance(of_lead.embeddings[0], of_other.embeddings[0]) > 0.6
    assert len(library_face_set([revision])) >= 0.9 * (len(of_lead.offset) + len(of_other.offset))


def test_a_short_gap_is_filled_and_a_long_one_is_not(submit, board, prepare):
    seen = clips.pictures("cap13_edit2", 0, 96)
    dark = np.zeros_like(seen[0])
    frames = [*seen[:24], *[dark] * 6, *seen[30:54], *[dark] * 40]
    revision = approve(submit(clips.film(frames)), board)
    prepare(revision)
    track = load_track(revision.role(0))
    assert revision.frames == len(frames) == len(track.present)
    assert track.present[:54].all()
    assert not track.present[56:].any()
    assert revision.role(0).faces == track.present.sum()


def test_a_film_that_shows_nobody_says_so_and_cannot_be_ordered(submit, board, prepare):
    wall = [np.full((240, 320, 3), 90, np.uint8)] * 30
    revision = approve(submit(clips.film(wall)), board)

    job = prepare(revision)

    assert job.state == "failed" and revision.preparation == "failed"
    assert revision.preparation_error == job.error
    assert job.error.startswith("No face was found in this template: send a film")
    assert Entry.objects.get(verb="template could not be prepared").details == {"reason": "no usable face"}
    with pytest.raises(services.NotAllowed, match="cannot be used: No face was found"):
        services.require_orderable(revision)


def test_preparing_again_takes_the_place_of_what_was_prepared(approved, prepare, board, django_capture_on_commit_callbacks):
    prepare(approved)
    role = approved.role(0)
    old = {role.track_id, role.pack_id, role.portrait_id}
    job = services.prepare_again(approved, board[0])
    assert run(job).state == "done"
    approved.refresh_from_db()
    assert not StoredObject.objects.filter(id__in=old).exists()
    assert approved.role(0) == role, "films refer to roles by their numbers"
    assert len(load_track(approved.role(0)).present) == 48


def test_only_the_board_has_it_prepared_again_and_only_once_approved(revision, charlie, board):
    with pytest.raises(services.NotAllowed, match="Only members"):
        services.prepare_again(revision, charlie)
    with pytest.raises(services.NotAllowed, match="once the board has approved"):
        services.prepare_again(revision, board[0])


def test_a_template_withdrawn_a_second_ago_is_not_prepared(approved, board):
    job = Job.objects.get(kind="prepare_template")
    services.withdraw(approved.template, board[0])
    Job.objects.filter(id=job.id).update(state="queued")
    job.refresh_from_db()
    assert "was withdrawn by the board on" in run(job).error
    approved.refresh_from_db()
    assert not approved.roles.exists() and approved.preparation == "none"


def test_a_revision_without_approval_is_not_prepared(revision):
    job = services.enqueue("prepare_template", revision.id, queue="cpu", title="too early")
    assert "once the board has approved it" in run(job).error
