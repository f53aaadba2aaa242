"""The bounds that a family may move, in words and units for people, and what each of them costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from processing.engine.canonical import CROP_SIZE
from processing.engine.filtering import Thresholds
from processing.engine.pack import DescriptorTable


class BoundError(ValueError):
    """A bound cannot be that. The message is one sentence for the person."""


@dataclass(frozen=True)
class Bound:
    """A field of `Thresholds` for people.

    label, unit, hint: words. least, most: what it may be. shown: what it is multiplied by on pages. column: the measure that
    it bounds, by its size where `either_side`, from above where `above`; "" for near duplicates, which are told in pairs.
    """

    name: str
    label: str
    unit: str
    hint: str
    least: float
    most: float
    column: str = ""
    above: bool = False
    either_side: bool = False
    shown: float = 1.0

    def beyond(self, table: DescriptorTable, thresholds: Thresholds) -> NDArray[np.bool_]:
        """bool (N,): which faces are beyond it; nobody is whose measure is not known, and for near duplicates nobody."""
        if not self.column:
            return np.zeros(len(table), dtype=np.bool_)
        measure = getattr(table, self.column)
        measure = np.abs(measure) if self.either_side else measure
        limit = getattr(thresholds, self.name)
        return np.asarray(measure > limit if self.above else measure < limit, dtype=np.bool_)


BOUNDS: tuple[Bound, ...] = (
    Bound("min_size", "Smallest face", "pixels", "Side of the square round the face, in the film itself.", 24, 400, "size"),
    Bound("max_yaw", "Turned to the side at most", "degrees", "90 is a profile.", 10, 90, "yaw", True, True),
    Bound("max_pitch", "Turned up or down at most", "degrees", "0 looks straight ahead.", 10, 90, "pitch", True, True),
    Bound("min_exposure", "Darkest face", "of 255", "Mean lightness of the face.", 0, 120, "exposure"),
    Bound("max_exposure", "Lightest face", "of 255", "Mean lightness of the face.", 140, 255, "exposure", above=True),
    Bound(
        "min_sharpness",
        "Least sharpness",
        "of 100",
        "A good old video has 40, the same out of focus 24.",
        0.0,
        0.6,
        "sharpness",
        shown=100,
    ),
    Bound(
        "max_occlusion",
        "Hidden at most",
        "% of the face",
        "By a hand, hair, glasses; both eyes are a quarter.",
        0.0,
        1.0,
        "occlusion",
        above=True,
        shown=100,
    ),
    Bound(
        "min_score",
        "Least trust in where eyes and mouth are",
        "%",
        "It falls where something hides them.",
        0.0,
        1.0,
        "score",
        shown=100,
    ),
    Bound(
        "duplicate_shape",
        "Nearly the same: features lie apart by less than",
        f"pixels of {CROP_SIZE}",
        "0 keeps every picture that is not the very same.",
        0.0,
        0.02,
        shown=CROP_SIZE,
    ),
    Bound(
        "duplicate_bits",
        "Nearly the same: pictures differ in no more than",
        "of 64 bits",
        "Both must hold for one of two faces to be put aside.",
        0,
        32,
    ),
)
BY_NAME = {bound.name: bound for bound in BOUNDS}


def thresholds_with(changes: dict[str, float]) -> Thresholds:
    """The thresholds with some bounds moved. BoundError for an unknown name, what is no number, and what makes no sense."""
    for name, value in changes.items():
        _check(name, value)
    whole = {name: int(value) for name, value in changes.items() if name == "duplicate_bits"}
    return replace(Thresholds(), **changes | whole)  # type: ignore[arg-type]


def _check(name: str, value: float) -> None:
    bound = BY_NAME.get(name)
    if bound is None:
        raise BoundError(f"There is no bound called {name}.")
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise BoundError(f"“{bound.label}” must be a number.")
    if not bound.least <= value <= bound.most:
        least, most = (f"{limit * bound.shown:g}" for limit in (bound.least, bound.most))
        raise BoundError(f"“{bound.label}” must lie between {least} and {most} {bound.unit}.")
    if name == "duplicate_bits" and value != int(value):
        raise BoundError(f"“{bound.label}” must be a whole number.")


def moved(thresholds: Thresholds) -> dict[str, float]:
    """The bounds that are not as `Thresholds` has them."""
    usual = asdict(Thresholds())
    return {name: value for name, value in asdict(thresholds).items() if value != usual[name]}


def costs(table: DescriptorTable, thresholds: Thresholds) -> dict[str, tuple[int, int]]:
    """Name of each bound of a measure -> (faces beyond it, those of them that are within all others)."""
    beyond = {bound.name: bound.beyond(table, thresholds) for bound in BOUNDS if bound.column}
    faults = np.sum(list(beyond.values()), axis=0)
    return {name: (int(which.sum()), int((which & (faults == 1)).sum())) for name, which in beyond.items()}


def within(changes: Mapping[str, float]) -> dict[str, float]:
    """What of stored changes still makes sense: unknown names left out, values brought into their bounds."""
    return {
        name: min(max(value, bound.least), bound.most)
        for name, bound in BY_NAME.items()
        if isinstance(value := changes.get(name), int | float) and not isinstance(value, bool) and isfinite(value)
    }
