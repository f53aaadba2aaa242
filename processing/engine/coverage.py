"""What the faces of a life stage cover, what they lack, and what to film next.

Directions are those of the picture: left is the picture's left, as in `descriptors`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from processing.engine.arrays import Floats
from processing.engine.categories import AXES, sort
from processing.engine.pack import DescriptorTable

# Degrees: the middles of the cells of the heat map, 15 wide each; what lies beyond the last counts to it.
CELL = 15.0
YAWS = np.arange(-60.0, 61.0, CELL)
PITCHES = np.arange(-30.0, 31.0, CELL)


def _needed() -> NDArray[np.int64]:
    """int (9, 5), yaw by pitch: some forty different faces from the front, for every expression is seen there most
    often, fewer the farther the head is turned, for films show that less and less."""
    ideal = 40 * np.exp(-np.square(YAWS[:, None] / 45) - np.square(PITCHES[None] / 25))
    return np.maximum(np.round(ideal), 4).astype(np.int64)


NEEDED = _needed()
# Faces that a condition (such as "outdoors") needs before it gets a model of its own: what the looks up to 30 degrees
# to either side and 15 up and down need together. With fewer it would know fewer looks than the model of the whole life
# stage, which has learned from the other conditions too.
FACES_FOR_OWN_MODEL = int(NEEDED[np.abs(YAWS) <= 30][:, np.abs(PITCHES) <= 15].sum())

# Axis of `categories` -> category -> faces of it that are needed; those that are not named are not asked for.
NEEDED_OF: dict[str, dict[str, int]] = {
    "expression": {"neutral": 60, "speaking": 60, "smiling": 60, "eyes_closed": 20, "brows_raised": 20},
    "ambient": {"neutral": 60, "warm": 40},
    "brightness": {"normal": 60},
    "light": {"left": 40, "right": 40},
}

MOST_ADVICE = 5
# Faces; who lacks fewer of a kind is not asked for them.
WORTH_SAYING = 8
# Share of the faces that one piece of footage may give before another day is asked for.
ONE_SCENE = 0.6


@dataclass(frozen=True)
class Coverage:
    """Counts of faces. looks: int (9, 5), yaw YAWS by pitch PITCHES. kinds: axis of NEEDED_OF -> name of each category of
    it -> faces. footage: faces of each piece of footage, most first. years: year -> faces, rising, 0 where nobody knows.
    """

    faces: int
    looks: NDArray[np.int64]
    kinds: dict[str, dict[str, int]]
    footage: tuple[int, ...]
    years: dict[int, int]

    @property
    def share(self) -> float:
        """0..1: how much of the looks needed is there."""
        return float(np.minimum(self.looks, NEEDED).sum() / NEEDED.sum())


NOTHING = Coverage(
    faces=0,
    looks=np.zeros(NEEDED.shape, dtype=np.int64),
    kinds={axis: {category.name: 0 for category in AXES[axis]} for axis in NEEDED_OF},
    footage=(),
    years={},
)


def cells(yaw: Floats, pitch: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Degrees, (N,) each -> the rows and columns of their cells in `Coverage.looks`, `NEEDED` and `wanted`."""
    row = np.round((np.asarray(yaw) - YAWS[0]) / CELL).astype(np.intp)
    column = np.round((np.asarray(pitch) - PITCHES[0]) / CELL).astype(np.intp)
    return np.clip(row, 0, len(YAWS) - 1), np.clip(column, 0, len(PITCHES) - 1)


def cover(table: DescriptorTable, footage: NDArray[np.integer], years: NDArray[np.integer] | None = None) -> Coverage:
    """What N faces cover. footage: int (N,), a number for each piece of footage. years: int (N,), 0 for unknown."""
    looks = np.zeros(NEEDED.shape, dtype=np.int64)
    np.add.at(looks, cells(table.yaw, table.pitch), 1)
    seen, faces = np.unique(np.zeros(len(table), int) if years is None else years, return_counts=True)
    return Coverage(
        faces=len(table),
        looks=looks,
        kinds={axis: _count(axis, table) for axis in NEEDED_OF},
        footage=tuple(sorted(np.unique(footage, return_counts=True)[1].tolist(), reverse=True)),
        years=dict(zip(seen.tolist(), faces.tolist(), strict=True)),
    )


def _count(axis: str, table: DescriptorTable) -> dict[str, int]:
    numbers = sort(table, AXES[axis])
    return {category.name: int((numbers == number).sum()) for number, category in enumerate(AXES[axis])}


