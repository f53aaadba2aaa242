"""The code book: how a twin's latent code follows what the face does, learned from the subject's kept faces.

Kept are a base, the mean of a few calm faces that look most alike, and the directions in which codes and landmarks change with
pose and expression: averages over all faces, as weights are, and not the code of any one frame. A code that is asked for is the
base moved along them, so it differs smoothly from any other, and what the drive does not name (where the eyes look, how the hair
lies) stays as in the base. The directions are a ridge regression (Hoerl and Kennard 1970) on the drive and its squares, within
each sitting, so that another day's light and hair are not taken for an expression; each face is weighted by how rare what it
does is, so that a laugh seen twice counts beside a hundred calm faces.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from .drive import AXES, POSE, Range

Floats = NDArray[np.float32]

FEWEST = 40  # faces to make a book from
_RIDGES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
_PERCENT = 2.0  # of faces beyond either end of a range: a single misread face makes no coverage
_BASE_FACES = 4
_CALM = 0.4  # part of the faces, the calmest, whose median is rest


class BookError(ValueError):
    """There is no code book to be made or read; the message says why."""


@dataclass(frozen=True)
class CodeBook:
    """What a twin can be asked to do, and how.

    low, rest, high: float32 (7,), see `drive.Range`. base: float32 (C, h, w), the mean code of calm faces, and base_drive
    float32 (7,) what it does. code_ways: float32 (F, C, h, w), landmark_ways: float32 (F, 468, 3): change for each feature of
    `features`. gains: float32 (2, 7), how much further codes are moved toward low and high on each axis, since a decoder shows a
    little less than it is told. landmarks: float32 (468, 3) of the base, parts of the crop's side. tone: float32 (2, 3), the
    light that faces are drawn in, see `tone.measure_tone`. detail: the mean square of a kept face's fine detail, see `puppet`.
    code_error: how much of the spread of codes is missed in faces left out, 0..1: much of it is light, gaze and clothes, which
    no drive names.
    """

    low: Floats
    rest: Floats
    high: Floats
    base: Floats
    base_drive: Floats
    code_ways: Floats
    gains: Floats
    landmarks: Floats
    landmark_ways: Floats
    tone: Floats
    detail: float
    code_error: float

    @property
    def range(self) -> Range:
        return Range(self.low, self.rest, self.high)

    def read(self, drives: Floats) -> tuple[Floats, Floats]:
        """drives: float32 (N, 7), cut to what was seen -> codes float32 (N, C, h, w), and landmarks float32 (N, 468, 3) in parts
        of the crop's side."""
        inside = np.clip(drives, self.low, self.high)
        steps = features(inside, self.range) - features(self.base_drive[None], self.range)
        pushed = self._pushed(inside) - self._pushed(self.base_drive[None])
        codes = self.base + np.tensordot(pushed, self.code_ways, 1)
        landmarks = self.landmarks + np.tensordot(steps, self.landmark_ways, 1)
        return codes.astype(np.float32), landmarks.astype(np.float32)

    def _pushed(self, drives: Floats) -> Floats:
        """`features`, each as much larger as its axis needs; still without a leap where a way turns from low to high."""
        gains = np.where(self.range.reach(drives) < 0, self.gains[0], self.gains[1])
        return np.asarray(features(drives, self.range) * np.concatenate([gains, gains], axis=1), np.float32)

    def to_bytes(self) -> bytes:
        """A compressed .npz; the large arrays as float16."""
        target = io.BytesIO()
        columns = {f.name: np.asarray(getattr(self, f.name)) for f in fields(self)}
        halves = {name: value.astype(np.float16) if value.size > 2000 else value for name, value in columns.items()}
        np.savez_compressed(target, allow_pickle=False, **halves)
        return target.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> CodeBook:
        """The inverse of `to_bytes`. Raises BookError for bytes that hold none."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as stored:
                read = {f.name: stored[f.name].astype(np.float32) for f in fields(cls)}
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise BookError("This code book is damaged or of another program.") from error
        numbers = {name: float(value) if value.ndim == 0 else value for name, value in read.items()}
        return cls(**numbers)  # type: ignore[arg-type]  # each was stored with its field's type


def features(drives: Floats, seen: Range) -> Floats:
    """float32 (N, 7) -> float32 (N, 14): the parts of the way from rest, and their squares with the sign of the way kept out."""
    parts = seen.reach(drives)
    return np.concatenate([parts, parts * parts], axis=1)


def range_of(drives: Floats) -> Range:
    """How far a person was seen to go, and where they rest: the median of the calmest faces; for the pose, looking at the camera
    or as near to it as was seen. drives: float32 (N, 7)."""
    low, high = (np.percentile(drives, percent, axis=0).astype(np.float32) for percent in (_PERCENT, 100 - _PERCENT))
    span = np.maximum(high - low, 1e-6)
    middle = np.median(drives, axis=0)
    unrest = np.linalg.norm((drives - middle)[:, len(POSE) :] / span[len(POSE) :], axis=1)
    rest = np.median(drives[unrest <= np.quantile(unrest, _CALM)], axis=0).astype(np.float32)
    rest[: len(POSE)] = 0.0
    return Range(low, np.clip(rest, low, high).astype(np.float32), high)


def fit(
    codes: Floats,
    drives: Floats,
    landmarks: Floats,
    sittings: NDArray[np.integer],
    tones: Floats,
    detail: float,
) -> CodeBook:
    """The code book of N faces.

    codes: float32 (N, C, h, w). drives: (N, 7). landmarks: (N, 468, 3), parts of the crop's side. sittings: int (N,), faces of
    one number were taken in one light, with one hair. tones: float32 (N, 2, 3).
    Raises BookError for fewer than FEWEST faces.
    """
    count = len(codes)
    if count < FEWEST:
        raise BookError(f"{count} faces are too few for new scenes; at least {FEWEST} are needed.")
    seen = range_of(drives)
    inside = np.clip(drives, seen.low, seen.high)
    weights = _rarity(seen.reach(inside))
    sitting = np.argmax(np.bincount(sittings))
    base = _base(inside, codes, np.flatnonzero(sittings == sitting), seen)

    parts = {"code": codes.reshape(count, -1), "landmark": landmarks.reshape(count, -1)}
    steps = _within(features(inside, seen), sittings, weights)
    targets = {name: _within(values, sittings, weights) for name, values in parts.items()}
    errors = {ridge: _missed(steps, targets["code"], weights, ridge) for ridge in _RIDGES}
    ridge = min(errors, key=lambda one: errors[one])
    ways = {name: _solve(steps, target, weights, ridge) for name, target in targets.items()}
    return CodeBook(
        low=seen.low,
        rest=seen.rest,
        high=seen.high,
        base=codes[base].mean(axis=0),
        base_drive=inside[base].mean(axis=0),
        code_ways=ways["code"].reshape(-1, *codes.shape[1:]),
        gains=np.ones((2, len(AXES)), np.float32),
        landmarks=landmarks[base].mean(axis=0),
        landmark_ways=ways["landmark"].reshape(-1, *landmarks.shape[1:]),
        tone=tones[sittings == sitting].mean(axis=0),
        detail=detail,
        code_error=errors[ridge],
    )


def _within(values: Floats, sittings: NDArray[np.integer], weights: Floats) -> Floats:
    """What differs from the weighted mean of its own sitting: (N, T) -> float32 (N, T)."""
    differences = np.empty_like(values)
    for sitting in np.unique(sittings):
        rows = sittings == sitting
        differences[rows] = values[rows] - np.average(values[rows], axis=0, weights=weights[rows])
    return differences


def _rarity(parts: Floats, width: float = 0.5) -> Floats:
    """One over the density of faces that do about the same, at most 25 times the least: float32 (N,), mean 1."""
    squares = np.square(parts).sum(axis=1)
    distance = np.maximum(squares[:, None] + squares[None] - 2.0 * parts @ parts.T, 0.0)
    density = np.exp(-0.5 * distance / width**2).sum(axis=1)
    rarity = np.minimum(1.0 / density, 25.0 * (1.0 / density).min())
    return np.asarray(rarity / rarity.mean(), np.float32)


def _base(drives: Floats, codes: Floats, rows: NDArray[np.intp], seen: Range) -> NDArray[np.intp]:
    """The faces that all is drawn from the mean of: of `rows`, at rest, and those most alike among the calmest, so that their
    mean is as sharp as they are, and none of them."""
    unrest = np.linalg.norm(seen.reach(drives[rows]), axis=1)
    calm = rows[np.argsort(unrest, kind="stable")[: max(3 * _BASE_FACES, len(rows) // 20)]]
    flat = codes[calm].reshape(len(calm), -1)
    usual = flat[np.argmin(np.linalg.norm(flat - np.median(flat, axis=0), axis=1))]
    return calm[np.argsort(np.linalg.norm(flat - usual, axis=1), kind="stable")[:_BASE_FACES]]


def _solve(steps: Floats, target: Floats, weights: Floats, ridge: float) -> Floats:
    """Weighted ridge regression of what is centred already: (N, F), (N, T) -> float32 (F, T)."""
    weighted = steps.astype(np.float64) * weights[:, None]
    gram = weighted.T @ steps + ridge * len(steps) / 10.0 * np.eye(steps.shape[1])
    return np.linalg.solve(gram, weighted.T @ target).astype(np.float32)


def _left_out(steps: Floats, target: Floats, weights: Floats, ridge: float, folds: int = 5) -> Floats:
    """What is missed of each face by a regression on the others: runs of neighbours are left out together. (N, T)."""
    missed = np.empty_like(target)
    for rows in np.array_split(np.arange(len(steps)), folds):
        others = np.setdiff1d(np.arange(len(steps)), rows)
        missed[rows] = target[rows] - steps[rows] @ _solve(steps[others], target[others], weights[others], ridge)
    return missed


def _missed(steps: Floats, target: Floats, weights: Floats, ridge: float) -> float:
    """How much of the spread of a target is missed in faces left out, 0..1."""
    # Two thousand numbers of a code tell as much about the ridge as all of them.
    some = target[:, :: max(1, target.shape[1] // 2000)]
    spread = max(float(np.average(np.square(some).mean(1), weights=weights)), 1e-12)
    return float(np.average(np.square(_left_out(steps, some, weights, ridge)).mean(1), weights=weights)) / spread
