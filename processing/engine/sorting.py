"""Who is who from one piece of footage to the next: its tracks, sorted among themselves and then with who is known already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from processing.engine.arrays import Floats
from processing.engine.identity import DIMENSIONS, group

# mean distance of two people's tracks below which they are one, and a person is proposed as the subject; stricter than dlib's
# 0.6 for "the same", since it is a mean over many
ALIKE_BELOW = 0.5
# distance of embeddings below which two looks at the same pictures saw the same face; of other pictures it would be 0.3 to 0.5
THE_SAME_FACE = 0.3

NOBODY_SAID = -1


class Likeness(NamedTuple):
    """What some tracks look like. means: float32 (N, 128), the mean of the embeddings of each. looks: float32 (N,), how many
    faces it has. An embedding is made of the best of them, so that of a glimpse tells less, and counts for as much less."""

    means: Floats
    looks: Floats

    def __len__(self) -> int:
        return len(self.looks)


NONE = Likeness(np.zeros((0, DIMENSIONS), np.float32), np.zeros(0, np.float32))


@dataclass(frozen=True)
class Known:
    """Whom new tracks may show. anywhere: what their tracks look like; here: those of an earlier look at the same footage.
    Nobody is found by what is empty."""

    anywhere: Likeness
    here: Likeness = NONE


def sort(
    tracks: Likeness, apart: Sequence[tuple[int, int]], known: Sequence[Known], said: NDArray[np.intp] | None = None
) -> NDArray[np.intp]:
    """Whom the tracks of one piece of footage show: first sorted among themselves, then each group with who is known.

    apart: pairs of tracks that are two people, as `seen_at_once` tells them. said: intp (N,), a place in `known` for each track
    of which somebody has said who it is, else NOBODY_SAID; it is never doubted. -> intp (N,): a place in `known`, or len(known)
    and more for people who are new. Two groups are the same person only where somebody said so.
    """
    said = np.full(len(tracks), NOBODY_SAID) if said is None else said
    labels = group(tracks.means, apart=[*apart, *_said_apart(said)])
    people = np.zeros(len(tracks), np.intp)
    new = len(known)
    taken = set(said.tolist())
    for label in range(int(labels.max(initial=-1)) + 1):
        mine = labels == label
        person = int(said[mine].max())
        if person == NOBODY_SAID:
            found = _recognised(Likeness(tracks.means[mine], tracks.looks[mine]), known)
            person = new if found is None or found in taken else found
            new = max(new, person + 1)
            taken.add(person)
        people[mine] = person
    return people


def _said_apart(said: NDArray[np.intp]) -> list[tuple[int, int]]:
    told = np.flatnonzero(said != NOBODY_SAID).tolist()
    return [(one, other) for one, other in combinations(told, 2) if said[one] != said[other]]


def _recognised(tracks: Likeness, known: Sequence[Known]) -> int | None:
    person = nearest(tracks, [one.here for one in known], THE_SAME_FACE)
    return nearest(tracks, [one.anywhere for one in known], ALIKE_BELOW) if person is None else person


def seen_at_once(starts: Sequence[float], ends: Sequence[float], segments: Sequence[object]) -> list[tuple[int, int]]:
    """Pairs of tracks that were seen at the same time, and so are two people. Seconds, and in which segment, one a track."""
    order = sorted(range(len(starts)), key=lambda at: starts[at])
    pairs = []
    for place, first in enumerate(order):
        for second in order[place + 1 :]:
            if starts[second] > ends[first]:
                break
            if segments[first] == segments[second]:
                pairs.append((first, second))
    return pairs


def nearest(tracks: Likeness, people: Sequence[Likeness], below: float) -> int | None:
    """Whose tracks are most like these: a place in `people`, if their mean distance is under `below`."""
    distances = [distance(tracks, theirs) for theirs in people]
    found = int(np.argmin(distances)) if distances else None
    return found if found is not None and distances[found] < below else None


def distance(some: Likeness, others: Likeness) -> float:
    """Mean distance of some tracks from others, each weighed by its looks; infinite where there are none."""
    if not len(some) or not len(others):
        return float("inf")
    return float(np.average(mean_distances(some.means, others), weights=some.looks))


def mean_distances(means: Floats, others: Likeness) -> NDArray[np.float64]:
    """float64 (M,): of each of (M, 128) the mean distance from the others, of whom there is one, each weighed by its looks.
    By products, which is many times as fast."""
    a, b = means.astype(np.float64), others.means.astype(np.float64)
    squared = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * a @ b.T
    return np.asarray(np.average(np.sqrt(np.maximum(squared, 0)), axis=1, weights=others.looks))
