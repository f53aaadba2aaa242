"""A face of which only eyes, nose and mouth are known: turned too far, too dark or too blurred for the mesh to read.

The canonical face is turned until it fits; what comes out has the form of landmarks, is good for a place, a crop and a rough
pose, and for no more.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from processing.engine.arrays import Floats
from processing.engine.canonical import canonical_face
from processing.engine.detection import Detection

# What is known of the face: points of the mesh whose mean is each of the detector's first four.
PARTS = ((33, 133), (263, 362), (1,), (13, 14))
YAWS = np.arange(-90, 91, 5)
# A frontal face is the likelier one where the points fit two poses nearly as well.
DOUBT = 0.02


@lru_cache(maxsize=1)
def _poses() -> tuple[Floats, NDArray[np.complex128]]:
    """The canonical face at every yaw: (float32 (Y, 468, 3) with y down, complex (Y, 4) its parts)."""
    points = canonical_face().points * np.array([1, -1, -1], dtype=np.float32)
    angle = np.deg2rad(YAWS)
    turned = np.repeat(points[None], len(YAWS), axis=0)
    # to the picture's right is the way the nose goes at positive yaw
    turned[..., 0] = np.cos(angle)[:, None] * points[:, 0] - np.sin(angle)[:, None] * points[:, 2]
    turned[..., 2] = np.sin(angle)[:, None] * points[:, 0] + np.cos(angle)[:, None] * points[:, 2]
    parts = np.stack([turned[:, list(part), :2].mean(axis=1) for part in PARTS], axis=1)
    return turned, parts[..., 0] + 1j * parts[..., 1]


def fit(keypoints: Floats) -> tuple[int, complex, complex]:
    """Which yaw fits, and the turn and shift that lay it on the picture: picture = turn * face + shift, in complex numbers.

    keypoints: float32 (4 or more, 2): eyes, nose, mouth, as in Detection.
    """
    seen = keypoints[:4, 0] + 1j * keypoints[:4, 1]
    parts = _poses()[1]
    middle, centre = parts.mean(axis=1, keepdims=True), seen.mean()
    spread = (np.abs(parts - middle) ** 2).sum(axis=1)
    turn = ((parts - middle).conj() * (seen - centre)).sum(axis=1) / spread
    missed = (np.abs(turn[:, None] * (parts - middle) - (seen - centre)) ** 2).sum(axis=1) / (np.abs(seen - centre) ** 2).sum()
    best = int((missed + DOUBT * np.abs(YAWS) / 90).argmin())
    return best, complex(turn[best]), complex(centre - turn[best] * middle[best, 0])


def roll(keypoints: Floats) -> float:
    """Radians by which a face is tilted clockwise in the picture; in profile too, where the line of the eyes says little."""
    return float(np.angle(fit(keypoints)[1]))


def guess(face: Detection) -> Floats:
    """Landmarks as they would lie if the face were the canonical one: float32 (468, 3) pixels, in the detection's box."""
    best, turn, _ = fit(face.keypoints)
    model = _poses()[0][best]
    flat = turn * (model[:, 0] + 1j * model[:, 1])
    points = np.stack([flat.real, flat.imag, abs(turn) * model[:, 2]], axis=1)
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    points *= np.sqrt(np.prod(face.box[2:] - face.box[:2]) / np.prod(high - low))
    points[:, :2] += (face.box[:2] + face.box[2:]) / 2 - (points[:, :2].min(axis=0) + points[:, :2].max(axis=0)) / 2
    return points.astype(np.float32)
