"""Giving a drawn face the look of the scene: its light (mean and deviation of LAB over the face, Reinhard et al. 2001) and
its crispness."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_SMALLEST = 1.0  # a deviation in L, a or b under this is noise
_GAIN = (0.6, 1.6)  # bounds on the change of contrast


def to_lab(images: NDArray[np.uint8]) -> Floats:
    """uint8 (..., H, W, 3) RGB -> float32 LAB, L in 0..100, a and b in about -127..127."""
    rows = images.reshape(-1, images.shape[-2], 3).astype(np.float32) / 255.0
    return np.asarray(cv2.cvtColor(rows, cv2.COLOR_RGB2LAB), np.float32).reshape(images.shape)


def from_lab(lab: Floats) -> NDArray[np.uint8]:
    """The inverse of `to_lab`, cut to 0..255."""
    rows = cv2.cvtColor(lab.reshape(-1, lab.shape[-2], 3).astype(np.float32), cv2.COLOR_LAB2RGB)
    pixels: NDArray[np.uint8] = np.clip(np.round(rows * 255.0), 0, 255).astype(np.uint8).reshape(lab.shape)
    return pixels


def statistics(lab: Floats, weight: Floats) -> Floats:
    """Weighted mean and deviation of each channel: (N, H, W, 3), (N, H, W) -> (N, 2, 3)."""
    share = weight[..., None] / np.maximum(weight.sum(axis=(1, 2)), 1e-6)[:, None, None, None]
    mean = (lab * share).sum(axis=(1, 2))
    variance = (np.square(lab - mean[:, None, None]) * share).sum(axis=(1, 2))
    return np.stack([mean, np.sqrt(variance)], axis=1).astype(np.float32)


def smooth_over_time(values: Floats, shots: NDArray[np.integer], spread: float) -> Floats:
    """Gaussian mean along the first axis, within runs of one shot number only.

    values: (T, ...). shots: (T,). spread: standard deviation in frames; 0 leaves the values as they are.
    """
    if spread <= 0:
        return values
    smoothed = np.empty_like(values)
    reach = int(np.ceil(3 * spread))
    for shot in np.unique(shots):
        rows = np.flatnonzero(shots == shot)
        own, length = values[rows], len(rows)
        total, inside = np.zeros_like(own), np.zeros(length, np.float32)
        for offset in range(-min(reach, length - 1), min(reach, length - 1) + 1):
            share = np.float32(np.exp(-0.5 * (offset / spread) ** 2))
            here, there = (
                slice(max(0, -offset), length - max(0, offset)),
                slice(max(0, offset), length + min(0, offset)),
            )
            total[here] += share * own[there]
            inside[here] += share
        # Dividing by the window's part that lies inside the shot keeps its ends unbiased.
        smoothed[rows] = total / inside.reshape(-1, *[1] * (values.ndim - 1))
    return smoothed


def match(lab: Floats, own: Floats, wanted: Floats, strength: float = 1.0) -> Floats:
    """Re-tone pictures whose statistics are `own` to those `wanted`.

    lab: (N, H, W, 3). own, wanted: (N, 2, 3) from `statistics`. strength: 0 leaves them, 1 matches.
    """
    gain = np.clip(wanted[:, 1] / np.maximum(own[:, 1], _SMALLEST), *_GAIN)
    toned = (lab - own[:, None, None, 0]) * gain[:, None, None] + wanted[:, None, None, 0]
    return np.asarray(lab + strength * (toned - lab), np.float32)


def match_detail(lab: Floats, scene: Floats, weight: Floats, limit: float, spread: float = 1.2) -> Floats:
    """Strengthen the fine detail of drawn faces, which a short training leaves soft, up to that of the scene.

    lab, scene: (N, H, W, 3) of one shot. weight: (N, H, W). limit: the most that detail is multiplied by, 1 or more.
    spread: of the Gaussian that parts detail from the rest, in pixels. One gain for the whole shot, so nothing flickers; a
    scene softer than the drawing leaves it as it is. Only lightness is changed.
    """

    def detail(pictures: Floats) -> Floats:
        lightness = pictures[..., 0]
        return np.stack([plane - np.asarray(cv2.GaussianBlur(plane, (0, 0), spread), np.float32) for plane in lightness])

    own, wanted = detail(lab), detail(scene)
    energy_own, energy_wanted = (float((np.square(d) * weight).sum()) for d in (own, wanted))
    gain = float(np.clip(np.sqrt(energy_wanted / max(energy_own, 1e-6)), 1.0, max(1.0, limit)))
    crisp = lab.copy()
    crisp[..., 0] += (gain - 1.0) * own
    return crisp
