"""Confirmed faces as arrays for learning."""

import numpy as np
import pytest

from processing import datasets, queries
from tests.processing import clips
from tests.processing.conftest import name, person_in

pytestmark = pytest.mark.django_db


def test_a_life_stage_gives_its_kept_faces_in_the_order_they_were_seen(franck, bob, stage, look_at):
    later = look_at(clips.franck(1.5, first=2400), "later.mp4")
    for footage in (franck, later):
        name(person_in(footage), "subject", bob)

    faces = datasets.face_set(stage)

    kept = queries.kept_faces(stage).count()
    assert len(faces) == kept >= 10
    assert faces.images.shape == (kept, 192, 192, 3) and faces.images.dtype == np.uint8
    assert faces.masks.shape == (kept, 192, 192)
    assert faces.landmarks.shape == (kept, 468, 2) and faces.landmarks.dtype == np.float32
    gaps = np.diff(faces.moments)
    assert (gaps > 0).all() and (gaps >= datasets.APART).sum() == 1


def test_masks_and_landmarks_lie_on_the_faces(franck, bob, stage):
    name(person_in(franck), "subject", bob)

    faces = datasets.face_set(stage)

    for mask, points in zip(faces.masks, faces.landmarks, strict=True):
        nose = points[4].round().astype(int)
        assert mask[nose[1], nose[0]] == 255
        assert 0.1 < (mask > 127).mean() < 0.7


def test_nothing_is_learned_from_before_somebody_says_who_it_is(franck, stage):
    assert len(datasets.face_set(stage)) == 0
    assert datasets.subject_embeddings(stage).shape == (0, 128)


def test_embeddings_of_the_subject_are_near_each_other(franck, bob, stage, look_at):
    for footage in (franck, look_at(clips.franck(1.5, first=2400), "later.mp4")):
        name(person_in(footage), "subject", bob)
    known = datasets.subject_embeddings(stage)
    assert len(known) >= 2 and np.isfinite(known).all()
    assert np.linalg.norm(known - known.mean(axis=0), axis=1).max() < 0.5


def test_too_few_faces_are_refused_with_what_to_do(franck, bob, stage, vault):
    with pytest.raises(datasets.NotEnoughFaces, match=r"There are 0 faces of Franck .* and 60 are needed. Add footage"):
        datasets.require_enough(stage)
    name(person_in(franck), "subject", bob)
    assert queries.kept_faces(stage).exists()


def test_faces_that_wait_are_pointed_at_when_they_would_be_enough(franck, stage, monkeypatch):
    monkeypatch.setattr(datasets, "MINIMUM_FACES", 5)
    with pytest.raises(datasets.NotEnoughFaces, match="wait until somebody says"):
        datasets.require_enough(stage)


def test_enough_faces_are_counted(franck, bob, stage, monkeypatch):
    monkeypatch.setattr(datasets, "MINIMUM_FACES", 5)
    name(person_in(franck), "subject", bob)
    assert datasets.require_enough(stage) == queries.kept_faces(stage).count()
