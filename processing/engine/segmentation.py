"""Which pixels of a crop show the person, and which what is behind: MediaPipe's selfie segmentation.

The network was made for a person before a camera, head and shoulders, so it looks at a square twice as wide as the
standard crop, turned upright; its answer is cut down to the crop.
"""

from __future__ import annotations

import cv2
import numpy as np

from processing.engine import models
from processing.engine.arrays import Floats, Image
from processing.engine.canonical import CROP_SIZE, crop_matrix, warp

MASK_SIZE = CROP_SIZE // 2
CONTEXT = 2.0  # side of the square that the network sees over that of the standard crop


class Segmenter:
    """Makes the mask of one crop at a time. Keep one for each thread."""

    def __init__(self, threads: int = 1) -> None:
        self._network = models.Model(models.SEGMENTATION, threads)

    def mask(self, image: Image, landmarks: Floats) -> Image:
        """uint8 (MASK_SIZE, MASK_SIZE) over the standard crop: 255 the person, 0 what is behind, smooth between.

        image: uint8 (H, W, 3), the picture. landmarks: float32 (468, 3), its pixels.
        """
        size = self._network.size
        seen = warp(image, crop_matrix(landmarks, size, CONTEXT), size, fast=True)
        belief = self._network(seen.astype(np.float32) / 255.0)[0].reshape(size, size)
        side = round(size / CONTEXT)
        start = (size - side) // 2
        middle = np.ascontiguousarray(belief[start : start + side, start : start + side])
        small = cv2.resize(middle, (MASK_SIZE, MASK_SIZE), interpolation=cv2.INTER_AREA)
        return np.asarray(np.rint(np.clip(small, 0, 1) * 255), dtype=np.uint8)


def cut_out(crop: Image, mask: Image, background: tuple[int, int, int] = (0, 0, 0)) -> Image:
    """The crop with another background: uint8 (S, S, 3), S any size; mask: uint8 (M, M) of the same crop."""
    size = crop.shape[0]
    share = cv2.resize(mask, (size, size), interpolation=cv2.INTER_LINEAR).astype(np.float32)[..., None] / 255.0
    return np.asarray(np.rint(crop * share + np.array(background, dtype=np.float32) * (1 - share)), dtype=np.uint8)


def encode_mask(mask: Image) -> bytes:
    """uint8 (M, M) -> PNG in 16 levels, some hundreds of bytes: the edge is smooth, and little else is in a mask."""
    levels = np.asarray(np.rint(mask / 17.0) * 17, dtype=np.uint8)
    done, data = cv2.imencode(".png", levels, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if not done:
        raise ValueError(f"no PNG can be made of an array of shape {mask.shape}")
    return data.tobytes()


def decode_mask(data: bytes) -> Image:
    """PNG -> uint8 (M, M). Raises ValueError if it is damaged."""
    mask = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
    if mask is None:
        raise ValueError("this stored mask is damaged: it is no PNG")
    return np.asarray(mask, dtype=np.uint8)
