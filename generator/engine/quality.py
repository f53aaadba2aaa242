"""How good a twin and its film are, in numbers."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

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
    return float(maps.mean())


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


def mean_distance(embeddings: NDArray[np.floating], references: NDArray[np.floating]) -> float:
    """Mean Euclidean distance of every embedding (N, D) to the mean of the references (M, D).

    Raises ValueError when either is empty.
    """
    if not len(embeddings) or not len(references):
        raise ValueError("Identity cannot be measured without faces on both sides.")
    centre = np.asarray(references, np.float64).mean(0)
    return float(np.linalg.norm(np.asarray(embeddings, np.float64) - centre, axis=1).mean())