def wanted(coverage: Coverage) -> Floats:
    """float32 (9, 5), 0..1: how much each look is lacked; 0 there is enough, 1 there is none.

    Row and column of a face: `cells(yaw, pitch)`. Rows are yaw -60, -45 .. 60 degrees, columns pitch -30, -15 .. 30,
    each the middle of a cell 15 degrees wide; the outermost reach outwards without end.
    """
    return np.asarray(np.clip(1 - coverage.looks / NEEDED, 0, 1), dtype=np.float32)


def wanted_of(coverage: Coverage, axis: str) -> dict[str, float]:
    """The same for each category that NEEDED_OF names on an axis, such as "expression"."""
    return {name: max(0.0, 1 - coverage.kinds[axis][name] / needed) for name, needed in NEEDED_OF[axis].items()}


# Parts of the heat map as people speak of them: in which cells, and what a face there counts beside others.
_DIRECTIONS: dict[str, tuple[NDArray[np.bool_], float]] = {
    "looking straight at the camera": (((np.abs(YAWS) <= 15)[:, None] & (PITCHES == 0)[None]), 2.0),
    "looking left": (((YAWS <= -30)[:, None] & np.ones(5, bool)[None]), 1.0),
    "looking right": (((YAWS >= 30)[:, None] & np.ones(5, bool)[None]), 1.0),
    "looking up": (((np.abs(YAWS) <= 15)[:, None] & (PITCHES > 0)[None]), 0.8),
    "looking down": (((np.abs(YAWS) <= 15)[:, None] & (PITCHES < 0)[None]), 0.8),
}
# What a whole lack of an expression counts beside a whole lack of the heat map, and how it is asked for.
_EXPRESSIONS = {
    "speaking": (0.25, "with the mouth open, as in talking or laughing"),
    "smiling": (0.15, "smiling"),
    "eyes_closed": (0.06, "with the eyes closed"),
}
# The same of light.
_CLIPS = {
    ("ambient", "neutral"): (0.15, "in daylight"),
    ("brightness", "normal"): (0.14, "in good light"),
    ("ambient", "warm"): (0.06, "in the warm light of a lamp"),
    ("light", "left"): (0.05, "with the light from the left"),
    ("light", "right"): (0.05, "with the light from the right"),
}
# A clip is not asked for where less than this share is lacking.
_ENOUGH = 0.5


# What a sentence of `advice` may be about.
ABOUT = ("direction", "expression", "light", "scene")


def advice(coverage: Coverage, name: str = "", about: Collection[str] = ABOUT) -> list[str]:
    """Up to five sentences on what to add, first what would help most; none where nothing much is lacking.

    name: the subject's, or "" to leave it out. about: of ABOUT, to hear of these only.
    """
    if not coverage.faces:
        return [f"Add footage in which {name or 'the face'} is seen from near, sharp and well lit."]
    of = f" of {name}" if name else ""
    said: list[tuple[float, str, str]] = []
    missing = np.maximum(NEEDED - coverage.looks, 0)
    for words, (where, weight) in _DIRECTIONS.items():
        lacking = int(missing[where].sum())
        if lacking >= WORTH_SAYING:
            sentence = f"You need {_round(lacking)} more faces{of} {words}."
            said.append((weight * lacking / int(NEEDED.sum()), "direction", sentence))
    for kind, (weight, words) in _EXPRESSIONS.items():
        needed = NEEDED_OF["expression"][kind]
        lacking = needed - coverage.kinds["expression"][kind]
        if lacking >= WORTH_SAYING:
            said.append((weight * lacking / needed, "expression", f"You need {_round(lacking)} more faces{of} {words}."))
    for (axis, kind), (weight, words) in _CLIPS.items():
        lack = wanted_of(coverage, axis)[kind]
        if lack >= _ENOUGH:
            said.append((weight * lack, "light", f"One clip {words} would help."))
    most = coverage.footage[0] / coverage.faces
    if most > ONE_SCENE:
        said.append((0.3 * (most - ONE_SCENE) / (1 - ONE_SCENE), "scene", "Most faces are from one scene: add another day."))
    wished = sorted((one for one in said if one[1] in about), key=lambda one: -one[0])
    return [sentence for *_, sentence in wished[:MOST_ADVICE]]


def _round(faces: int) -> int:
    """Up to the next ten; small numbers as they are."""
    return faces if faces < 20 else -(-faces // 10) * 10
