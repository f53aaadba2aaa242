"""Faults drawn onto real faces are mostly taken away again, and a good face stays as it is."""

import cv2
import numpy as np
import pytest

from processing.engine import corrections
from processing.engine.analysis import AnalysisSettings, analyse
from processing.engine.canonical import apply
from processing.engine.corrections import NONE, Corrections, measure
from processing.engine.identity import distance, embed
from processing.engine.light import linear
from processing.engine.pack import tabulate


@pytest.fixture(scope="module")
def scene(make_film, astronaut):
    """A woman before a bright and many-coloured background: (uint8 (4, 192, 192, 3) crops, their table)."""
    return seen(make_film([astronaut] * 4, codec="ffv1", container="matroska"))


@pytest.fixture(scope="module")
def warm_room(make_film, talking):
    """A man in the light of a lamp."""
    return seen(make_film(talking[:12]))


def seen(film):
    faces = list(analyse(film, AnalysisSettings(every_frame=True, max_embeddings=1, use_mtcnn=False)))
    return np.stack([face.crop for face in faces]), tabulate(faces)


def corrected(crops, found):
    return np.stack([corrections.apply(crop, found) for crop in crops])


def error(crops, truth):
    return float(np.abs(crops.astype(float) - truth).mean())


def lit(crops, *gains):
    """The crops as they would be if the light of each channel were `gains` times as strong."""
    light = np.clip(linear(crops.astype(np.float32)).astype(float) * gains, 0, 1)
    shown = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(shown * 255).astype(np.uint8)


def noisy(crops, level):
    return np.clip(crops + np.random.default_rng(1).normal(0, level, crops.shape), 0, 255).astype(np.uint8)


def blurred(crops, pixels):
    return np.stack([cv2.GaussianBlur(crop, (0, 0), pixels) for crop in crops])


def test_a_good_face_stays_as_it_is(scene):
    crops, table = scene

    found = measure(crops, table)

    assert found == NONE
    assert np.array_equal(corrections.apply(crops[0], found), crops[0])


def test_what_is_stored_is_never_changed(scene):
    crop = scene[0][0].copy()

    for found in (NONE, Corrections(red=1.2, exposure=1.5, denoise=3.0, sharpen=1.0)):
        made = corrections.apply(crop, found)
        made[:] = 0
        assert np.array_equal(crop, scene[0][0])


@pytest.mark.parametrize(
    ("fault", "left"),
    [
        (lambda crops: lit(crops, 1.35, 1.0, 0.55), 0.6),
        (lambda crops: lit(crops, 0.2, 0.2, 0.2), 0.6),
        (lambda crops: noisy(crops, 8.0), 0.5),
        (lambda crops: blurred(crops, 1.6), 0.85),
    ],
    ids=["a warm lamp", "too little light", "noise", "a soft lens"],
)
def test_a_drawn_fault_is_mostly_undone(scene, fault, left):
    """`left`: the share of the mean error that may remain."""
    crops, table = scene
    worse = fault(crops)

    found = measure(worse, table)
    better = corrected(worse, found)

    assert found != NONE
    assert error(better, crops) <= left * error(worse, crops)


@pytest.mark.parametrize(
    "fault",
    [lambda crops: lit(crops, 0.2, 0.2, 0.2), lambda crops: noisy(crops, 8.0), lambda crops: lit(crops, 1.3, 1.0, 0.6)],
    ids=["too little light", "noise", "a warm lamp"],
)
def test_what_is_corrected_once_needs_nothing_more(scene, fault):
    crops, table = scene
    better = corrected(fault(crops), measure(fault(crops), table))

    again = measure(better, table)

    assert error(corrected(better, again), better) < 0.3 * error(fault(crops), crops)


def test_the_light_of_a_lamp_is_made_more_neutral(warm_room):
    crops, table = warm_room

    found = measure(crops, table)

    assert found.blue > 1.2 > found.red
    assert (found.exposure, found.denoise, found.sharpen) == (1.0, 0.0, 0.0)


def test_no_correction_burns_a_face_out(scene):
    crops, table = scene

    for gains in [(0.15, 0.15, 0.15), (1.4, 1.0, 0.5), (0.7, 1.0, 1.5)]:
        worse = lit(crops, *gains)
        better = corrected(worse, measure(worse, table))
        assert (better >= 254).mean() <= (worse >= 254).mean() + 0.02


def test_a_dark_face_beside_something_light_is_left_dark(scene):
    """Dark skin is no lack of light: what is light beside it shows that."""
    crops, table = scene
    dark = lit(crops, 0.15, 0.15, 0.15)
    dark[:, :40, :] = 235

    assert measure(dark, table).exposure == 1.0


def test_a_corrected_face_is_still_the_same_person(warm_room):
    crops, table = warm_room
    points = apply(table.matrix[0], table.landmarks[0])

    for worse in (crops, blurred(crops, 1.6), noisy(crops, 6.0)):
        better = corrected(worse, measure(worse, table))
        assert not np.array_equal(better, worse)
        assert distance(embed(worse[0], points), embed(better[0], points)) <= 0.25


def test_sharpening_makes_no_halo(scene):
    crop = blurred(scene[0], 1.6)[0]
    luma = cv2.cvtColor(crop, cv2.COLOR_RGB2YCrCb)[..., 0]
    near = np.ones((5, 5), np.uint8)

    made = cv2.cvtColor(corrections.apply(crop, Corrections(sharpen=1.5)), cv2.COLOR_RGB2YCrCb)[..., 0].astype(int)

    # the way to RGB and back rounds by up to two levels
    assert (made <= cv2.dilate(luma, near).astype(int) + 2).mean() > 0.999
    assert (made >= cv2.erode(luma, near).astype(int) - 2).mean() > 0.999


def test_no_faces_need_nothing(scene):
    crops, table = scene
    assert measure(crops[:0], table.rows([])) == NONE
