"""Spots are spread evenly over the face, alike on both sides, and know what the face shows there."""

import numpy as np

from processing.engine.canonical import apply, canonical_face, crop_matrix, warp
from processing.engine.skin import at, read_surface, spots


def test_spots_lie_where_the_mesh_says():
    face = spots()

    assert np.allclose(face.of(canonical_face().points)[:, :2], face.flat, atol=1e-4)
    assert np.allclose(face.shares.sum(axis=1), 1, atol=1e-5)
    assert face.shares.min() > -1e-3


def test_spots_are_the_same_on_both_sides():
    face = spots()

    assert np.allclose(face.flat[face.mirror], face.flat * [-1, 1], atol=1e-4)
    for part in (face.skin, face.eyes, face.lips):
        assert (part[face.mirror] == part).all()
        assert part.sum() >= 8
    assert not (face.skin & (face.eyes | face.lips)).any()


def test_skin_is_of_one_colour_and_lips_of_another(astronaut, face_points):
    matrix = crop_matrix(face_points)
    surface = read_surface(astronaut, face_points, warp(astronaut, matrix, 192), apply(matrix, face_points))
    redness = np.log(surface.colours[:, 0] / surface.colours[:, 1])

    assert np.median(np.abs(redness[surface.skin] - np.median(redness[surface.skin]))) < 0.06
    assert np.percentile(redness[spots().lips], 80) > np.median(redness[surface.skin]) + 0.1


def test_only_spots_that_lie_in_the_picture_and_look_to_the_camera_are_seen(astronaut, face_points):
    def seen(image, points):
        matrix = crop_matrix(points)
        return read_surface(image, points, warp(image, matrix, 192), apply(matrix, points)).seen

    middle = int(face_points[4, 0])
    half = np.ascontiguousarray(astronaut[:, middle:])
    of_half = seen(half, face_points - np.array([middle, 0, 0], np.float32))

    assert seen(astronaut, face_points).mean() > 0.85
    assert of_half[spots().flat[:, 0] > 1].mean() > 0.8
    assert not of_half[spots().flat[:, 0] < -1].any()


def test_a_value_is_that_of_the_pixel_under_the_point():
    picture = np.arange(12, dtype=np.float32).reshape(3, 4)

    assert at(picture, np.array([[0, 0], [2.4, 1.4], [99, 99], [-5, 1]], np.float32)).tolist() == [0, 6, 11, 4]
