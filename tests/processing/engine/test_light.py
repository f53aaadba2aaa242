"""Light is measured where it falls: drawn light comes back as direction, level and colour."""

import cv2
import numpy as np
import pytest
from skimage.color import lab2rgb, rgb2lab

from processing.engine.canonical import apply, crop_matrix, warp
from processing.engine.descriptors import describe
from processing.engine.light import SKIN, ambient, direction, lab, linear
from processing.engine.skin import normals, spots
from tests.processing.engine.test_descriptors import seen_from


def towards(azimuth: float, elevation: float) -> np.ndarray:
    a, e = np.deg2rad([azimuth, elevation])
    return np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])


def visible_normals(points: np.ndarray) -> np.ndarray:
    looks = spots().of(normals(points))
    return looks[spots().skin & (looks[:, 2] > 0.25)]


def relit(image: np.ndarray, gain) -> np.ndarray:
    """The picture with `gain` times its light, whose shape is that of the picture or of a colour."""
    return (255 * np.clip((image / 255.0) ** 2.2 * gain, 0, 1) ** (1 / 2.2)).astype(np.uint8)


def described(image, landmarks):
    return describe(image, landmarks, warp(image, crop_matrix(landmarks), 192))


@pytest.mark.parametrize("where", [(0, 0), (40, 10), (-60, 20), (0, 60), (20, -40), (-30, 50)])
@pytest.mark.parametrize("pose", [(0, 0, 0), (25, 0, 0), (-10, 15, 20)])
def test_the_direction_of_light_on_a_matt_face_is_found(where, pose):
    looks = visible_normals(seen_from(*pose))

    found = direction((0.5 + 0.5 * looks @ towards(*where)).astype(np.float32), looks)

    assert np.degrees(np.arccos(towards(found.azimuth, found.elevation) @ towards(*where))) < 5
    assert found.strength == pytest.approx(0.5, abs=0.05)


def test_even_light_comes_from_nowhere():
    looks = visible_normals(seen_from())

    assert direction(np.full(len(looks), 0.4, np.float32), looks).strength < 0.01


def test_hair_and_shine_hardly_turn_the_light():
    looks = visible_normals(seen_from())
    light = (0.5 + 0.5 * looks @ towards(-30, 20)).astype(np.float32)
    light[:20], light[-20:] = 0.02, 2.0

    found = direction(light, looks)

    assert np.degrees(np.arccos(towards(found.azimuth, found.elevation) @ towards(-30, 20))) < 12


def test_normals_are_those_of_a_face_that_looks_to_the_camera():
    looks = normals(seen_from())

    assert looks[4, 2] > 0.9  # the tip of the nose
    assert looks[234, 0] < -0.5  # its right cheek, on the picture's left
    assert looks[454, 0] > 0.5
    assert looks[152, 1] < -0.3  # the chin
    assert np.allclose(np.linalg.norm(looks, axis=1), 1, atol=1e-4)


def test_drawn_light_moves_the_direction_to_its_side(astronaut, face_points, other_man, detector, mesh):
    for picture, points in (
        (astronaut, face_points),
        (other_man, mesh.landmarks(other_man, detector.detect(other_man)[0]).points),
    ):
        off = (np.arange(picture.shape[1]) - points[4, 0]) / np.ptp(points[:, 0])
        usual, right, left = (
            described(relit(picture, np.clip(0.55 + slope * off, 0.1, 1)[None, :, None]), points) for slope in (0, 0.9, -0.9)
        )

        assert left.light_azimuth + 20 < usual.light_azimuth < right.light_azimuth - 20
        assert left.light_azimuth < -40
        assert left.light_side + 0.1 < usual.light_side < right.light_side - 0.1


def test_light_turns_with_the_picture(other_man, detector, mesh):
    points = mesh.landmarks(other_man, detector.detect(other_man)[0]).points
    matrix = cv2.getRotationMatrix2D((180, 144), 90, 1).astype(np.float32)  # counter-clockwise: up becomes left
    turned = cv2.warpAffine(other_man, matrix, (360, 288), borderMode=cv2.BORDER_REPLICATE)

    before, after = described(other_man, points), described(turned, apply(matrix, points))

    assert before.light_elevation > 45
    assert after.light_azimuth < -30
    assert abs(after.light_elevation) < 35
    assert after.light_strength == pytest.approx(before.light_strength, abs=0.08)


def test_dimming_changes_the_level_and_not_the_colour_or_the_direction(astronaut, face_points):
    usual, dim = described(astronaut, face_points), described(relit(astronaut, 0.4), face_points)

    assert dim.lightness < usual.lightness - 15
    assert dim.ita < usual.ita
    assert dim.lab_a == pytest.approx(usual.lab_a, abs=2)
    assert dim.lab_b == pytest.approx(usual.lab_b, abs=3)
    assert dim.light_azimuth == pytest.approx(usual.light_azimuth, abs=5)
    assert dim.light_elevation == pytest.approx(usual.light_elevation, abs=5)
    assert dim.light_strength == pytest.approx(usual.light_strength, abs=0.08)


def test_a_cast_of_colour_is_the_colour_of_the_light(astronaut, face_points):
    usual = described(astronaut, face_points)
    lamp = described(relit(astronaut, [1.0, 0.75, 0.4]), face_points)
    shade = described(relit(astronaut, [0.6, 0.75, 1.0]), face_points)
    leaves = described(relit(astronaut, [0.6, 1.0, 0.6]), face_points)

    assert shade.lab_b < usual.lab_b - 10
    assert lamp.lab_b > usual.lab_b + 15
    assert leaves.lab_a < usual.lab_a - 10


@pytest.mark.parametrize("rgb", [(255, 255, 255), (255, 0, 0), (40, 90, 200), (12, 9, 3), (177, 135, 117)])
def test_lab_is_that_of_the_standard(rgb):
    assert lab(linear(np.array(rgb, np.float32))) == pytest.approx(rgb2lab(np.array(rgb) / 255), abs=0.3)


def test_skin_as_in_daylight_is_in_neutral_light_however_dim():
    skin = np.tile(linear((255 * lab2rgb(SKIN)).astype(np.float32)), (20, 1))

    for level in (1.0, 0.3):
        seen = ambient(skin * np.float32(level))
        assert (seen.a, seen.b) == pytest.approx((0, 0), abs=1.5)


def test_skin_angle_orders_light_before_dark():
    angles = [ambient(linear(np.array([[*rgb]] * 9, np.float32))).ita for rgb in ((225, 190, 170), (190, 140, 110), (90, 60, 45))]

    assert angles == sorted(angles, reverse=True)
    assert angles[0] > 41
    assert angles[2] < -30
