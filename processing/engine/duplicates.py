"""Faces that look the same, found among many: exact, and in seconds for 20,000.

Landmarks are rounded to fractions of a crop pixel and compared as whole numbers, so that every way of adding up
gives the same answer, and what is near in one run is near in the next.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from processing.engine.arrays import Floats
from processing.engine.canonical import CROP_SIZE
from processing.engine.pack import DescriptorTable

# parts that a pixel of the crop is counted in
FINE = 64
# Faces that are compared with all kept ones at once, and numbers that a shape is shortened to for that.
_BLOCK, _SHORT = 256, 32
# Shapes whose spread decides how the others are shortened.
_SAMPLE = 2000


@dataclass(frozen=True)
class Looks:
    """What near duplicates are told by. shapes: int32 (N, 468, 2), landmarks in the crop, in 1/64 of its pixels.
    hashes: uint64 (N,), difference hashes."""

    shapes: NDArray[np.int32]
    hashes: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.hashes)

    def rows(self, chosen: NDArray[np.bool_] | NDArray[np.integer]) -> Looks:
        return Looks(self.shapes[chosen], self.hashes[chosen])


def looks(table: DescriptorTable) -> Looks:
    """The looks of N faces."""
    moved = np.einsum("nij,npj->npi", table.matrix[:, :, :2], table.landmarks[:, :, :2]) + table.matrix[:, None, :, 2]
    # farther out nothing is a face, and the squares of differences still add up exactly
    return Looks(np.round(np.clip(moved, -4 * CROP_SIZE, 4 * CROP_SIZE) * FINE).astype(np.int32), table.dhash)


def squared_limit(share: float) -> float:
    """Two shapes are near when the sum of their squared differences, a whole number, is under this.

    share: root mean square over the landmarks, as a share of the crop's side.
    """
    return (share * CROP_SIZE * FINE) ** 2 * 468


def find_distinct(faces: Looks, share: float, bits: int, known: Looks | None = None) -> NDArray[np.bool_]:
    """bool (N,): False for a face that is near a kept one before it, or one of `known`.

    1. Shorten every shape to its coordinates along the axes of greatest spread: what is far there is far.
    2. Take a block of faces, and compare it with all that are kept, hashes and short shapes, by whole matrices.
    3. Compare the few that are near so far in full; drop those that are near.
    4. Do the same within the block, one face after the other.
    """
    count, limit = len(faces), squared_limit(share)
    before = len(known) if known is not None else 0
    if not count:
        return np.zeros(0, dtype=np.bool_)
    axes = _axes(faces.shapes)
    every = (
        faces
        if known is None
        else Looks(np.concatenate([known.shapes, faces.shapes]), np.concatenate([known.hashes, faces.hashes]))
    )
    short = _shorten(every.shapes, axes)
    kept = np.empty(before + count, dtype=np.intp)
    kept[:before] = np.arange(before)
    held = before
    for first in range(before, before + count, _BLOCK):
        block = np.arange(first, min(first + _BLOCK, before + count))
        block = block[~_near_any(every, short, block, kept[:held], limit, bits)]
        left = _first_of_each(every, short, block, limit, bits)
        kept[held : held + len(left)] = left
        held += len(left)
    distinct = np.zeros(count, dtype=np.bool_)
    distinct[kept[before:held] - before] = True
    return distinct


def _axes(shapes: NDArray[np.int32]) -> Floats:
    """float64 (936, up to 32): orthonormal directions in which shapes differ most."""
    some = shapes[:: max(1, len(shapes) // _SAMPLE)].reshape(-1, 936).astype(np.float64)
    some -= some.mean(axis=0)
    _, vectors = np.linalg.eigh(some.T @ some)
    return vectors[:, -_SHORT:]


def _shorten(shapes: NDArray[np.int32], axes: Floats) -> Floats:
    """float32 (N, 32), centred so that rounding stays small."""
    flat = shapes.reshape(len(shapes), 936)
    short = np.empty((len(flat), axes.shape[1]))
    for start in range(0, len(flat), 1024):
        short[start : start + 1024] = flat[start : start + 1024].astype(np.float64) @ axes
    return np.asarray(short - short.mean(axis=0), dtype=np.float32)


def _candidates(
    every: Looks, short: Floats, some: NDArray[np.intp], others: NDArray[np.intp], limit: float, bits: int
) -> NDArray[np.bool_]:
    """bool (len(some), len(others)): may be near. Never False for what is."""
    alike = np.bitwise_count(every.hashes[some][:, None] ^ every.hashes[others][None]) <= bits
    a, b = short[some], short[others]
    apart = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1)[None] - 2 * (a @ b.T)
    # float32 keeps 24 bits: far more than the rounding of squares that large
    slack = 1e-5 * float(np.square(a).sum(axis=1).max(initial=0.0) + np.square(b).sum(axis=1).max(initial=0.0))
    return np.asarray(alike & (apart < limit + slack), dtype=np.bool_)


def _near(every: Looks, face: int, others: NDArray[np.intp], limit: float) -> NDArray[np.bool_]:
    """bool (len(others),): whose shapes are near the face's, in full."""
    apart = (every.shapes[others] - every.shapes[face]).reshape(len(others), -1).astype(np.float64)
    return np.asarray(np.einsum("np,np->n", apart, apart) < limit, dtype=np.bool_)


def _near_any(
    every: Looks, short: Floats, some: NDArray[np.intp], others: NDArray[np.intp], limit: float, bits: int
) -> NDArray[np.bool_]:
    """bool (len(some),): which are near one of the others."""
    near = np.zeros(len(some), dtype=np.bool_)
    may = _candidates(every, short, some, others, limit, bits)
    for place in np.flatnonzero(may.any(axis=1)):
        near[place] = bool(_near(every, some[place], others[may[place]], limit).any())
    return near


def _first_of_each(every: Looks, short: Floats, block: NDArray[np.intp], limit: float, bits: int) -> NDArray[np.intp]:
    """Of a block, those that are near none of those taken before them."""
    may = _candidates(every, short, block, block, limit, bits)
    taken = np.zeros(len(block), dtype=np.bool_)
    for place, face in enumerate(block):
        before = block[taken & may[place]]
        taken[place] = not (len(before) and _near(every, face, before, limit).any())
    return block[taken]
