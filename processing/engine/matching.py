"""Which faces of one look at a piece of footage are those of an earlier look at it, by when and where they were seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from processing.engine.arrays import Floats
from processing.engine.detection import overlap

# another look may take other frames: a face is hardly elsewhere a quarter of a second later
WITHIN_S = 0.25
# overlap over union of two boxes of one face
OVERLAP = 0.3


@dataclass(frozen=True)
class Places:
    """When and where faces were seen. times: float64 (N,), seconds; boxes: float32 (N, 4), pixels: left, top, right, bottom."""

    times: NDArray[np.float64]
    boxes: Floats

    def __len__(self) -> int:
        return len(self.times)

    @classmethod
    def joined(cls, some: list[Places]) -> Places:
        """One behind the other."""
        times = [np.zeros(0), *(places.times for places in some)]
        boxes = [np.zeros((0, 4), np.float32), *(places.boxes for places in some)]
        return cls(np.concatenate(times), np.concatenate(boxes))


def match(before: Places, after: Places) -> NDArray[np.intp]:
    """For each face of `before` its place in `after`, intp (N,); -1 where it is not seen there.

    Of those at nearly the same time whose boxes overlap it is the one nearest in time, and then the one that overlaps most.
    Several may find the same. What has no box (NaN) is found by nothing.
    """
    found = np.full(len(before), -1, np.intp)
    order = np.argsort(after.times, kind="stable")
    times = after.times[order]
    starts = np.searchsorted(times, before.times - WITHIN_S, "left")
    ends = np.searchsorted(times, before.times + WITHIN_S, "right")
    for face in np.flatnonzero(np.isfinite(before.boxes).all(axis=1) & (ends > starts)).tolist():
        nearby = order[starts[face] : ends[face]]
        shared = overlap(before.boxes[face : face + 1], after.boxes[nearby])[0]
        away = np.abs(after.times[nearby] - before.times[face])
        there = np.flatnonzero(shared > OVERLAP)
        if len(there):
            found[face] = nearby[there[np.lexsort((-shared[there], away[there]))[0]]]
    return found
