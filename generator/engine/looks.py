"""In which light and from which side faces were seen, and how well one set of them prepares for another."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from processing.engine.categories import AXES, CONDITIONS, Category

Floats = NDArray[np.floating]

# faces seen in a light, or so many more, from which on it is known as well as it will be
ENOUGH = 60
# degrees beyond the angles that were seen at which a face is still drawn well
REACH = 10.0
# what a twin that was made for the scene's light gains over one that knows it among others
MADE_FOR_IT = 0.1
LIGHT, POSE, QUALITY, REFRESH = 0.45, 0.25, 0.3, 0.05


class Columns(Protocol):
    """Of `processing.engine.descriptors.Measures`: float (N,) each."""

    yaw: Floats
    pitch: Floats
    lightness: Floats
    lab_b: Floats


@dataclass(frozen=True)
class Looks:
    """Of a set of faces. conditions: name of each of categories.CONDITIONS -> faces seen in it, without those of none.
    yaw, pitch: degrees, the tenth and the ninetieth percentile. lightness: CIE L* 0..100, warmth: CIE b*, medians; None
    without faces."""

    conditions: dict[str, int]
    yaw: tuple[float, float] = (0.0, 0.0)
    pitch: tuple[float, float] = (0.0, 0.0)
    lightness: float | None = None
    warmth: float | None = None

    @classmethod
    def of(cls, table: Columns) -> Looks:
        """Faces of which a measure is not known (NaN) are left out."""
        known = np.isfinite(np.stack([table.yaw, table.pitch, table.lightness, table.lab_b])).all(axis=0)
        if not known.any():
            return cls({})
        values = {name: np.asarray(getattr(table, name))[known] for name in ("yaw", "pitch", "lightness", "lab_b")}
        first = _first(values, CONDITIONS)
        counts = np.bincount(first, minlength=len(CONDITIONS))
        yaw, pitch = ((float(low), float(high)) for low, high in (np.percentile(values[a], [10, 90]) for a in ("yaw", "pitch")))
        return cls(
            {condition.name: int(count) for condition, count in zip(CONDITIONS, counts, strict=True) if count},
            yaw,
            pitch,
            float(np.median(values["lightness"])),
            float(np.median(values["lab_b"])),
        )

    def dump(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def load(cls, data: bytes) -> Looks:
        plain = json.loads(data)
        return cls(**plain | {name: tuple(plain[name]) for name in ("yaw", "pitch")})

    @property
    def light(self) -> str:
        """The light of most of the faces in words, as in `the scene is warm and dim`; empty without faces."""
        if self.lightness is None or self.warmth is None:
            return ""
        values = {"lab_b": np.array([self.warmth]), "lightness": np.array([self.lightness])}
        colour = AXES["ambient"][_first(values, AXES["ambient"])[0]].name
        level = AXES["brightness"][_first(values, AXES["brightness"])[0]].name
        levels = {"dark": "dim", "bright": "bright", "normal": "well lit"}
        return levels[level] if colour == "neutral" else f"{colour} and {levels[level]}"


def _first(values: dict[str, Floats], categories: tuple[Category, ...]) -> NDArray[np.int64]:
    """int (N,): for each face the first category whose bounds hold; the last has none."""
    count = len(next(iter(values.values())))
    numbers = np.full(count, len(categories) - 1, np.int64)
    for number in range(len(categories) - 1, -1, -1):
        holds = np.ones(count, np.bool_)
        for bound in categories[number].bounds:
            holds &= (values[bound.column] > bound.over) & (values[bound.column] <= bound.up_to)
        numbers[holds] = number
    return numbers


@dataclass(frozen=True)
class Fit:
    """How well a twin fits a scene. light, pose, quality: 0..1 each, light up to 1 + MADE_FOR_IT. score: all of them weighed."""

    light: float
    pose: float
    quality: float
    refresh: bool

    @property
    def score(self) -> float:
        return LIGHT * self.light + POSE * self.pose + QUALITY * self.quality - REFRESH * self.refresh


def fit(scene: Looks, learned: Looks | None, condition: str, quality: float, *, refresh: bool) -> Fit:
    """scene: of the template's face. learned: of the faces that the twin learned from, None where that is not known.
    condition: the one that it was made for, or "". quality: 0..1. refresh: whether it would have to learn with the template
    first. What is not known of a twin counts as nothing, so that it is never the reason for which it is picked."""
    seen = sum(scene.conditions.values())
    shares = {name: count / seen for name, count in scene.conditions.items()} if seen else {}
    known = learned.conditions if learned else {condition: ENOUGH} if condition else {}
    light = sum(share * min(1.0, known.get(name, 0) / ENOUGH) for name, share in shares.items())
    light += MADE_FOR_IT * shares.get(condition, 0.0)
    pose = (_covered(scene.yaw, learned.yaw) + _covered(scene.pitch, learned.pitch)) / 2 if learned and seen else 0.0
    return Fit(light, pose, min(1.0, max(0.0, quality)), refresh)


def _covered(wanted: tuple[float, float], known: tuple[float, float]) -> float:
    """Part 0..1 of the angles of `wanted` that lie within those of `known`, or REACH beyond."""
    low, high = known[0] - REACH, known[1] + REACH
    length = max(wanted[1] - wanted[0], 1.0)
    return min(1.0, max(0.0, min(wanted[0] + length, high) - max(wanted[0], low)) / length)
