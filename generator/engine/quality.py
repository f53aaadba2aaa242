"""How good a twin and its film are, in numbers."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from processing.engine.canonical import crop_matrix, warp
from processing.engine.identity import embed

_WINDOW = (11, 11)
_SIGMA = 1.5


def ssim(a: NDArray[np.uint8], b: NDArray[np.uint8], size: int | None = 64) -> float:
    """Structural similarity of two RGB pictures, -1..1 (Wang et al. 2004, 11x11 Gaussian, mean of the channels).

    Both are first brought to `size` x `size` pixels by area averaging, or compared as they are when it is None.
    """
    if size is not None:
        a, b = (cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA) for picture in (a, b))  # type: ignore[assignment]
    if a.shape != b.shape:
        raise ValueError(f"Pictures of one size are needed, and these are {a.shape} and {b.shape}.")
    x, y = a.astype(np.float32), b.astype(np.float32)
    steady, contrast = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_x, mean_y = _blur(x), _blur(y)
    variance_x, variance_y = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    maps = ((2 * mean_x * mean_y + steady) * (2 * covariance + contrast)) / (
        (mean_x**2 + mean_y**2 + steady) * (variance_x + variance_y + contrast)
    )
    edge = _WINDOW[0] // 2  # windows that reach out of the picture are left out
    return float(maps[edge:-edge, edge:-edge].mean())


def _blur(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    blurred: NDArray[np.float32] = cv2.GaussianBlur(picture, _WINDOW, _SIGMA)  # type: ignore[assignment]
    return blurred


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8], where: NDArray[np.bool_] | None = None) -> float:
    """Peak signal-to-noise ratio in dB of two 8-bit pictures (or stacks), over the pixels that `where` chooses.

    where: bool of the pictures' height and width (and stack). Infinite for equal pictures; raises ValueError when
    `where` chooses nothing.
    """
    difference = a.astype(np.float32) - b.astype(np.float32)
    if where is not None:
        difference = difference[where]
    if not difference.size:
        raise ValueError("There are no pixels to compare.")
    error = float(np.mean(np.square(difference, dtype=np.float64)))
    return float("inf") if error == 0 else float(10 * np.log10(255.0**2 / error))


def mean_distance(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Mean Euclidean distance over all pairs of an embedding of `a` (N, D) with one of `b` (M, D).

    Raises ValueError when either is empty.
    """
    if not len(a) or not len(b):
        raise ValueError("Identity cannot be measured without faces on both sides.")
    return float(np.linalg.norm(np.asarray(a, np.float64)[:, None] - np.asarray(b, np.float64)[None], axis=-1).mean())


def measure_identity(
    frames: Iterable[NDArray[np.uint8]],
    landmarks: NDArray[np.float32],
    subject: NDArray[np.floating],
    actor: NDArray[np.floating],
) -> dict[str, float]:
    """Whom the faces of a film resemble, by an embedding that no training saw; under 0.6 means one person.

    frames: uint8 (H, W, 3) RGB each. landmarks: float32 (N, 468, 3) px, one face a frame. subject, actor: embeddings
    (M, 128) of true pictures. -> mean distances swap_to_subject, swap_to_actor, subject_to_actor.
    """
    swapped = np.stack([embed(frame, points) for frame, points in zip(frames, landmarks, strict=True)])
    return {
        "swap_to_subject": mean_distance(swapped, subject),
        "swap_to_actor": mean_distance(swapped, actor),
        "subject_to_actor": mean_distance(subject, actor),
    }


def flicker(frames: NDArray[np.uint8], landmarks: NDArray[np.float32], size: int = 64) -> float:
    """Restlessness of a face in grey levels: the mean absolute second difference over time of its aligned crop.

    frames: uint8 (N, H, W, 3), three or more in a row. landmarks: float32 (N, 468, 3) px, smoothed. To be read against the
    same figure of the template, since camera noise counts too. A drawn scene has no template whose motion
    `film_quality.warped_flicker` could lay its frames over each other by; a flow found on the scene itself would hide its unrest.
    """
    if len(frames) < 3:
        raise ValueError("Flicker needs three frames or more.")
    crops = np.stack([warp(f, crop_matrix(points, size), size) for f, points in zip(frames, landmarks, strict=True)])
    inner = crops[:, size // 4 : -size // 4, size // 4 : -size // 4].astype(np.float32)
    return float(np.abs(inner[2:] - 2.0 * inner[1:-1] + inner[:-2]).mean())
