"""The 468 points of a face: MediaPipe's face mesh (Kartynnik et al. 2019), looked at several times and averaged.

The network sees a square around the face, turned upright. Where the square comes from a detection, it is set anew from
the points found, until it lies well; then the face is read again in slightly different squares and in the mirror.
The mean of these readings jitters less than one reading, and how far they disagree tells how far they can be trusted.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from processing.engine import models
from processing.engine.arrays import Floats, Image
from processing.engine.canonical import apply, canonical_face, invert, warp
from processing.engine.detection import Detection

RIGHT_EYE, LEFT_EYE = (33, 133), (263, 362)
# Side of the square over the longer side of the face, and how the readings that are averaged differ from it:
# (zoom, turn in degrees, mirrored).
MARGIN = 1.5
VIEWS = ((1.0, 0.0, False), (1.0, 0.0, True), (0.95, 2.0, False), (1.05, -2.0, True))


@dataclass(frozen=True)
class Landmarks:
    """points: float32 (468, 3): x, y in pixels, z in pixels too, smaller is nearer to the camera, 0 at the head's
    centre. score: 0..1, the network's belief in a face, lowered as its readings disagree; under 0.5 do not use it.
    """

    points: Floats
    score: float


class FaceMesh:
    """Reads the points of one face at a time. Keep one for each thread.

    views: how many readings are averaged, 1 to 4; each costs about a millisecond.
    """

    def __init__(self, threads: int = 1, views: int = 4) -> None:
        self._network = models.Model(models.MESH, threads)
        self._views = VIEWS[:views]

    def landmarks(self, image: Image, start: Detection | Floats) -> Landmarks | None:
        """Points of the face near `start`, or None if no face is there.

        image: uint8 (H, W, 3). start: a detection, or this face's landmarks (468, 3) in the frame before.
        """
        if isinstance(start, Detection):
            first = self._read(image, _square_of_detection(start))
            if first is None:
                return None
            points, _ = first
        else:
            points = start
        # A second look from the points found: the first square may have cut or turned the face.
        again = self._read(image, _square_of_points(points))
        if again is None:
            return None
        points = again[0]
        square = _square_of_points(points)
        readings, beliefs = [], []
        for zoom, turn, mirrored in self._views:
            reading = self._read(image, (square[0], square[1] * zoom, square[2] + np.deg2rad(turn)), mirrored)
            if reading is not None:
                readings.append(reading[0])
                beliefs.append(reading[1])
        if len(readings) * 2 < len(self._views) or not readings:
            return None
        stack = np.stack(readings)
        mean = stack.mean(axis=0).astype(np.float32)
        if not _is_face_shaped(mean):
            return None
        spread = float(np.linalg.norm((stack - mean)[..., :2], axis=-1).mean()) / float(square[1])
        belief = sum(beliefs) / len(self._views)
        return Landmarks(mean, belief * float(np.exp(-((spread / SPREAD_LIMIT) ** 2))))

    def _read(self, image: Image, square: tuple[Floats, float, float], mirrored: bool = False) -> tuple[Floats, float] | None:
        """One reading: (points (468, 3) picture pixels, belief 0..1), or None where the network sees no face."""
        size = self._network.size
        matrix = _matrix_of_square(square, size)
        seen = warp(image, matrix, size, fast=True)
        if mirrored:
            seen = np.ascontiguousarray(seen[:, ::-1])
        raw, flag = self._network(seen.astype(np.float32) / 255.0)
        belief = float(1.0 / (1.0 + np.exp(-np.clip(flag.reshape(-1)[0], -60, 60))))
        if belief < 0.5:
            return None
        points = raw.reshape(468, 3).astype(np.float32)
        if mirrored:
            points[:, 0] = size - points[:, 0]
            points = points[canonical_face().mirror]
        points[:, :2] -= 0.5  # the network counts from the edge of a pixel, pictures from its centre
        return apply(invert(matrix), points), belief


# Mean disagreement of readings, as a share of the square's side, at which the score falls to 1/e.
SPREAD_LIMIT = 0.02


def _matrix_of_square(square: tuple[Floats, float, float], size: int) -> Floats:
    """(centre, side, angle) -> picture pixels to network pixels, float32 (2, 3)."""
    centre, side, angle = square
    scale = size / side
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    turn = np.array([[c, s], [-s, c]])
    middle = size / 2 - 0.5
    return np.concatenate([turn, (middle - turn @ centre)[:, None]], axis=1).astype(np.float32)


def _square_of_detection(face: Detection) -> tuple[Floats, float, float]:
    across = face.keypoints[1] - face.keypoints[0]
    angle = float(np.arctan2(across[1], across[0]))
    side = float((face.box[2:] - face.box[:2]).max()) * MARGIN
    centre = (face.box[:2] + face.box[2:]) / 2
    return centre.astype(np.float32), side, angle


def _square_of_points(points: Floats) -> tuple[Floats, float, float]:
    across = points[list(LEFT_EYE), :2].mean(axis=0) - points[list(RIGHT_EYE), :2].mean(axis=0)
    angle = float(np.arctan2(across[1], across[0]))
    c, s = np.cos(angle), np.sin(angle)
    upright = points[:, :2] @ np.array([[c, -s], [s, c]])
    low, high = upright.min(axis=0), upright.max(axis=0)
    centre = np.array([[c, -s], [s, c]]) @ ((low + high) / 2)
    return centre.astype(np.float32), float((high - low).max()) * MARGIN, angle


def _is_face_shaped(points: Floats) -> bool:
    """False where the mesh has collapsed or folded over, as it does on things that are no face."""
    size = points[:, :2].max(axis=0) - points[:, :2].min(axis=0)
    if size.min() < 4 or size.max() > 4 * size.min():
        return False
    hull = cv2.contourArea(cv2.convexHull(np.ascontiguousarray(points[:, :2])))
    return bool(hull > 0.3 * size[0] * size[1])
