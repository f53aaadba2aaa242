import numpy as np
import pytest

from generator.protection.visible_mark import VisibleMark

SIZES = [(400, 300), (360, 288), (1280, 720), (720, 1280), (1920, 1080), (161, 121), (96, 96)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_region_lies_in_the_upper_third_of_the_frame(width, height):
    x0, y0, x1, y1 = VisibleMark(width, height).region

    assert 0 <= x0 < x1 <= width
    assert 0 <= y0 < y1 <= height / 3


@pytest.mark.parametrize(("width", "height"), [size for size in SIZES if min(size) >= 288])
def test_the_mark_leaves_the_picture(width, height):
    x0, y0, x1, y1 = VisibleMark(width, height).region

    assert (x1 - x0) * (y1 - y0) < 0.03 * width * height


@pytest.mark.parametrize("ground", [0, 90, 128, 255, "noise"])
def test_it_is_read_on_any_background(ground):
    mark = VisibleMark(400, 300)
    random = np.random.default_rng(1)
    image = random.integers(0, 256, (300, 400, 3), np.uint8) if ground == "noise" else np.full((300, 400, 3), ground, np.uint8)

    x0, y0, x1, y1 = mark.region
    label = mark.stamp(image)[y0:y1, x0:x1].mean(axis=2)

    height = y1 - y0
    middle = label[height // 4 : -(height // 4), height // 2 : -(height // 2)]
    bright, dark = np.percentile(middle, 97), np.percentile(middle, 40)
    assert bright > 200
    assert dark < 110


def test_nothing_outside_the_region_changes_and_the_frame_itself_stays():
    mark = VisibleMark(400, 300)
    image = np.random.default_rng(2).integers(0, 256, (300, 400, 3), np.uint8)
    before = image.copy()

    stamped = mark.stamp(image)

    x0, y0, x1, y1 = mark.region
    assert (stamped[y0:y1, x0:x1] != image[y0:y1, x0:x1]).any()
    stamped[y0:y1, x0:x1] = image[y0:y1, x0:x1]
    assert np.array_equal(stamped, image)
    assert np.array_equal(image, before)


def test_another_text_is_another_mark():
    image = np.zeros((300, 400, 3), np.uint8)

    assert not np.array_equal(VisibleMark(400, 300).stamp(image), VisibleMark(400, 300, "Synthetisch").stamp(image))


def test_frames_of_another_size_and_tiny_frames_are_refused():
    with pytest.raises(ValueError, match="made for 400 x 300"):
        VisibleMark(400, 300).stamp(np.zeros((400, 300, 3), np.uint8))
    with pytest.raises(ValueError, match="too small to bear the visible mark"):
        VisibleMark(64, 24)
