"""Which faces a model learns from, and which it is tried on.

Faces are points in a space in which one step is a difference that is just worth another face: some degrees of pose, a
mouth a little wider, light from another side, a look of the face that the identity network tells apart.
"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from processing.engine.arrays import Floats
from processing.engine.descriptors import Measures
from processing.engine.holding import ONE_IN, split_by_shot
from processing.engine.pack import DescriptorTable

# What one step is, in the unit of each measure.
STEPS = {
    "yaw": 10.0,
    "pitch": 8.0,
    "mouth_open": 0.15,
    "smile": 0.35,
    "eyes_closed": 0.35,
    "brows": 0.40,
    "lightness": 8.0,
    "lab_a": 6.0,
    "lab_b": 6.0,
}
# Of the light's direction, a vector as long as the light is directed, 0..1; and of dlib's space, in which two pictures
# of one person are some 0.3 apart.
LIGHT_STEP, EMBEDDING_STEP = 0.25, 0.30
# What the worst face counts beside the best of the same difference.
LEAST_QUALITY = 0.4


def features(table: DescriptorTable) -> Floats:
    """float32 (N, 140): the faces as points; Euclidean distance 1 is one step.

    A face without an embedding stands where its track's embeddings do on average, a track without any where all do.
    """
    columns = [getattr(table, name)[:, None] / step for name, step in STEPS.items()]
    return np.concatenate([*columns, _light(table) / LIGHT_STEP, _embeddings(table) / EMBEDDING_STEP], axis=1, dtype=np.float32)


def _light(table: DescriptorTable) -> Floats:
    """float32 (N, 3): where the light comes from, as long as it is directed."""
    azimuth, elevation = np.deg2rad(table.light_azimuth), np.deg2rad(table.light_elevation)
    across = np.cos(elevation)
    direction = np.stack([np.sin(azimuth) * across, np.sin(elevation), np.cos(azimuth) * across], axis=1)
    return np.asarray(direction * table.light_strength[:, None], dtype=np.float32)


def _embeddings(table: DescriptorTable) -> Floats:
    """float32 (N, 128) without gaps."""
    known = np.asarray(np.isfinite(table.embedding).all(axis=1), dtype=np.bool_)
    width = table.embedding.shape[1]
    if not known.any():
        return np.zeros((len(table), width), dtype=np.float32)
    _, track = np.unique(table.track, return_inverse=True)
    faces = np.bincount(track, weights=known)
    totals = np.zeros((len(faces), width))
    np.add.at(totals, track[known], table.embedding[known])
    everywhere = table.embedding[known].mean(axis=0)
    means = np.where(faces[:, None] > 0, totals / np.maximum(faces, 1)[:, None], everywhere)
    return np.where(known[:, None], table.embedding, means[track]).astype(np.float32)


def without_gaps(table: DescriptorTable) -> DescriptorTable:
    """The table with the median of those that are known where a measure is not, 0 where nobody's is."""
    filled = {}
    for field in fields(Measures):
        column = getattr(table, field.name)
        unknown = np.isnan(column) if np.issubdtype(column.dtype, np.floating) else np.zeros(len(column), dtype=np.bool_)
        if unknown.any():
            middle = 0.0 if unknown.all() else float(np.median(column[~unknown]))
            filled[field.name] = np.where(unknown, np.float32(middle), column)
    return replace(table, **filled)


def pick(
    table: DescriptorTable, shots: NDArray[np.uint64], budget: int, right: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """(rows, rising; bool of the same length, True where a face is held back): up to `budget` faces for a training.

    table: all that there is, also what this training is not of: what is held back is the same for all of them. shots: uint64
    (N,), as in `split_by_shot`; what belongs to neither part of that split is left out. right: bool (N,), what this training is
    of, or None for all; where none of that is held back, it is tried on all that is. The same for the same table. Landmarks,
    boxes and matrices are not looked at.
    """
    split = split_by_shot(shots, table.time)
    learn, held = split.learn, split.held
    if right is not None:
        learn, held = learn & right, held & right if (held & right).any() else held
    known = without_gaps(table)
    tried = _best(known, np.flatnonzero(held), max(1, budget // ONE_IN))
    rows = np.sort(np.concatenate([_best(known, np.flatnonzero(learn), budget - len(tried)), tried]))
    return rows, held[rows]


def _best(table: DescriptorTable, rows: NDArray[np.intp], budget: int) -> NDArray[np.intp]:
    """Those of some rows that `choose` would choose."""
    return rows if len(rows) <= budget else rows[choose(table.rows(rows), budget)]


def quality(table: DescriptorTable) -> Floats:
    """float32 (N,), 0.4..1: how much there is to learn from each picture: sharp, large, of little noise, unhidden."""
    sharp = np.clip((table.sharpness - 0.2) / 0.3, 0, 1)
    large = np.clip((table.size - 56.0) / 136.0, 0, 1)
    clean = np.clip(1 - table.noise / 8.0, 0, 1)
    seen = np.clip(1 - table.occlusion / 0.2, 0, 1) * np.clip(table.score, 0, 1)
    good = np.cbrt(sharp * large * clean) * seen
    return np.asarray(LEAST_QUALITY + (1 - LEAST_QUALITY) * good, dtype=np.float32)


def choose(table: DescriptorTable, budget: int) -> NDArray[np.intp]:
    """Rows of up to `budget` faces, in the order in which they are worth having; the same for the same table.

    First comes the best picture from the front; each next one differs most from all chosen before it, where a
    difference counts as much as the picture is good. What comes first covers best, so that any beginning of the answer
    is the answer to a smaller budget.
    """
    if not len(table) or budget <= 0:
        return np.zeros(0, dtype=np.intp)
    good = quality(table)
    turned = np.hypot(table.yaw / 20.0, table.pitch / 20.0)
    return farthest(features(table), budget, first=int(np.argmax(good * np.exp(-turned))), weights=good)


def farthest(points: Floats, budget: int, first: int = 0, weights: Floats | None = None) -> NDArray[np.intp]:
    """Farthest-point sampling (Gonzalez 1985), in O(N * budget).

    points: float32 (N, D). weights: float32 (N,), what a point's distance is multiplied by, or None for 1. first: the
    row to begin with. -> rows, up to `budget` of them. Unweighted, no other choice of as many has its farthest point
    nearer than half as far.
    """
    count = min(budget, len(points))
    chosen = np.zeros(count, dtype=np.intp)
    if not count:
        return chosen
    centred = np.ascontiguousarray(points - points.mean(axis=0), dtype=np.float32)
    squares = np.einsum("nd,nd->n", centred, centred)
    scale = np.ones(len(points), np.float32) if weights is None else np.square(weights).astype(np.float32)
    apart = np.full(len(points), np.inf, dtype=np.float32)
    row = first
    for place in range(count):
        chosen[place] = row
        np.minimum(apart, np.maximum(squares + squares[row] - 2 * (centred @ centred[row]), 0), out=apart)
        apart[row] = -1.0  # never again, also where others are equal to it
        row = int(np.argmax(apart * scale))
    return chosen
