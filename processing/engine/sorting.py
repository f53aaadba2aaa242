"""Who is who from one piece of footage to the next: its tracks, sorted among themselves and then with who is known already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from processing.engine.arrays import Floats
from processing.engine.identity import DIMENSIONS, group

# mean distance of two people's tracks below which they are one, and a person is proposed as the subject; stricter than dlib's
# 0.6 for "the same", since it is a mean over many
ALIKE_BELOW = 0.5
# distance of embeddings below which two looks at the same pictures saw the same face; of other pictures it would be 0.3 to 0.5
THE_SAME_FACE = 0.3

NONE = np.zeros((0, DIMENSIONS), np.float32)


@dataclass(frozen=True)
class Known:
    """Whom new tracks may show. anywhere: float32 (M, 128), what their tracks look like; here: float32 (K, 128), those of an
    earlier look at the same footage. Nobody is found by what is empty."""

    anywhere: Floats
    here: Floats = field(default_factory=lambda: NONE)


def sort(means: Floats, apart: Sequence[tuple[int, int]], known: Sequence[Known]) -> NDArray[np.intp]:
    """Whom the tracks of one piece of footage show: first sorted among themselves, then each group with who is known.

    means: float32 (N, 128), one a track. apart: pairs of tracks that are two people, as `seen_at_once` tells them. -> intp (N,):
    a place in `known`, or len(known) and more for people who are new. Two groups are never the same person.
    """
    labels = group(means, apart=apart)
    people = np.zeros(len(means), np.intp)
    new, taken = len(known), set[int]()
    for label in range(int(labels.max(initial=-1)) + 1):
        mine = labels == label
        person = nearest(means[mine], [one.here for one in known], THE_SAME_FACE)
        if person is None:
            person = nearest(means[mine], [one.anywhere for one in known], ALIKE_BELOW)
        if person is None or person in taken:
            person, new = new, new + 1
        taken.add(person)
        people[mine] = person
    return people


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


def nearest(embeddings: Floats, people: Sequence[Floats], below: float) -> int | None:
    """Whose embeddings, float32 (N, 128) each, lie nearest to these, (M, 128): a place in `people`, if their mean distance is
    under `below`."""
    distances = [distance(embeddings, theirs) for theirs in people]
    found = int(np.argmin(distances)) if distances else None
    return found if found is not None and distances[found] < below else None


def distance(some: Floats, others: Floats) -> float:
    """Mean distance of embeddings (M, 128) from others (N, 128); infinite where there are none."""
    return float(mean_distances(some, others).mean()) if len(some) and len(others) else float("inf")


def mean_distances(some: Floats, others: Floats) -> NDArray[np.float64]:
    """float64 (M,): of each of (M, 128) the mean distance from (N, 128); N > 0. By products, which is many times as fast."""
    a, b = some.astype(np.float64), others.astype(np.float64)
    squared = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * a @ b.T
    return np.asarray(np.sqrt(np.maximum(squared, 0)).mean(axis=1))
