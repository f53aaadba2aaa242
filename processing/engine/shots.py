"""Where one shot of a film ends and the next begins."""

from __future__ import annotations

from typing import Any

import numpy as np

from processing.engine.arrays import Image

ROWS, COLUMNS = 18, 32


class CutFinder:
    """Tells hard cuts: the layout of the picture and its share of light and dark change at once.

    Each picture is measured on a few samples that lie in rows across it, so that every frame of a film can be looked
    at for some 30 microseconds. Layout: mean difference of 18 x 32 cells. Light: difference of histograms (Zhang,
    Kankanhalli and Smoliar 1993 compare both).
    """

    LAYOUT = 15.0  # grey levels; people who move bring it to some 10 between two frames
    LIGHT = 0.2  # 0 (the same) to 2 (nothing in common)

    def __init__(self) -> None:
        self._before: np.ndarray[Any, Any] | None = None

    def is_cut(self, image: Image) -> bool:
        """True if `image` begins a new shot after the last one given (also for the first).

        image: uint8 (H, W), such as the luma of a decoded frame, or (H, W, C); any strides.
        """
        now = _cells(image)
        before, self._before = self._before, now
        if before is None or before.shape != now.shape:
            return True
        if np.abs(now - before).sum() <= 4 * self.LAYOUT * now.size:
            return False
        return float(np.abs(_light(now) - _light(before)).sum()) > self.LIGHT


def _cells(image: Image) -> np.ndarray[Any, Any]:
    """int16, about (18, 32): sums of four samples of each cell."""
    height, width = image.shape[:2]
    down = max(1, height // ROWS)
    rows = image[down // 2 :: down]
    if image.ndim == 3:
        rows = rows.mean(axis=2).astype(np.uint8)
    across = max(4, width // COLUMNS)
    quarter = across // 4
    columns = width // across
    if not columns:
        return np.full((len(rows), 1), 4 * rows.mean(), dtype=np.int16)
    cells = rows[:, 0 : columns * across : across].astype(np.int16)
    for part in (1, 2, 3):
        start = part * quarter
        cells += rows[:, start : start + (columns - 1) * across + 1 : across]
    return cells


def _light(cells: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.bincount(cells.ravel() >> 6, minlength=16) / cells.size
