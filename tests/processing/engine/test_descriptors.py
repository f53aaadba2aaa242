"""Descriptors mean what they say: they follow what is done to the picture, and nothing else."""

import cv2
import numpy as np
import pytest

from processing.engine import apply, canonical_face, crop_matrix, describe, head_pose, hull_mask, warp
from processing.engine.expression import eyes_closed, mouth_open
from processing.engine.hashing import difference_hash
from processing.engine.quality import sharpness


def seen_from(yaw: float = 0, pitch: float = 0, roll: float = 0) -> np.ndarray:
    """The canonical face turned by so many degrees, as landmarks in a picture."""
    y, p, r = np.deg2rad([yaw, -pitch, -roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    points = canonical_face().points @ (about_z @ about_y @ about_x).T
    return (points * [10, -10, -10] + [300, 200, 0]).astype(np.float32)


def described(image, landmarks):
    return describe(image, landmarks, warp(image, crop_matrix(landmarks), 192))


@pytest.mark.parametrize("pose", [(0, 0, 0), (30, 0, 0), (-50, 10, 0), (0, -25, 15), (20, 20, -40), (-10, 0, 90)])
def test_the_pose_is_the_turn_that_was_made(pose):
    assert np.allclose(head_pose(seen_from(*pose)), pose, atol=0.1)


def test_yaw_is_to_the_pictures_right_pitch_is_up_and_roll_is_clockwise():
    nose_to_the_right, looking_up, tilted = seen_from(yaw=30), seen_from(pitch=30), seen_from(roll=30)

    assert nose_to_the_right[4, 0] > nose_to_the_right[[234, 454], 0].mean()
    assert looking_up[4, 1] < seen_from()[4, 1]
    assert tilted[263, 1] > tilted[33, 1]


def test_a_turned_picture_changes_roll_and_nothing_else(astronaut, face_points):
    matrix = cv2.getRotationMatrix2D((256, 256), 20, 1).astype(np.float32)  # counter-clockwise
    turned = cv2.warpAffine(astronaut, matrix, (512, 512), flags=cv2.INTER_CUBIC)

    before, after = described(astronaut, face_points), described(turned, apply(matrix, face_points))

    assert after.roll - before.roll == pytest.approx(-20, abs=1)
    assert after.yaw == pytest.approx(before.yaw, abs=1)
    assert after.pitch == pytest.approx(before.pitch, abs=1)
    assert after.mouth_open == pytest.approx(before.mouth_open, abs=0.01)
    assert after.exposure == pytest.approx(before.exposure, abs=3)
    assert after.size == pytest.approx(before.size, rel=0.01)


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


def test_light_and_its_colour_are_measured(astronaut, face_points):
    usual = described(astronaut, face_points)
    dim = described((astronaut * 0.5).astype(np.uint8), face_points)
    ramp = np.linspace(0.2, 1, 512)[None, :, None]
    from_the_right = described((astronaut * ramp).astype(np.uint8), face_points)
    bluish = described((astronaut * [0.5, 0.8, 1]).astype(np.uint8), face_points)

    assert dim.exposure == pytest.approx(usual.exposure / 2, abs=2)
    assert dim.contrast == pytest.approx(usual.contrast / 2, abs=2)
    assert from_the_right.light_side > usual.light_side + 0.05
    assert bluish.red / bluish.blue < 0.6 * usual.red / usual.blue


def test_light_is_measured_on_the_face_alone(astronaut, face_points):
    mask = np.zeros(astronaut.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(face_points[:, :2]).astype(np.int32)), 1)
    mask = cv2.dilate(mask, np.ones((15, 15), np.uint8)) > 0
    elsewhere = np.where(mask[..., None], astronaut, 0).astype(np.uint8)

    assert described(elsewhere, face_points).exposure == pytest.approx(described(astronaut, face_points).exposure, abs=1)


def test_an_opened_mouth_and_shut_eyes_are_seen(face_points):
    opened, shut = face_points.copy(), face_points.copy()
    opened[[14, 87, 317, 17, 152], 1] += 25
    for upper, lower in ((159, 145), (158, 153), (160, 144), (386, 374), (385, 380), (387, 373)):
        shut[upper] = shut[lower]

    assert mouth_open(opened) > mouth_open(face_points) + 0.3
    assert eyes_closed(shut) == 1
    assert eyes_closed(face_points) < 0.5


def test_the_hash_stays_under_light_and_changes_with_the_picture(astronaut, face_points):
    grey = cv2.cvtColor(warp(astronaut, crop_matrix(face_points), 192), cv2.COLOR_RGB2GRAY)

    def bits(a: int, b: int) -> int:
        return (a ^ b).bit_count()

    assert bits(difference_hash(grey), difference_hash((grey * 0.7).astype(np.uint8))) <= 3
    assert bits(difference_hash(grey), difference_hash(np.ascontiguousarray(grey[:, ::-1]))) > 15


def test_a_face_cut_by_the_border_is_described(astronaut, face_points):
    left = int(face_points[4, 0])
    half = np.ascontiguousarray(astronaut[:, left:])

    seen = described(half, face_points - np.array([left, 0, 0], np.float32))

    assert np.isfinite([seen.exposure, seen.sharpness, seen.light_side]).all()
