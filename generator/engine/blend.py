"""Laying a face into a frame without a seam, and without touching anything outside it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Images = NDArray[np.uint8]

# Grain weaker than this, in grey levels, is lost in rounding.
_LEAST_GRAIN = 0.2


def soften(mask: Images, erosion: int, feather: int) -> Images:
    """Shrink a mask, uint8 (H, W), by `erosion` pixels and fade its edge over `feather` pixels inward.

    The result is never above the mask, and exactly 0 wherever the mask is.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * (erosion + feather // 2) + 1,) * 2)
    # A mask that reaches the border of its crop must fade there too.
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(0.0,))
    inner = cv2.erode(padded, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=(0.0,))
    if feather > 0:
        side = feather // 2 * 2 + 1
        inner = cv2.blur(cv2.blur(inner, (side, side)), (side // 2 // 2 * 2 + 1,) * 2)
    return np.minimum(np.asarray(inner, np.uint8)[1:-1, 1:-1], mask)


def pyramid_blend(difference: Floats, mask: Floats, levels: int) -> Floats:
    """Blend by Laplacian pyramids (Burt and Adelson 1983): coarse tones over a wide edge, fine detail over a narrow one.

    difference: float32 (H, W, 3), the picture that is laid on less the one below. mask: float32 (H, W) in 0..1, where the upper
    shows. levels: halvings, at least 0; fewer are taken when the pictures are small. -> what to add to the picture below. A
    pyramid is linear, so that of the difference says the same as the two pictures' own.
    """
    levels = max(0, min(levels, int(np.log2(max(1, min(mask.shape) // 8)))))
    differences, masks = [difference], [mask]
    for _ in range(levels):
        for stack in (differences, masks):
            stack.append(np.asarray(cv2.pyrDown(stack[-1]), np.float32))
    blended = differences[-1] * masks[-1][..., None]
    for level in range(levels - 1, -1, -1):
        size = (masks[level].shape[1], masks[level].shape[0])
        fine = np.asarray(cv2.subtract(differences[level], cv2.pyrUp(differences[level + 1], dstsize=size)), np.float32)
        fine *= masks[level][..., None]
        blended = np.asarray(cv2.add(cv2.pyrUp(blended, dstsize=size), fine), np.float32)
    return blended


def back_to_size(face: Images, mask: Images, matrix: Floats) -> tuple[Images, Images]:
    """A crop, uint8 (S, S, 3), and its mask as large and as they lie in the frame that they were cut from: uint8 (h, w, 3), (h,
    w), as much as holds the mask. matrix: (2, 3), frame to crop."""
    local, (left, top, right, bottom) = _placed(mask, matrix)
    size = (max(1, right - left), max(1, bottom - top))
    drawn = cv2.warpAffine(face, local, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(drawn, np.uint8), np.asarray(cv2.warpAffine(mask, local, size, flags=cv2.INTER_LINEAR), np.uint8)


def _placed(mask: Images, matrix: Floats, within: tuple[int, int] | None = None) -> tuple[Floats, tuple[int, int, int, int]]:
    """Crop to box, (2, 3), and the box (left, top, right, bottom) of the frame that holds the mask; within: width and height."""
    back = cv2.invertAffineTransform(matrix)
    x, y, wide, high = cv2.boundingRect(mask)
    corners = np.array([[x - 1, y - 1], [x + wide, y - 1], [x - 1, y + high], [x + wide, y + high]], np.float32)
    corners = corners @ back[:, :2].T + back[:, 2]
    (left, top), (right, bottom) = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int) + 1
    if within is not None:
        left, top = max(left, 0), max(top, 0)
        right, bottom = min(right, within[0]), min(bottom, within[1])
    local = np.asarray(back, np.float32).copy()
    local[:, 2] -= (left, top)
    return local, (int(left), int(top), int(right), int(bottom))


def paste(
    frame: Images, touched: Images, face: Images, mask: Images, matrix: Floats, levels: int = 3, grain: float = 0.0, seed: int = 0
) -> None:
    """Put a drawn crop back where it was cut from, in place.

    frame: uint8 (H, W, 3). touched: uint8 (H, W), becomes 255 where the frame may have changed; everywhere else it stays equal to
    the bit. face: uint8 (S, S, 3). mask: uint8 (S, S), already soft, 0 at its border. matrix: (2, 3), frame to crop. levels: of
    the blend. grain: deviation, in grey levels, of the noise that the drawing is given; seed: the same gives the same noise.
    """
    local, (left, top, right, bottom) = _placed(mask, matrix, (frame.shape[1], frame.shape[0]))
    if right - left < 2 or bottom - top < 2 or not mask.any():
        return
    size, box = (right - left, bottom - top), np.s_[top:bottom, left:right]
    weight = np.asarray(cv2.warpAffine(mask, local, size, flags=cv2.INTER_LINEAR), np.float32)
    weight *= np.float32(1.0 / 255.0)
    drawn = cv2.warpAffine(face, local, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    below = frame[box]
    change = pyramid_blend(np.asarray(cv2.subtract(drawn, below, dtype=cv2.CV_32F), np.float32), weight, levels)
    if grain >= _LEAST_GRAIN:
        noise = np.random.default_rng((seed, left, top)).standard_normal(weight.shape, np.float32)
        change += (np.float32(grain) * noise)[..., None]
    # A pyramid's coarse levels reach past the mask; a last plain fade, done within its outer half, holds them in.
    change *= np.minimum(weight * 2.0, 1.0)[..., None]
    # Where the weight is 0 nothing is added, and what is rounded there is a whole number already.
    frame[box] = cv2.add(below, change, dtype=cv2.CV_8U)
    touched[box] |= np.where(weight > 0, np.uint8(255), np.uint8(0))
