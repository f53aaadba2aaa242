"""Landmarks lie on the face, follow it when it moves, and say when they cannot be trusted."""

import cv2
import numpy as np
import pytest
import skimage.data

from processing.engine.canonical import apply, canonical_face
from processing.engine.detection import Detection
from processing.engine.mesh import FaceMesh
from processing.engine.tracking import box_of


def size_of(points: np.ndarray) -> float:
    box = box_of(points)
    return float(np.sqrt(np.prod(box[2:] - box[:2])))


def turned_picture(image: np.ndarray, degrees: float, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale).astype(np.float32)
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_CUBIC), matrix


def test_there_are_468_points_on_the_face(astronaut, detector, mesh):
    (face,) = detector.detect(astronaut)

    found = mesh.landmarks(astronaut, face)

    assert found.points.shape == (468, 3)
    assert found.points.dtype == np.float32
    assert found.score > 0.9
    # the detector is another network: both see the same eyes, nose and mouth
    for point, key in ((1, 2), (13, 3)):
        assert np.linalg.norm(found.points[point, :2] - face.keypoints[key]) < 0.1 * size_of(found.points)


@pytest.mark.parametrize("degrees", [-60, -25, 25, 60])
def test_landmarks_turn_with_the_picture(astronaut, face_points, mesh, degrees):
    picture, matrix = turned_picture(astronaut, degrees)
    expected = apply(matrix, face_points)

    found = mesh.landmarks(picture, expected)

    away = np.linalg.norm(found.points[:, :2] - expected[:, :2], axis=1)
    assert away.mean() < 0.02 * size_of(face_points)


def test_landmarks_are_the_same_to_a_fraction_of_a_pixel_in_a_mirror(astronaut, face_points, mesh):
    mirrored = np.ascontiguousarray(astronaut[:, ::-1])
    expected = (face_points * [-1, 1, 1] + [astronaut.shape[1] - 1, 0, 0])[canonical_face().mirror].astype(np.float32)

    found = mesh.landmarks(mirrored, expected)

    assert np.abs(found.points[:, :2] - expected[:, :2]).mean() < 0.5


def test_a_shift_of_half_a_face_is_made_good(astronaut, face_points, mesh):
    aside = face_points + np.array([0.25 * size_of(face_points), 0, 0], np.float32)

    found = mesh.landmarks(astronaut, aside)

    assert np.linalg.norm(found.points - face_points, axis=1).mean() < 0.03 * size_of(face_points)


def test_every_frame_of_a_talking_man_has_landmarks_that_do_not_jitter(talking, detector, mesh):
    found = [mesh.landmarks(frame, detector.detect(frame)[0]) for frame in talking]

    assert min(face.score for face in found) > 0.9
    points = np.stack([face.points[:, :2] for face in found])
    # what a point does that its neighbours in time do not: 0.1 px is a thousandth of this face
    jitter = np.linalg.norm(points[1:-1] - (points[:-2] + points[2:]) / 2, axis=-1)
    assert np.median(jitter) < 0.15


def test_more_readings_jitter_less(talking, detector):
    def jitter(views: int) -> float:
        mesh = FaceMesh(views=views)
        points = np.stack([mesh.landmarks(frame, detector.detect(frame)[0]).points[:, :2] for frame in talking[:30]])
        return float(np.median(np.linalg.norm(points[1:-1] - (points[:-2] + points[2:]) / 2, axis=-1)))

    assert jitter(4) < jitter(1)


def test_a_large_face_is_read_without_aliasing(astronaut, face_points, mesh):
    large = cv2.resize(astronaut, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC)

    found = mesh.landmarks(large, face_points * 6)

    assert np.linalg.norm(found.points[:, :2] - (face_points[:, :2] + 0.5) * 6 + 0.5, axis=1).mean() < 6


def test_no_face_no_landmarks(mesh):
    cup = Detection(np.array([200, 100, 400, 300], np.float32), 0.9, np.array([[260, 160], [340, 160]] * 3, np.float32))

    found = mesh.landmarks(skimage.data.coffee(), cup)

    assert found is None or found.score < 0.5


def test_a_track_that_left_the_face_is_noticed(astronaut, face_points, mesh):
    found = mesh.landmarks(astronaut, face_points + np.array([250, 250, 0], np.float32))

    assert found is None or found.score < 0.5
