"""Which faces a model learns from, and which it is tried on.

Faces are points in a space in which one step is a difference that is just worth another face: some degrees of pose, a
mouth a little wider, light from another side, a look of the face that the identity network tells apart.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from processing.engine.arrays import Floats
from processing.engine.descriptors import Measures
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
# Seconds of film between faces to learn from and faces to be tried on, where both come from one shot; but no more than
# a twentieth of it.
GAP = 1.0
# Places in a shot that are tried for a stretch to hold back, and faces that the trial is made on.
STRETCHES, PROBES = 20, 1000


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


def pick(table: DescriptorTable, shots: NDArray[np.integer], budget: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """(rows, rising; bool of the same length, True where a face is held back): up to `budget` faces for a training.

    shots: int (N,), as in `split_by_shot`; what belongs to neither part of that split is left out. The same for the same
    table. Landmarks, boxes and matrices are not looked at.
    """
    known = without_gaps(table)
    rows = np.arange(len(known)) if len(known) <= budget else np.sort(choose(known, budget))
    some = known.rows(rows)
    split = split_by_shot(shots[rows], some.time, features(some))
    used = split.learn | split.held
    return rows[used], split.held[used]


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


@dataclass(frozen=True)
class Split:
    """learn, held: bool (N,), faces to learn from and faces to be tried on; some are neither. by_time: True where no
    whole shots could be spared and a stretch of one was, with a pause on either side that is in neither part."""

    learn: NDArray[np.bool_]
    held: NDArray[np.bool_]
    by_time: bool


def split_by_shot(shots: NDArray[np.integer], moments: NDArray[np.float64], points: Floats, share: float = 0.1) -> Split:
    """Hold about a `share` of the faces back, whole shots of them: frames of one shot are too alike to try a model on.

    shots: int (N,), one number for each shot of each piece of footage. moments: float64 (N,), seconds within the
    footage. points: float32 (N, D), as from `features`. Held back are the shots, together of not over one and a half
    shares, that other faces are nearest to. Where these are not half a share, for shots are few and long, a stretch of
    the largest shot is held back instead, again the one that others are nearest to. A single face is not split.
    """
    held = np.zeros(len(shots), dtype=np.bool_)
    wanted = int(np.ceil(share * len(shots)))
    if len(shots) < 2 or not wanted:
        return Split(~held, held, False)
    points = points - points.mean(axis=0)
    _, shot = np.unique(shots, return_inverse=True)
    held = np.isin(shot, _covering(points, shot, wanted))
    if 2 * held.sum() >= wanted:
        return Split(~held, held, False)
    held, pause = _stretch(points, np.flatnonzero(shot == np.argmax(np.bincount(shot))), moments, wanted)
    return Split(~held & ~pause, held, True)


def _covering(points: Floats, shot: NDArray[np.intp], wanted: int) -> list[int]:
    """Shots of about `wanted` faces: each next one brings the others nearest (k-median; lazy greedy, Minoux 1978)."""
    sizes = np.bincount(shot)
    some = points[:: max(1, len(points) // PROBES)]
    rows = np.split(np.argsort(shot, kind="stable"), np.cumsum(sizes)[:-1])
    reach = {name: _distance_to(some, points[rows[name]]) for name in np.flatnonzero(sizes <= int(1.5 * wanted)).tolist()}
    apart = 2 * np.linalg.norm(some, axis=1)
    waiting = [(-np.inf, name) for name in reach]
    taken: list[int] = []
    faces = 0
    while waiting and faces < wanted and len(taken) + 1 < len(sizes):
        _, name = heappop(waiting)
        gain = float(np.maximum(apart - reach[name], 0).sum())
        if faces + sizes[name] > int(1.5 * wanted):
            continue
        if waiting and (-gain, name) > waiting[0]:
            heappush(waiting, (-gain, name))
            continue
        taken.append(name)
        faces += int(sizes[name])
        apart = np.minimum(apart, reach[name])
    return taken


def _stretch(
    points: Floats, rows: NDArray[np.intp], moments: NDArray[np.float64], wanted: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """bool (N,) twice: a stretch of about `wanted` of the shot's `rows`, at most half of them, and the pause round it."""
    rows = rows[np.argsort(moments[rows], kind="stable")]
    length = max(1, min(wanted, len(rows) // 2))
    begins = np.unique(np.linspace(0, len(rows) - length, STRETCHES).astype(int))
    some = points[:: max(1, len(points) // PROBES)]
    best = min(begins, key=lambda begin: float(_distance_to(some, points[rows[begin : begin + length]]).sum()))
    held = np.zeros(len(points), dtype=np.bool_)
    held[rows[best : best + length]] = True
    gap = min(GAP, 0.05 * float(np.ptp(moments[rows])))
    pause = np.zeros(len(points), dtype=np.bool_)
    pause[rows] = (moments[rows] > moments[held].min() - gap) & (moments[rows] < moments[held].max() + gap)
    return held, pause & ~held


def _distance_to(points: Floats, others: Floats) -> Floats:
    """float32 (N,): how far each point is from the nearest of some others, of which up to 100 are asked."""
    some = others[:: max(1, len(others) // 50)]
    squares = np.einsum("nd,nd->n", points, points)[:, None] + np.einsum("nd,nd->n", some, some)[None]
    return np.sqrt(np.maximum(squares - 2 * (points @ some.T), 0).min(axis=1))
