"""What a face does, as a short vector that a scene can ask for and a picture can be measured by.

The measures are those of the mesh turned to the camera, not cut at both ends as the dataset's are, so that a difference between
two faces stays a difference. They mean something within one person only: where a mouth rests differs between people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from processing.engine.expression import mouth_open
from processing.engine.pose import head

Floats = NDArray[np.float32]

# yaw, pitch: degrees, as of `processing.engine.pose.Head`. open: height over width of the gap between the lips. wide: width of
# the mouth over the distance of the eyes' outer corners. corners: height of the mouth's corners over the middle of the lips, the
# same unit. brows: their height over the eyes' corners, the same unit. eyes: height over width of the eyes' openings.
AXES = ("yaw", "pitch", "open", "wide", "corners", "brows", "eyes")
POSE, MIMICS = AXES[:2], AXES[2:]

# Ways shorter than these are what the mesh misreads, on the same axes.
_LEAST = np.array([2.0, 2.0, 0.02, 0.01, 0.005, 0.005, 0.01], np.float32)
_BROWS = [70, 63, 105, 66, 107, 300, 293, 334, 296, 336]
_EYE_CORNERS = [33, 133, 362, 263]
_LIDS = (((159, 145), (158, 153), (160, 144), (33, 133)), ((386, 374), (385, 380), (387, 373), (263, 362)))


def drive_of(landmarks: Floats) -> Floats:
    """What one face does. landmarks: float32 (468, 3), pixels of any picture. -> float32 (7,), a number for each of AXES."""
    seen = head(landmarks)
    points = seen.points
    unit = max(float(np.linalg.norm(points[33] - points[263])), 1e-6)
    corners = float(points[[61, 291], 1].mean())
    return np.array(
        [
            seen.yaw,
            seen.pitch,
            mouth_open(landmarks),
            float(np.linalg.norm(points[61] - points[291])) / unit,
            (corners - float(points[[0, 17], 1].mean())) / unit,
            float(points[_BROWS, 1].mean() - points[_EYE_CORNERS, 1].mean()) / unit,
            _eyes_open(landmarks),
        ],
        np.float32,
    )


def drives_of(landmarks: Floats) -> Floats:
    """landmarks: float32 (N, 468, 3) -> float32 (N, 7)."""
    return np.stack([drive_of(points) for points in landmarks]) if len(landmarks) else np.zeros((0, len(AXES)), np.float32)


def _eyes_open(landmarks: Floats) -> float:
    def apart(a: int, b: int) -> float:
        return float(np.linalg.norm(landmarks[a] - landmarks[b]))

    ratios = [np.mean([apart(*pair) for pair in lid[:3]]) / max(apart(*lid[3]), 1e-6) for lid in _LIDS]
    return float(np.mean(ratios))


@dataclass(frozen=True)
class Range:
    """How far a person was seen to go on each of AXES: float32 (7,) each, low <= rest <= high."""

    low: Floats
    rest: Floats
    high: Floats

    def reach(self, drives: Floats) -> Floats:
        """Drives (N, 7) as parts of the way from rest to the end: -1 is `low`, 0 rest, 1 `high`; less where a person was hardly
        seen to move."""
        away = drives - self.rest
        span = np.where(away < 0, self.rest - self.low, self.high - self.rest)
        return np.asarray(away / np.maximum(span, _LEAST), np.float32)

    def at(self, parts: Floats) -> Floats:
        """The inverse of `reach`, but for where a person was hardly seen to move."""
        span = np.where(parts < 0, self.rest - self.low, self.high - self.rest)
        return np.asarray(self.rest + parts * span, np.float32)


# The named expressions, each as parts of the way from this person's rest to the most that was seen of them (`Range.at`);
# what is not named rests.
EXPRESSIONS: dict[str, Mapping[str, float]] = {
    "neutral": {},
    "smile": {"wide": 0.9, "corners": 0.9, "open": 0.15, "eyes": -0.15},
    "laugh": {"wide": 0.9, "corners": 0.7, "open": 0.75, "eyes": -0.35, "brows": 0.2},
    "surprise": {"open": 0.7, "brows": 1.0, "eyes": 0.9, "wide": -0.3},
    "sad": {"corners": -0.9, "wide": -0.3, "brows": -0.4, "eyes": -0.25},
    "eyes_closed": {"eyes": -1.0},
    "speak": {},
}


def parts_of(expression: str) -> Floats:
    """A named expression as float32 (7,) parts. KeyError for one that there is not."""
    asked = EXPRESSIONS[expression]
    return np.array([asked.get(axis, 0.0) for axis in AXES], np.float32)


# Ways, on the same axes, that are seen as an expression by whoever looks on.
_PLAIN = {"open": 0.1, "wide": 0.04, "corners": 0.02, "brows": 0.015, "eyes": 0.06}


def hardly_seen(seen: Range) -> list[str]:
    """Named expressions that a person was hardly seen to make, so that a scene can show little of them."""
    ways = {True: seen.high - seen.rest, False: seen.rest - seen.low}
    faint = []
    for name, asked in EXPRESSIONS.items():
        if asked:
            axis = max(asked, key=lambda one: abs(asked[one]))
            if ways[asked[axis] > 0][AXES.index(axis)] < _PLAIN[axis]:
                faint.append(name)
    return faint
