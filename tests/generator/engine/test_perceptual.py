"""The perceptual distance puts changes of a real picture in the order in which people would."""

import cv2
import numpy as np
import pytest
from drawn_faces import ANNA, draw
from skimage.data import astronaut

from generator.engine.perceptual import perceptual_distance

PICTURE = cv2.resize(astronaut()[0:200, 130:330], (128, 128), interpolation=cv2.INTER_AREA)


def blurred(sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(PICTURE, (0, 0), sigma)


def shifted(pixels: int) -> np.ndarray:
    return cv2.copyMakeBorder(PICTURE, 0, 0, pixels, 0, cv2.BORDER_REPLICATE)[:, :128]


def noisy(deviation: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, deviation, PICTURE.shape)
    return np.clip(PICTURE + noise, 0, 255).astype(np.uint8)


def darker() -> np.ndarray:
    return (PICTURE * 0.7).astype(np.uint8)


def another_face() -> np.ndarray:
    return draw(ANNA, 0.3, 0.0, (64, 56), 78.0, (128, 128))[0]


def away(changed: np.ndarray) -> float:
    return perceptual_distance(PICTURE[None], changed[None])


def pixels_away(changed: np.ndarray) -> float:
    return float(np.abs(changed.astype(float) - PICTURE).mean())


def test_equal_pictures_are_no_distance_apart_and_the_order_of_two_does_not_matter():
    assert away(PICTURE) == 0.0
    assert perceptual_distance(blurred(2)[None], PICTURE[None]) == pytest.approx(away(blurred(2)))


def test_more_of_a_change_is_farther():
    assert away(blurred(1)) < away(blurred(2)) < away(blurred(4))
    assert away(noisy(4)) < away(noisy(12)) < away(noisy(30))
    assert away(shifted(1)) < away(shifted(2))


@pytest.mark.parametrize(
    ("worse", "better"),
    [(blurred(1.5), shifted(2)), (blurred(1.5), darker()), (blurred(2), darker())],
    ids=["blur, shift", "slight blur, darker", "blur, darker"],
)
def test_what_people_mind_is_farther_also_where_pixels_say_the_opposite(worse, better):
    assert away(worse) > 1.3 * away(better)
    assert pixels_away(worse) < pixels_away(better)


def test_another_face_is_farther_than_a_bad_picture_of_this_one():
    assert away(another_face()) > 1.5 * max(away(blurred(4)), away(noisy(12)), away(darker()))


def test_a_batch_is_the_mean_of_its_pictures():
    others = np.stack([blurred(1), blurred(3), *[noisy(5)] * 18])
    whole = perceptual_distance(np.repeat(PICTURE[None], 20, axis=0), others)
    assert whole == pytest.approx(np.mean([away(other) for other in others]), rel=1e-4)


@pytest.mark.parametrize("shape", [(0, 64, 64, 3), (1, 20, 64, 3), (1, 64, 64)])
def test_what_cannot_be_compared_is_said(shape):
    with pytest.raises(ValueError, match="these are"):
        perceptual_distance(np.zeros(shape, np.uint8), np.zeros(shape, np.uint8))
