"""Giving a drawn face the look of the scene: its light (mean and deviation of LAB over the face, Reinhard et al. 2001) and
its crispness."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_SMALLEST = 1.0  # a deviation in L, a or b under this is noise
_GAIN = (0.6, 1.6)  # bounds on the change of contrast


def to_lab(images: NDArray[np.uint8] | Floats) -> Floats:
    """(..., H, W, 3) RGB, uint8 or float32 in 0..1 -> float32 LAB, L in 0..100, a and b in about -127..127."""
    rows = images.reshape(-1, images.shape[-2], 3)
    light = rows.astype(np.float32) / 255.0 if rows.dtype == np.uint8 else rows
    return np.asarray(cv2.cvtColor(light, cv2.COLOR_RGB2LAB), np.float32).reshape(images.shape)


def from_lab(lab: Floats) -> NDArray[np.uint8]:
    """The inverse of `to_lab`, cut to 0..255."""
    rows = cv2.cvtColor(lab.reshape(-1, lab.shape[-2], 3).astype(np.float32), cv2.COLOR_LAB2RGB)
    pixels: NDArray[np.uint8] = np.clip(np.round(rows * 255.0), 0, 255).astype(np.uint8).reshape(lab.shape)
    return pixels


def statistics(lab: Floats, mask: NDArray[np.uint8]) -> Floats:
    """Mean and deviation of each channel of one picture (H, W, 3) where mask is over 127, float32 (2, 3); of all where it
    nowhere is."""
    inside = mask > 127
    values = lab[inside] if inside.any() else lab.reshape(-1, 3)
    return np.stack([values.mean(axis=0), values.std(axis=0)]).astype(np.float32)


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


def spread_over_time(values: Floats, at: NDArray[np.integer], shots: NDArray[np.integer], spread: float) -> Floats:
    """What was measured now and then, for every frame: Gaussian mean of what lies near in the same shot (Nadaraya and Watson
    1964).

    values: (K, ...), of the frames `at` (K,). shots: (T,). spread: standard deviation in frames. -> (T, ...); zero where nothing
    was measured of a shot.
    """
    spread_out = np.zeros((len(shots), *values.shape[1:]), np.float32)
    for shot in np.unique(shots[at]) if len(at) else ():
        rows, known = np.flatnonzero(shots == shot), np.flatnonzero(shots[at] == shot)
        away = (rows[:, None] - at[known][None]) / max(spread, 1e-3)
        nearest = np.square(away).min(axis=1, keepdims=True)
        share = np.exp(-0.5 * (np.square(away) - nearest))
        share /= share.sum(axis=1, keepdims=True)
        spread_out[rows] = np.tensordot(share, values[known], axes=1)
    return spread_out


# So little of the face within reach says nothing of its colour.
_FAR = 1e-3
# Deviation, in pixels, of the Gaussian that parts fine detail from the rest.
_FINE = 1.2


def _detail(lightness: Floats) -> Floats:
    return lightness - np.asarray(cv2.GaussianBlur(lightness, (0, 0), _FINE), np.float32)


def detail_energy(lab: Floats, mask: NDArray[np.uint8]) -> float:
    """How much fine detail the lightness of a picture (H, W, 3) has where mask is over 127."""
    return float(np.square(_detail(lab[..., 0]))[mask > 127].sum())


def sharpened(lab: Floats, gain: float) -> Floats:
    """A picture (H, W, 3) whose fine detail of lightness is `gain` times as strong: short trainings draw softly."""
    if gain <= 1.0:
        return lab
    crisp = lab.copy()
    crisp[..., 0] += (gain - 1.0) * _detail(lab[..., 0])
    return crisp


def extended(lab: Floats, mask: Floats, spread: float) -> Floats:
    """The face's colours carried on beyond its outline, so that nothing of what lay behind the subject shows at the seam.

    lab: (H, W, 3). mask: float32 (H, W) in 0..1, where the face was drawn. spread: deviation in pixels of the mean (normalised
    convolution, Knutsson and Westin 1993) that stands where the mask is under a half; 0 leaves the picture as it is.
    """
    if spread <= 0:
        return lab
    face = np.clip(mask * 3.0 - 1.75, 0.0, 1.0).astype(np.float32)[..., None]
    around = cv2.GaussianBlur(np.concatenate([lab * face, face], axis=2), (0, 0), spread)
    near = around[..., 3:]
    carried = around[..., :3] / np.maximum(near, _FAR)
    return np.asarray(np.where(near > _FAR, face * lab + (1.0 - face) * carried, lab), np.float32)
