"""The crop by its properties: it undoes any turn, scale and shift, and nothing jumps by half a pixel."""

import cv2
import numpy as np
import pytest

from processing.engine import canonical
from processing.engine.canonical import CROP_SIZE, apply, canonical_face, crop_matrix, hull_mask, invert, warp


def turned(degrees: float, scale: float, x: float, y: float) -> np.ndarray:
    c, s = np.cos(np.deg2rad(degrees)) * scale, np.sin(np.deg2rad(degrees)) * scale
    return np.array([[c, -s, x], [s, c, y]], np.float32)


@pytest.fixture
def frontal():
    """The canonical face seen from the front, 10 pixels a centimetre, in a picture's axes."""
    points = canonical_face().points * np.array([10, -10, -10], np.float32)
    return points + np.array([200, 150, 0], np.float32)


def test_the_canonical_face_is_whole_and_symmetrical():
    face = canonical_face()

    assert face.points.shape == (468, 3)
    assert face.triangles.shape == (898, 3)
    assert sorted(face.mirror) == list(range(468))
    assert np.allclose(face.points[face.mirror] * [-1, 1, 1], face.points, atol=1e-4)
    assert face.weights.sum() == pytest.approx(1)
    assert np.allclose(face.weights[face.mirror], face.weights)


@pytest.mark.parametrize("motion", [(0, 1, 0, 0), (30, 1, 5, -7), (-75, 0.4, 100, 20), (180, 3, -50, 400)])
def test_similarity_finds_the_motion_that_was_made(frontal, motion):
    made = turned(*motion)

    found = canonical.similarity(frontal[:, :2], apply(made, frontal[:, :2]))

    assert np.allclose(found, made, atol=1e-2)


def test_similarity_never_mirrors(frontal):
    mirrored = frontal[:, :2] * [-1, 1]

    found = canonical.similarity(frontal[:, :2], mirrored.astype(np.float32))

    assert np.linalg.det(found[:, :2]) > 0


@pytest.mark.parametrize("motion", [(0, 1, 0, 0), (40, 0.7, 30, 10), (-90, 2.5, 0, 900)])
def test_a_face_lies_the_same_in_its_crop_however_it_lay_in_the_picture(frontal, motion):
    straight = apply(crop_matrix(frontal), frontal)
    moved = apply(turned(*motion), frontal)

    assert np.allclose(apply(crop_matrix(moved), moved), straight, atol=0.05)


def test_the_crop_holds_the_face_with_room_round_it(frontal):
    in_crop = apply(crop_matrix(frontal), frontal) / CROP_SIZE

    chin, brows, left, right = in_crop[152, 1], in_crop[[105, 334], 1], in_crop[234, 0], in_crop[454, 0]
    assert 0.8 < chin < 0.92
    assert (brows > 0.12).all()
    assert left > 0.08
    assert right < 0.92
    assert left + right == pytest.approx(1, abs=0.01)


def test_a_crop_of_half_the_pixels_is_the_crop_halved(astronaut, face_points):
    large = warp(astronaut, crop_matrix(face_points, 192), 192)
    small = warp(astronaut, crop_matrix(face_points, 96), 96)

    halved = cv2.resize(large, (96, 96), interpolation=cv2.INTER_AREA)

    assert np.abs(halved.astype(int) - small).mean() < 4


def test_coverage_widens_the_crop_round_the_same_centre(frontal):
    middle = np.array([[95.5, 95.5]], np.float32)
    standard, wide = crop_matrix(frontal, 192), crop_matrix(frontal, 192, 1.5)

    assert np.allclose(apply(invert(standard), middle), apply(invert(wide), middle), atol=0.05)
    assert np.linalg.norm(standard[0, :2]) == pytest.approx(1.5 * np.linalg.norm(wide[0, :2]), rel=1e-3)


def test_there_and_back_again(frontal):
    matrix = crop_matrix(frontal)

    assert np.allclose(apply(invert(matrix), apply(matrix, frontal)), frontal, atol=0.01)


@pytest.mark.parametrize("size", [24, 48, 96, 192, 384])
def test_a_warp_puts_a_spot_where_its_matrix_says_at_every_scale(size):
    # one soft white spot in the picture; its centre of mass is found again in the crop
    y, x = np.mgrid[:800, :800]
    picture = (255 * np.exp(-((x - 431.3) ** 2 + (y - 377.8) ** 2) / (2 * 40**2))).astype(np.uint8)
    matrix = turned(17, size / 600, -0.1 * size, -0.15 * size)

    crop = warp(picture, matrix, size).astype(float)

    grid = np.mgrid[:size, :size]
    centre = [(crop * grid[1]).sum() / crop.sum(), (crop * grid[0]).sum() / crop.sum()]
    assert np.allclose(centre, apply(matrix, np.array([[431.3, 377.8]], np.float32))[0], atol=0.12)


def test_a_warp_far_down_does_not_alias():
    chequered = ((np.indices((1024, 1024)).sum(axis=0) % 2) * 255).astype(np.uint8)

    crop = warp(chequered, turned(0, 0.05, 0, 0), 40)

    assert np.abs(crop.astype(int) - 127).max() < 12


def test_a_warp_beyond_the_picture_repeats_its_border():
    picture = np.full((50, 50, 3), 90, np.uint8)

    assert (warp(picture, turned(0, 0.5, 40, 40), 64) == 90).all()
    assert (warp(picture, turned(0, 0.2, 500, 500), 64) == 90).all()


def test_the_hull_covers_the_features_and_leaves_the_corners(frontal):
    in_crop = apply(crop_matrix(frontal), frontal)

    mask = hull_mask(in_crop)

    assert mask.shape == (CROP_SIZE, CROP_SIZE)
    assert mask.dtype == np.uint8
    for point in (4, 33, 263, 61, 291, 105, 334):
        x, y = np.round(in_crop[point, :2]).astype(int)
        assert mask[y, x] == 255
    assert (mask[[0, 0, -1, -1], [0, -1, 0, -1]] == 0).all()
    assert not mask[0].any()
    assert not mask[-1].any()
    assert 0.3 < (mask > 127).mean() < 0.65


def test_the_hull_of_a_mirrored_face_is_the_mirrored_hull(frontal):
    in_crop = apply(crop_matrix(frontal), frontal)
    mirrored = (in_crop * [-1, 1, 1] + [CROP_SIZE - 1, 0, 0])[canonical_face().mirror].astype(np.float32)

    assert (hull_mask(mirrored) != hull_mask(in_crop)[:, ::-1]).mean() < 0.01
