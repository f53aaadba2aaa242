"""Laying a face into a frame without a seam, and without touching anything outside it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def soften(mask: Floats, erosion: int, feather: int) -> Floats:
    """Shrink a mask (H, W) in 0..1 by `erosion` pixels and fade its edge over `feather` pixels inward.

    The result is never above the mask, and exactly 0 wherever the mask is.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * (erosion + feather // 2) + 1,) * 2)
    # A mask that reaches the border of its crop must fade there too.
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(0.0,))
    inner = cv2.erode(padded, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=(0.0,))
    if feather > 0:
        side = feather // 2 * 2 + 1
        inner = cv2.blur(cv2.blur(inner, (side, side)), (side // 2 // 2 * 2 + 1,) * 2)
    softened: Floats = np.minimum(np.asarray(inner, np.float32)[1:-1, 1:-1], mask)
    return softened


def pyramid_blend(top: Floats, bottom: Floats, mask: Floats, levels: int) -> Floats:
    """Blend by Laplacian pyramids (Burt and Adelson 1983): coarse tones over a wide edge, fine detail over a narrow one.

    top, bottom: float32 (H, W, 3). mask: float32 (H, W) in 0..1, where top shows. levels: halvings, at least 0; fewer are
    taken when the pictures are small.
    """
    levels = max(0, min(levels, int(np.log2(max(1, min(mask.shape) // 8)))))
    tops, bottoms, masks = [top], [bottom], [mask]
    for _ in range(levels):
        for stack in (tops, bottoms, masks):
            stack.append(np.asarray(cv2.pyrDown(stack[-1]), np.float32))
    blended = _mixed(tops[-1], bottoms[-1], masks[-1])
    for level in range(levels - 1, -1, -1):
        size = (masks[level].shape[1], masks[level].shape[0])
        fine = [stack[level] - np.asarray(cv2.pyrUp(stack[level + 1], dstsize=size), np.float32) for stack in (tops, bottoms)]
        up = np.asarray(cv2.pyrUp(blended, dstsize=size), np.float32)
        blended = up + _mixed(fine[0], fine[1], masks[level])
    return blended


def _mixed(top: Floats, bottom: Floats, mask: Floats) -> Floats:
    return bottom + mask[..., None] * (top - bottom)


def paste(
    frame: NDArray[np.uint8], face: NDArray[np.uint8], mask: Floats, matrix: Floats, levels: int = 3
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Put a drawn crop back where it was cut from.

    frame: uint8 (H, W, 3). face: uint8 (S, S, 3). mask: float32 (S, S) in 0..1, already soft, 0 at its border. matrix: (2, 3),
    frame to crop. levels: of the blend. -> the new frame, and uint8 (H, W): 255 where it may differ from the old one. Everywhere
    else both are equal to the bit.
    """
    height, width = frame.shape[:2]
    touched = np.zeros((height, width), np.uint8)
    side = mask.shape[0]
    back = cv2.invertAffineTransform(matrix)
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]], np.float32) @ back[:, :2].T + back[:, 2]
    left, top = np.maximum(np.floor(corners.min(0)).astype(int) - 1, 0)
    right, bottom = np.minimum(np.ceil(corners.max(0)).astype(int) + 2, (width, height))
    if right - left < 2 or bottom - top < 2:
        return frame.copy(), touched

    local = back.copy()
    local[:, 2] -= (left, top)
    size = (int(right - left), int(bottom - top))
    weight = np.asarray(cv2.warpAffine(mask, local, size, flags=cv2.INTER_LINEAR), np.float32)
    weight[weight < 1.0 / 255.0] = 0.0
    drawn = cv2.warpAffine(face, local, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    region = frame[top:bottom, left:right].astype(np.float32)
    blended = pyramid_blend(np.asarray(drawn, np.float32), region, weight, levels)
    # A pyramid's coarse levels reach past the mask; a last plain fade, done within its outer half, holds them in.
    hold = np.clip(weight * 2.0, 0.0, 1.0)[..., None]
    result = region + hold * (blended - region)
    film = frame.copy()
    inside = weight > 0
    film[top:bottom, left:right][inside] = np.clip(np.round(result[inside]), 0, 255).astype(np.uint8)
    touched[top:bottom, left:right][inside] = 255
    return film, touched
