"""How good the picture of a face is: sharpness and noise."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from processing.engine.arrays import Floats, Image

# This mask's answer to white noise of standard deviation 1 has standard deviation 6.
_IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
# The share of the answers that is averaged, and its mean absolute value for a standard deviation of 1.
QUIET, QUIET_MEAN = 0.7, 0.4734
# Pixels along a side in which noise is measured: enough of them for a figure, few enough for speed.
NOISE_SIDE = 128


def sharpness(grey: Image, mask: NDArray[np.bool_]) -> float:
    """How much detail a blur would still take away from the face, 0..1 (after Crete et al. 2007).

    grey: uint8 (S, S). mask: bool (S, S), where the face is. A sharp face loses most of its differences between
    neighbours when it is blurred, a face that is blurred already loses few.
    """
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(columns):
        return 0.0
    reach = 5  # pixels that the blur and the difference look beyond the mask
    part = (
        slice(max(0, rows[0] - reach), rows[-1] + 1 + reach),
        slice(max(0, columns[0] - reach), columns[-1] + 1 + reach),
    )
    luma, mask = grey[part].astype(np.float32), mask[part]
    kept, all_of_it = 0.0, 0.0
    for axis, kernel in ((0, (1, 9)), (1, (9, 1))):
        blurred = cv2.blur(luma, kernel)
        before = np.abs(np.diff(luma, axis=axis))
        after = np.abs(np.diff(blurred, axis=axis))
        inside = mask[1:] if axis == 0 else mask[:, 1:]
        all_of_it += float(before[inside].sum())
        kept += float(np.clip(before - after, 0, None)[inside].sum())
    return kept / all_of_it if all_of_it > 0 else 0.0


def noise(image: Image, landmarks: Floats) -> float:
    """Standard deviation of the noise on the face, in grey levels 0..255 of the picture's own pixels.

    image: uint8 (H, W, 3). landmarks: float32 (468, 2 or 3), its pixels. Immerkaer 1996: a mask that cancels planes
    and straight edges leaves noise. Of what it leaves only the smaller 70 % are averaged: the rest holds hair and
    lashes. Of a large face only the middle is looked at. 0 where no three pixels of the face lie in the picture.
    """
    height, width = image.shape[:2]
    low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    middle, half = (low + high) / 2, np.minimum((high - low) * 0.4, NOISE_SIDE / 2)
    left, top = np.clip(np.floor(middle - half), 0, [width, height]).astype(int)
    right, bottom = np.clip(np.ceil(middle + half), 0, [width, height]).astype(int)
    if right - left < 3 or bottom - top < 3:
        return 0.0
    grey = cv2.cvtColor(image[top:bottom, left:right], cv2.COLOR_RGB2GRAY)
    left_over = np.abs(cv2.filter2D(grey, cv2.CV_32F, _IMMERKAER)[1:-1, 1:-1]).reshape(-1)
    count = max(1, round(QUIET * left_over.size))
    quiet = np.partition(left_over, count - 1)[:count]
    return float(quiet.mean()) / (6 * QUIET_MEAN)
