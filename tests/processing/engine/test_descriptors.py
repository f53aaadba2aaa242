"""Descriptors mean what they say: they follow what is done to the picture, and nothing else."""

import cv2
import numpy as np
import pytest

from processing.engine.canonical import apply, canonical_face, crop_matrix, warp
from processing.engine.descriptors import describe
from processing.engine.expression import eyes_closed, mouth_open
from processing.engine.hashing import difference_hash, perceptual_hash
from processing.engine.pose import head_pose


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


def test_a_mirrored_face_is_described_as_its_mirror_image(astronaut, face_points, mirrored):
    before, after = described(astronaut, face_points), described(*mirrored(astronaut, face_points))

    flipped = {"yaw": 1.5, "roll": 1.5, "light_side": 0.02, "light_azimuth": 5}
    same = {"pitch": 1.5, "size": 1, "exposure": 1, "contrast": 1, "red": 1, "green": 1, "blue": 1, "sharpness": 0.02}
    same |= {"noise": 0.1, "lightness": 0.5, "lab_a": 1, "lab_b": 1, "ita": 2, "light_elevation": 3, "light_strength": 0.06}
    same |= {"mouth_open": 0.01, "eyes_closed": 0.02, "smile": 0.02, "brows": 0.05, "occlusion": 0.03}
    for name, within in flipped.items():
        assert getattr(after, name) == pytest.approx(-getattr(before, name), abs=within), name
    for name, within in same.items():
        assert getattr(after, name) == pytest.approx(getattr(before, name), abs=within), name


def test_a_picture_twice_as_large_changes_size_and_little_else(astronaut, face_points):
    large = cv2.resize(astronaut, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)

    before, after = described(astronaut, face_points), described(large, 2 * face_points + np.float32(0.5))

    assert after.size == pytest.approx(2 * before.size, rel=0.01)
    assert after.noise < before.noise
    unchanged = {"yaw": 0.5, "pitch": 0.5, "roll": 0.5, "lightness": 0.5, "lab_a": 0.5, "lab_b": 0.5, "light_azimuth": 3}
    unchanged |= {"light_elevation": 3, "light_strength": 0.05, "smile": 0.01, "brows": 0.02, "occlusion": 0.03, "exposure": 1}
    for name, within in unchanged.items():
        assert getattr(after, name) == pytest.approx(getattr(before, name), abs=within), name


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

    for of in (difference_hash, perceptual_hash):
        assert bits(of(grey), of((grey * 0.7).astype(np.uint8))) <= 3
        assert bits(of(grey), of(cv2.GaussianBlur(grey, (0, 0), 1.5))) <= 6
        assert bits(of(grey), of(np.ascontiguousarray(grey[:, ::-1]))) > 15


def test_a_perceptual_hash_has_as_many_ones_as_noughts(astronaut):
    grey = cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY)

    for part in (grey[:192, :192], grey[100:300, 150:350], grey[:, ::-1].copy()):
        assert perceptual_hash(part).bit_count() == 32


def test_a_face_cut_by_the_border_is_described(astronaut, face_points):
    left = int(face_points[4, 0])
    half = np.ascontiguousarray(astronaut[:, left:])

    seen = described(half, face_points - np.array([left, 0, 0], np.float32))

    assert np.isfinite(list(vars(seen).values())).all()


def test_a_face_outside_the_picture_or_without_light_has_finite_measures(astronaut, face_points):
    outside = described(astronaut, face_points + np.array([700, 0, 0], np.float32))
    black = described(np.zeros_like(astronaut), face_points)
    white = described(np.full_like(astronaut, 255), face_points)

    for seen in (outside, black, white):
        assert np.isfinite(list(vars(seen).values())).all()
    assert black.light_strength == black.noise == black.lightness == 0
    assert white.lightness == pytest.approx(100, abs=0.5)
