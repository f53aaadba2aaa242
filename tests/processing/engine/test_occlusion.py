"""What hides a face is seen; what only darkens, frames or grows on it is not."""

import cv2
import numpy as np
import pytest

from processing.engine.mesh import FaceMesh
from tests.processing.engine import occluders
from tests.processing.engine.occluders import HIDES, HIDES_NOTHING, LIMIT, occlusion


@pytest.fixture(scope="module")
def everyone():
    """Three people in thirty pictures."""
    return list(occluders.faces(every=200))


@pytest.fixture(scope="module")
def rates(everyone):
    return occluders.seen_rates(everyone, FaceMesh(), seed=3)


@pytest.mark.parametrize("thing", HIDES)
def test_most_faces_behind_something_count_as_hidden(rates, thing):
    assert rates[thing] >= (0.5 if thing in ("a hand over a cheek", "a hand over the chin") else 0.85)


@pytest.mark.parametrize("thing", HIDES_NOTHING)
def test_few_faces_behind_nothing_count_as_hidden(rates, thing):
    # of some thirty faces one is three hundredths
    assert rates[thing] <= {"a beard": 0.2, "thin frames": 0.15}.get(thing, 0.1)


def test_more_is_hidden_behind_a_mask_than_behind_a_microphone(astronaut, face_points):
    rng = np.random.default_rng(1)

    mask, microphone = (
        occlusion(draw(astronaut, face_points, rng), face_points) for draw in (occluders.mask, occluders.microphone)
    )

    assert 0.3 < mask <= 1
    assert LIMIT < microphone < mask


def test_a_mirrored_face_is_as_hidden(astronaut, face_points, mirrored):
    for drawing in (*HIDES.values(), *HIDES_NOTHING.values()):
        drawn = drawing(astronaut, face_points, np.random.default_rng(5))

        assert occlusion(*mirrored(drawn, face_points)) == pytest.approx(occlusion(drawn, face_points), abs=0.06)


def test_a_face_without_colours_can_be_free_and_hidden(astronaut, face_points):
    def old(picture):
        return np.stack([cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)] * 3, axis=-1)

    behind_glasses = occluders.dark_glasses(astronaut, face_points, np.random.default_rng(0))

    assert occlusion(old(astronaut), face_points) < LIMIT
    assert occlusion(old(behind_glasses), face_points) > LIMIT


def test_nothing_is_said_of_a_face_outside_the_picture(astronaut, face_points):
    assert occlusion(astronaut, face_points + np.array([600, 0, 0], np.float32)) == 0
