"""What is learned of templates alone, and a twin that learns with one more template without a face of its subject."""

import numpy as np
import pytest
import torch
from drawn_faces import Person, faces

from generator.engine.base import train_base
from generator.engine.checkpoint import Checkpoint, load_weights
from generator.engine.config import PRESETS
from generator.engine.faceset import FaceSetError
from generator.engine.preview import rebuild
from generator.engine.quality import ssim
from generator.engine.refresh import joined, refresh, rehearse
from generator.engine.training import train

TINY = PRESETS["tiny"]
CLARA = Person((200, 160, 130), (150, 40, 40), 6)


@pytest.fixture(scope="module")
def clara():
    return faces(CLARA, 48)


@pytest.fixture(scope="module")
def refreshed(twin, bruno, clara):
    return refresh(twin.weights, clara, bruno, images=480)


def test_a_twin_that_starts_from_a_base_is_ahead_of_one_that_starts_from_nothing(anna, bruno):
    base = train_base(TINY, bruno, images=480)
    warm = train(TINY, anna, bruno, images=96, base=base.weights)
    cold = train(TINY, anna, bruno, images=96)
    assert warm.metrics["heldout_ssim_subject"] > cold.metrics["heldout_ssim_subject"]
    assert warm.metrics["heldout_ssim_library"] > cold.metrics["heldout_ssim_library"]


def test_of_the_same_person_the_subjects_decoder_is_taken_over(anna, bruno, twin):
    own = train(TINY, anna, bruno, images=16, base=twin.weights, same_person=True)
    others = train(TINY, anna, bruno, images=16, base=twin.weights)
    assert own.metrics["heldout_ssim_subject"] > others.metrics["heldout_ssim_subject"]


def test_a_refresh_reads_the_new_actor_better_and_the_old_ones_no_worse(refreshed):
    measured = refreshed.metrics
    assert measured["new_ssim_after"] > measured["new_ssim_before"] + 0.03
    assert measured["known_ssim_after"] > measured["known_ssim_before"] - 0.03
    assert measured["rehearsed_ssim"] > 0.9


def test_a_refresh_holds_the_subjects_decoder(twin, refreshed):
    before, after = load_weights(twin.weights), load_weights(refreshed.weights)
    for name, value in before.subject.state_dict().items():
        assert torch.equal(value, after.subject.state_dict()[name]), name
    moved = [not torch.equal(value, after.encoder.state_dict()[name]) for name, value in before.encoder.state_dict().items()]
    assert any(moved)


def test_a_refresh_that_was_stopped_goes_on(twin, bruno, clara):
    kept: list[bytes] = []
    steps = iter(range(100))
    refresh(twin.weights, clara, bruno, images=320, on_checkpoint=kept.append, should_stop=lambda: next(steps) >= 4)
    assert Checkpoint.from_bytes(kept[-1]).step == 4
    resumed = refresh(twin.weights, clara, bruno, images=320, checkpoint=kept[-1])
    straight = refresh(twin.weights, clara, bruno, images=320)
    assert resumed.metrics["images_seen"] == 320
    assert abs(resumed.metrics["new_ssim_after"] - straight.metrics["new_ssim_after"]) < 0.01


def test_what_is_rehearsed_is_the_subject_in_the_actors_place_and_not_the_actor(twin, bruno):
    rehearsed = rehearse(twin.weights, bruno)
    own = rebuild(load_weights(twin.weights), bruno, ("library",), torch.device("cpu"))["library"]
    likeness = [
        np.mean([ssim(a, b, None) for a, b in zip(bruno.images, drawn, strict=True)]) for drawn in (own, rehearsed.images)
    ]
    assert likeness[0] > likeness[1] + 0.03
    assert len(rehearsed) == len(bruno) and np.array_equal(rehearsed.masks, bruno.masks)


def test_sets_are_joined_with_what_both_of_them_know(anna, bruno):
    both = joined(anna, bruno)
    assert len(both) == len(anna) + len(bruno) and both.openings is not None and both.held_out is None
    with pytest.raises(FaceSetError, match="faces of the new template"):
        refresh(b"", anna.take([]), bruno, images=1)
