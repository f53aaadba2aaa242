"""One light for all faces: what the network sees and draws is toned alike, whatever lamp the footage was taken under.

Each picture is moved by one matrix so that luma and two colour differences have a fixed mean and deviation over the face
(Reinhard et al. 2001, in a space that a matrix reaches). The network then need not learn lamps, cannot tell the two sides
apart by their colour, and its drawing is moved back to the light of the scene.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# Rows: luma and two colour differences of ITU-R BT.601, for RGB in 0..1.
_TO_OPPONENT = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
# Mean and deviation that every face is brought to: about a medium skin in daylight.
_STANDARD = ((0.5, -0.05, 0.06), (0.14, 0.02, 0.025))
_GAIN = (0.4, 2.5)


def standard_tone(count: int, device: torch.device | str = "cpu") -> Tensor:
    """The tone in which faces are learned, (count, 2, 3)."""
    return torch.tensor(_STANDARD, device=device).expand(count, 2, 3)


def measure_tone(images: Tensor, masks: Tensor) -> Tensor:
    """images: uint8 (N, 3, H, W) RGB; masks: uint8 (N, 1, H, W), 255 on the face -> float (N, 2, 3): mean and deviation over
    the face of luma and two colour differences in 0..1; over the whole picture where the mask is empty."""
    tones = torch.zeros(len(images), 2, 3, device=images.device)
    matrix = torch.tensor(_TO_OPPONENT, device=images.device)
    for row, (image, mask) in enumerate(zip(images, masks, strict=True)):
        inside = mask[0] > 127
        pixels = image[:, inside] if bool(inside.any()) else image.flatten(1)
        values = matrix @ (pixels.float() / 255.0)
        tones[row, 0], tones[row, 1] = values.mean(1), values.std(1, correction=0)
    return tones


def tone_of(mean: NDArray[np.float32], covariance: NDArray[np.float32]) -> NDArray[np.float32]:
    """What `measure_tone` would give, from mean (N, 3) and covariance (N, 3, 3) of RGB in 0..1: float32 (N, 2, 3)."""
    matrix = np.array(_TO_OPPONENT, np.float32)
    variance = np.einsum("ci,nij,cj->nc", matrix, covariance, matrix)
    return np.stack([mean @ matrix.T, np.sqrt(np.maximum(variance, 0.0))], axis=1).astype(np.float32)


def retone(images: Tensor, own: Tensor, wanted: Tensor) -> Tensor:
    """Move pictures of tone `own` to tone `wanted`: images float (N, 3, H, W) in 0..1, tones (N, 2, 3).

    The result is not cut to 0..1, so that `retone(retone(x, a, b), b, a)` is x again.
    """
    forth, back = _opponent(images.device)
    # Bounding the logarithm's size alike both ways keeps the inverse exact.
    gain = (wanted[:, 1].clamp(min=1e-3) / own[:, 1].clamp(min=1e-3)).clamp(*_GAIN)
    matrix = back @ (gain[:, :, None] * forth)
    offset = (wanted[:, 0] - gain * own[:, 0]) @ back.T
    return torch.baddbmm(offset[:, :, None], matrix, images.flatten(2)).view(images.shape)


@cache
def _opponent(device: torch.device) -> tuple[Tensor, Tensor]:
    """The matrix to luma and colour differences, and back."""
    # kept for learning, too, whoever asks first
    with torch.inference_mode(False):
        forth = torch.tensor(_TO_OPPONENT, device=device)
        return forth, torch.linalg.inv(forth)
