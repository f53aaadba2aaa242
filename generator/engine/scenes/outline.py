"""Where a drawn crop shows the person: selfie segmentation of the drawing itself, steadied over time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from processing.engine import models
from processing.engine.canonical import hull_mask

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]

# A cut-out whose outline is in more doubt than this is not shown.
TRUSTED = 0.2

_REACH = 3  # frames to either side over which an outline is averaged
_SPREAD = 1.5  # frames, deviation of that average
_ROWS = 0.8  # part of the crop from the top in which the outline counts: below are shoulders, which fade anyway


class Outliner:
    """Reads the outline of one drawing at a time. Keep one for each thread."""

    def __init__(self, threads: int = 1) -> None:
        self._network = models.Model(models.SEGMENTATION, threads)

    def person(self, face: Picture) -> Floats:
        """float32 (S, S) in 0..1, 1 the person. face: uint8 (S, S, 3). The network sees the crop as it is: a twin draws what is
        behind a person as it was behind them, so the two are told apart as in a photograph."""
        size = self._network.size
        seen = cv2.resize(face, (size, size), interpolation=cv2.INTER_CUBIC).astype(np.float32) / 255.0
        belief = np.clip(self._network(seen)[0].reshape(size, size), 0.0, 1.0)
        side = len(face)
        how = cv2.INTER_AREA if side < size else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(belief, (side, side), interpolation=how), np.float32)


def doubt(persons: Floats, landmarks: Floats) -> float:
    """How far outlines are to be doubted, 0 (none) to 1 and more: how undecided they are beside the face, and how much of the
    face they leave out. persons: float32 (N, S, S). landmarks: float32 (N, 468, 3), pixels of the crops."""
    size = persons.shape[1]
    rows = round(_ROWS * size)
    faces = np.stack([hull_mask(points, size) for points in landmarks]).astype(np.float32) / 255.0
    beside = (1.0 - faces)[:, :rows]
    undecided = (4.0 * persons * (1.0 - persons))[:, :rows]
    missed = float(((1.0 - persons) * faces).sum() / max(float(faces.sum()), 1.0))
    return float((undecided * beside).sum() / max(float(beside.sum()), 1.0)) + 2.0 * missed


def steadied(persons: Iterable[Floats]) -> Iterator[Floats]:
    """The same outlines, each the Gaussian mean of its neighbours in time; as many as came."""
    window: deque[Floats] = deque(maxlen=2 * _REACH + 1)
    kernel = np.exp(-0.5 * (np.arange(-_REACH, _REACH + 1) / _SPREAD) ** 2).astype(np.float32)
    kernel /= kernel.sum()
    count = 0
    last: Floats | None = None
    for person in persons:
        if last is None:
            window.extend([person] * _REACH)
        window.append(person)
        last = person
        count += 1
        if len(window) == window.maxlen:
            yield np.tensordot(kernel, np.stack(window), 1)
            count -= 1
    while last is not None and count:
        window.append(last)
        if len(window) == window.maxlen:
            yield np.tensordot(kernel, np.stack(window), 1)
            count -= 1
