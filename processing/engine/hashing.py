"""Hashes by which pictures that look alike are found: few bits differ between them."""

from __future__ import annotations

import cv2
import numpy as np

from processing.engine.arrays import Image


def difference_hash(grey: Image) -> int:
    """64 bits, each says whether one of 8x8 fields is darker than its right neighbour. grey: uint8 (S, S)."""
    fields = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA)
    return _number(fields[:, 1:] > fields[:, :-1])


def perceptual_hash(grey: Image) -> int:
    """64 bits, each says whether one of the 8x8 lowest waves of the picture is over their median (Zauner 2010).

    grey: uint8 (S, S). The waves are those of the cosine transform of the picture at 32x32; its mean is left out.
    """
    fields = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    waves = cv2.dct(fields)[1:9, 1:9]
    return _number(waves > np.median(waves))


def _number(bits: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> int:
    return int.from_bytes(np.packbits(bits.reshape(-1)).tobytes(), "big")
