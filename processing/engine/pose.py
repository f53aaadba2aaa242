"""How a head is turned, and its mesh turned back to look at the camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from processing.engine.arrays import Floats
from processing.engine.canonical import canonical_face


@dataclass(frozen=True)
class Head:
    """yaw, pitch, roll: degrees; 0, 0, 0 looks at the camera; positive yaw turns to the picture's right, positive
    pitch looks up, positive roll tilts clockwise in the picture.
    points: float32 (468, 3), the mesh as it would be if the head looked at the camera, scaled to the canonical face:
    centimetres, x to the right of the picture, y up, z to the viewer.
    """

    yaw: float
    pitch: float
    roll: float
    points: Floats


def head(landmarks: Floats) -> Head:
    """Weighted Procrustes of the canonical face onto the landmarks, float32 (468, 3) pixels (Kabsch 1976)."""
    face = canonical_face()
    weights = face.weights.astype(np.float64)
    model = face.points.astype(np.float64)
    seen = landmarks[:, :3].astype(np.float64) * [1, -1, -1]  # y up, z to the viewer
    origin = weights @ model
    model = model - origin
    seen = seen - weights @ seen
    u, stretch, vt = np.linalg.svd((seen * weights[:, None]).T @ model)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * sign) @ vt
    scale = float((stretch * sign).sum() / (weights @ (model**2).sum(axis=1)))
    # rotation = turn about z by -roll, of a turn about y by yaw, of a turn about x by -pitch: so that turning the
    # picture in its plane changes roll alone.
    yaw = np.arcsin(np.clip(-rotation[2, 0], -1, 1))
    pitch = -np.arctan2(rotation[2, 1], rotation[2, 2])
    roll = -np.arctan2(rotation[1, 0], rotation[0, 0])
    return Head(
        yaw=float(np.rad2deg(yaw)),
        pitch=float(np.rad2deg(pitch)),
        roll=float(np.rad2deg(roll)),
        points=(seen @ rotation / max(scale, 1e-9) + origin).astype(np.float32),
    )


def head_pose(landmarks: Floats) -> tuple[float, float, float]:
    """Yaw, pitch, roll in degrees, as in `Head`. landmarks: float32 (468, 3) pixels."""
    seen = head(landmarks)
    return seen.yaw, seen.pitch, seen.roll
