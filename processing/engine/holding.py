"""Which faces are held back, so that a model can be tried on what nobody learned from.

It hangs on what is filmed alone, never on what else there is: a model that starts from another one, which saw less of the same
footage, holds back nothing that the other one has learned from.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

# One part in so many is held back.
ONE_IN = 10
# Seconds of a stretch of film that is held back of a long shot.
STRETCH = 3.0
# Seconds up to which a shot is held back whole or not at all.
SHORT = 6.0
# So many faces are held back at least, but no more than a quarter.
LEAST = 12
# Seconds of film between faces to learn from and faces to be tried on, where both come from one shot; but no more than
# a twentieth of it.
GAP = 1.0


@dataclass(frozen=True)
class Split:
    """learn, held: bool (N,), faces to learn from and faces to be tried on; some are neither: in a pause of the same shot."""

    learn: NDArray[np.bool_]
    held: NDArray[np.bool_]


def name_shot(*identity: object) -> int:
    """A number below 2**64 for a shot, the same wherever the same things are said of it."""
    return int.from_bytes(blake2b("/".join(map(str, identity)).encode(), digest_size=8).digest(), "big")


def split_by_shot(names: NDArray[np.uint64], moments: NDArray[np.float64]) -> Split:
    """Hold about a tenth of the faces back: whole shots where they are short, stretches of the long ones.

    names: uint64 (N,), of `name_shot`. moments: float64 (N,), seconds within the footage. Frames of one shot are too alike to
    try a model on, so a pause that is in neither part lies round a stretch. Where little is filmed and chance holds back less
    than LEAST faces, others follow in an order that more footage only puts new ones into: what was learned from is never held
    back later. A quarter of the faces is held back at most then, so fewer than four are all learned from. Where chance holds back
    more than half of next to nothing, only those that follow are.
    """
    count = len(names)
    _, shot = np.unique(names, return_inverse=True)
    first, last = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(first, shot, moments)
    np.maximum.at(last, shot, moments)
    length = (last - first)[shot]
    stretch = np.floor(moments / STRETCH).astype(np.int64).astype(np.uint64)
    held = (names + np.where(length <= SHORT, np.uint64(0), stretch)) % np.uint64(ONE_IN) == 0
    if 2 * held.sum() > count:
        held[:] = False
    wanted = min(LEAST, count // 4) - int(held.sum())
    if wanted > 0:
        order = np.lexsort((moments, _mixed(names ^ _mixed(stretch))))
        held[order[~held[order]][:wanted]] = True
    return Split(~held & ~_pauses(shot, moments, held, np.minimum(GAP, 0.05 * length)), held)


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each as if drawn by lot (SplitMix64: Steele, Lea and Flood 2014)."""
    mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), np.uint64)


def _pauses(
    shot: NDArray[np.intp], moments: NDArray[np.float64], held: NDArray[np.bool_], gap: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """bool (N,): not held back, and nearer than `gap` seconds to a face of the same shot that is."""
    pause = np.zeros(len(shot), dtype=np.bool_)
    for number in np.unique(shot[held]):
        rows = np.flatnonzero(shot == number)
        back = np.sort(moments[rows[held[rows]]])
        place = np.searchsorted(back, moments[rows])
        after = np.append(back, np.inf)[place] - moments[rows]
        before = moments[rows] - np.append(-np.inf, back)[place]
        pause[rows] = np.minimum(after, before) < gap[rows]
    return pause & ~held
