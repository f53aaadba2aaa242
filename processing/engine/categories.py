"""Plain words for the measures of a face, all from one table of thresholds.

A face falls into the first category of an axis whose bounds all hold; the last one of each axis has none and takes
what is left, so every face is in exactly one. Nothing here looks at a picture: after a change of this table the stored
descriptors are read again, and that is all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from processing.engine.arrays import Floats
from processing.engine.descriptors import Measures

Columns = Measures[Floats, NDArray[np.uint64]]
Numbers = NDArray[np.int8]


@dataclass(frozen=True)
class Bound:
    """Holds where a column of the descriptors is over `over` and not over `up_to`."""

    column: str
    over: float = -np.inf
    up_to: float = np.inf


@dataclass(frozen=True)
class Category:
    """name: for code and addresses. label: for pages. bounds: all of them must hold."""

    name: str
    label: str
    bounds: tuple[Bound, ...] = ()


def _is(name: str, label: str, column: str = "", over: float = -np.inf, up_to: float = np.inf) -> Category:
    return Category(name, label, (Bound(column, over, up_to),) if column else ())


# Left and right are those of the picture. Units are those of `descriptors.Measures`.
AXES: dict[str, tuple[Category, ...]] = {
    "view": (
        _is("up", "looking up", "pitch", over=18),
        _is("down", "looking down", "pitch", up_to=-20),
        _is("left", "turned left", "yaw", up_to=-40),
        _is("right", "turned right", "yaw", over=40),
        _is("half_left", "half turned left", "yaw", up_to=-15),
        _is("half_right", "half turned right", "yaw", over=15),
        _is("frontal", "from the front"),
    ),
    "expression": (
        _is("eyes_closed", "eyes closed", "eyes_closed", over=0.75),
        _is("smiling", "smiling", "smile", over=0.5),
        _is("speaking", "mouth open", "mouth_open", over=0.2),
        _is("brows_raised", "brows raised", "brows", over=0.75),
        _is("neutral", "calm"),
    ),
    "ambient": (
        _is("warm", "warm light", "lab_b", over=15),
        _is("cool", "cool light", "lab_b", up_to=-12),
        _is("neutral", "neutral light"),
    ),
    "brightness": (
        _is("dark", "dark", "lightness", up_to=32),
        _is("bright", "very bright", "lightness", over=80),
        _is("normal", "well lit"),
    ),
    "light": (
        _is("flat", "even light", "light_strength", up_to=0.3),
        _is("top", "light from above", "light_elevation", over=50),
        _is("below", "light from below", "light_elevation", up_to=-25),
        _is("left", "light from the left", "light_azimuth", up_to=-35),
        _is("right", "light from the right", "light_azimuth", over=35),
        _is("front", "light from the front"),
    ),
    "sharpness": (
        _is("blurred", "blurred", "sharpness", up_to=0.25),
        _is("soft", "soft", "sharpness", up_to=0.38),
        _is("sharp", "sharp"),
    ),
    "noise": (
        _is("noisy", "noisy", "noise", over=6),
        _is("grainy", "grainy", "noise", over=2.5),
        _is("clean", "clean"),
    ),
    "size": (
        _is("small", "small", "size", up_to=80),
        _is("medium", "medium", "size", up_to=160),
        _is("large", "large"),
    ),
    "occlusion": (
        _is("hidden", "largely hidden", "occlusion", over=0.25),
        _is("partly", "partly hidden", "occlusion", over=0.08),
        _is("free", "nothing hides it"),
    ),
    # Individual typology angle (Chardon et al. 1991). It serves to match a template's face to the subject's and is
    # not for pages that say something about a person.
    "tone": (
        _is("very_light", "very light", "ita", over=55),
        _is("light", "light", "ita", over=41),
        _is("intermediate", "intermediate", "ita", over=28),
        _is("tan", "tan", "ita", over=10),
        _is("brown", "brown", "ita", over=-30),
        _is("dark", "dark"),
    ),
}

SHOWN = tuple(axis for axis in AXES if axis != "tone")  # the axes for pages

# The environments that get datasets and models of their own: the colour of the light, and whether there is enough.
CONDITIONS: tuple[Category, ...] = tuple(
    Category(name, label, (*colour.bounds, *level))
    for colour in AXES["ambient"]
    for name, label, level in (
        (f"{colour.name}_dark", f"{colour.label}, dark", AXES["brightness"][0].bounds),
        (colour.name, colour.label, ()),
    )
)

UNKNOWN = -1


def categorise(table: Columns) -> dict[str, Numbers]:
    """Axis -> int8 (N,), for each face the number of its category in AXES[axis].

    UNKNOWN, -1, where a measure is not known (NaN: the face was erased).
    """
    return {axis: sort(table, categories) for axis, categories in AXES.items()}


def condition_of(table: Columns) -> Numbers:
    """int8 (N,): for each face the number of its condition in CONDITIONS, or UNKNOWN."""
    return sort(table, CONDITIONS)


def sort(table: Columns, categories: tuple[Category, ...]) -> Numbers:
    """int8 (N,): the first of the categories whose bounds hold, UNKNOWN where a column that they name is NaN."""
    numbers = np.full(np.shape(table.yaw), len(categories) - 1, dtype=np.int8)
    for number in range(len(categories) - 1, -1, -1):
        holds = np.ones(numbers.shape, dtype=np.bool_)
        for bound in categories[number].bounds:
            column = getattr(table, bound.column)
            holds &= (column > bound.over) & (column <= bound.up_to)
        numbers[holds] = number
    for name in {bound.column for category in categories for bound in category.bounds}:
        numbers[np.isnan(getattr(table, name))] = UNKNOWN
    return numbers
