"""The mask shows the person: face and hair inside, the wall behind outside; it is small and comes back as it was."""

import cv2
import numpy as np
import pytest

from processing.engine.canonical import apply, crop_matrix, hull_mask, warp
from processing.engine.pack import PackWriter, decode_crop
from processing.engine.segmentation import MASK_SIZE, Segmenter, cut_out, decode_mask, encode_mask


@pytest.fixture(scope="module")
def segmenter():
    return Segmenter()


@pytest.fixture(scope="module")
def before_blue(other_man, detector, mesh):
    """A man before a blue wall, and his landmarks."""
    return other_man, mesh.landmarks(other_man, detector.detect(other_man)[0]).points


def test_the_face_is_inside_and_the_blue_wall_outside(segmenter, before_blue):
    image, points = before_blue
    matrix = crop_matrix(points, MASK_SIZE)
    crop = warp(image, matrix, MASK_SIZE).astype(int)
    face = hull_mask(apply(matrix, points), MASK_SIZE) > 127
    blue = (crop[..., 2] > crop[..., 0] + 60).astype(np.uint8)
    wall = cv2.erode(blue, np.ones((5, 5), np.uint8)) > 0

    mask = segmenter.mask(image, points)

    assert mask.shape == (MASK_SIZE, MASK_SIZE)
    assert mask.dtype == np.uint8
    assert wall.sum() > 500
    assert (mask[face] > 200).mean() > 0.98
    assert (mask[wall] < 80).mean() > 0.97


def test_the_mask_follows_the_face_in_a_turned_and_in_a_mirrored_picture(segmenter, before_blue, mirrored):
    image, points = before_blue
    upright = segmenter.mask(image, points).astype(int)
    matrix = cv2.getRotationMatrix2D((180, 144), 30, 1).astype(np.float32)
    turned = cv2.warpAffine(image, matrix, (360, 288), borderMode=cv2.BORDER_REPLICATE)

    assert np.abs(segmenter.mask(turned, apply(matrix, points)).astype(int) - upright).mean() < 20
    assert np.abs(segmenter.mask(*mirrored(image, points))[:, ::-1].astype(int) - upright).mean() < 12


def test_a_cut_out_crop_keeps_the_face_and_has_another_background(segmenter, before_blue):
    image, points = before_blue
    crop = warp(image, crop_matrix(points), 192)
    face = hull_mask(apply(crop_matrix(points), points)) > 127

    alone = cut_out(crop, segmenter.mask(image, points), (0, 255, 0))

    assert np.abs(alone[face].astype(int) - crop[face]).mean() < 3
    wall = crop[..., 2].astype(int) > crop[..., 0].astype(int) + 90
    assert alone[wall][:, 1].mean() > 200


def test_masks_are_small_and_come_back(segmenter, before_blue):
    mask = segmenter.mask(*before_blue)
    stored = encode_mask(mask)

    assert len(stored) < 2000
    assert np.abs(decode_mask(stored).astype(int) - mask).max() <= 9
    assert decode_mask(encode_mask(decode_mask(stored))).tolist() == decode_mask(stored).tolist()


@pytest.mark.parametrize("data", [b"", b"not a PNG"])
def test_a_damaged_mask_is_refused(data):
    with pytest.raises(ValueError, match="damaged"):
        decode_mask(data)


def test_a_mask_lies_behind_its_crop(segmenter, before_blue):
    image, points = before_blue
    crop, mask = warp(image, crop_matrix(points), 192), segmenter.mask(image, points)
    store = bytearray()
    pack = PackWriter(store.extend)

    plain = pack.add(crop)
    offset, length, mask_length = pack.add_masked(crop, mask)

    assert plain == (0, offset)
    assert offset + length + mask_length == len(store)
    assert np.abs(decode_crop(bytes(store[offset : offset + length])).astype(int) - crop).mean() < 2
    assert np.array_equal(decode_mask(bytes(store[offset + length :])), decode_mask(encode_mask(mask)))
