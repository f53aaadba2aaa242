"""Sharpness and noise follow what is done to a picture, each its own."""

import cv2
import numpy as np
import pytest

from processing.engine.canonical import apply, crop_matrix, hull_mask, warp
from processing.engine.quality import NOISE_SIDE, noise, sharpness
from tests.processing.engine.test_descriptors import described


def test_sharpness_falls_with_every_blur(astronaut, face_points):
    crop = warp(astronaut, crop_matrix(face_points), 192)
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    mask = hull_mask(apply(crop_matrix(face_points), face_points)) > 127

    values = [sharpness(cv2.GaussianBlur(grey, (0, 0), blur) if blur else grey, mask) for blur in (0, 1, 2, 3, 5)]

    assert values == sorted(values, reverse=True)
    assert values[0] > 0.3
    assert values[-1] < 0.18


def test_sharpness_does_not_depend_on_the_light(astronaut, face_points):
    dim = (astronaut * 0.4).astype(np.uint8)

    assert described(dim, face_points).sharpness == pytest.approx(described(astronaut, face_points).sharpness, abs=0.04)


def test_nothing_is_neither_sharp_nor_blurred():
    grey = np.full((64, 64), 90, np.uint8)

    assert sharpness(grey, np.ones((64, 64), bool)) == 0
    assert sharpness(grey, np.zeros((64, 64), bool)) == 0


def grainy(image: np.ndarray, deviation: float) -> np.ndarray:
    """The picture with this much noise in its grey levels."""
    grain = np.random.default_rng(0).normal(0, deviation, (*image.shape[:2], 1))
    return np.clip(image + grain, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("deviation", [3, 6, 12])
def test_drawn_noise_is_measured_in_grey_levels(other_man, detector, mesh, deviation):
    points = mesh.landmarks(other_man, detector.detect(other_man)[0]).points
    own = noise(other_man, points)

    assert own < 1.5
    assert noise(grainy(other_man, deviation), points) == pytest.approx(np.hypot(own, deviation), rel=0.15)


def test_noise_is_that_of_the_face(astronaut, face_points):
    elsewhere = grainy(astronaut, 20)
    left, top = face_points[:, :2].min(axis=0).astype(int)
    right, bottom = face_points[:, :2].max(axis=0).astype(int)
    elsewhere[top:bottom, left:right] = astronaut[top:bottom, left:right]

    assert noise(elsewhere, face_points) == pytest.approx(noise(astronaut, face_points), abs=0.01)


def test_edges_are_no_noise():
    stripes = np.where(np.arange(200)[None, :, None] // 20 % 2 == 0, 40, 200) * np.ones((200, 1, 3))
    points = np.array([[20, 20, 0], [180, 180, 0]], np.float32)

    assert noise(stripes.astype(np.uint8), points) < 0.1


def test_a_blur_takes_noise_away_and_a_large_face_is_measured_in_its_middle(astronaut, face_points):
    large = cv2.resize(grainy(astronaut, 6), None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)

    assert noise(cv2.GaussianBlur(grainy(astronaut, 6), (0, 0), 2), face_points) < 1
    assert np.ptp(4 * face_points[:, 0]) > NOISE_SIDE
    assert np.isfinite(noise(large, 4 * face_points))


def test_a_face_outside_the_picture_has_no_noise(astronaut, face_points):
    assert noise(astronaut, face_points + np.float32(1000)) == 0
