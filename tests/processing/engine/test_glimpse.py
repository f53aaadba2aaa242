"""A face is guessed from eyes, nose and mouth: where it is, how large, and which way it looks."""

import numpy as np
import pytest

from processing.engine.canonical import canonical_face
from processing.engine.detection import Detection
from processing.engine.glimpse import PARTS, guess, roll
from processing.engine.pose import head_pose
from processing.engine.tracking import box_of


def turned(yaw: float, tilt: float = 0.0) -> np.ndarray:
    """The canonical face, (468, 3) pixels, with the nose to the picture's right at positive yaw, tilted clockwise."""
    x, y, z = (canonical_face().points * [9, -9, -9]).T
    a, b = np.deg2rad(yaw), np.deg2rad(tilt)
    x, z = np.cos(a) * x - np.sin(a) * z, np.sin(a) * x + np.cos(a) * z
    x, y = np.cos(b) * x - np.sin(b) * y, np.sin(b) * x + np.cos(b) * y
    return np.stack([x + 300, y + 200, z], axis=1).astype(np.float32)


def detected(points: np.ndarray) -> Detection:
    keypoints = np.stack([points[list(part), :2].mean(axis=0) for part in PARTS])
    return Detection(box_of(points), 0.9, keypoints.astype(np.float32))


@pytest.mark.parametrize("yaw", [-60, -35, 0, 20, 75])
def test_the_guess_lies_on_the_face_and_looks_its_way(yaw):
    face = turned(yaw)

    points = guess(detected(face))

    assert points.shape == (468, 3)
    assert points.dtype == np.float32
    assert head_pose(points)[0] == pytest.approx(head_pose(face)[0], abs=8)
    assert np.linalg.norm(points[:, :2] - face[:, :2], axis=1).mean() < 6
    assert np.allclose(box_of(points), box_of(face), atol=6)


@pytest.mark.parametrize("tilt", [-40, 0, 25])
@pytest.mark.parametrize("yaw", [0, 70])
def test_the_tilt_is_told_in_profile_too(yaw, tilt):
    assert np.rad2deg(roll(detected(turned(yaw, tilt)).keypoints)) == pytest.approx(tilt, abs=4)
