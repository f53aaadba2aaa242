"""The 468 points of a face: MediaPipe's face mesh (Kartynnik et al. 2019), looked at several times and averaged.

The network sees a square around the face, turned upright. Where the square lies badly, it is set anew from the points
found. The face is read in slightly different squares and in the mirror.
The mean of these readings jitters less than one reading, and how far they disagree tells how far they can be trusted.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from processing.engine import models
from processing.engine.arrays import Floats, Image
from processing.engine.canonical import apply, canonical_face, invert, warp
from processing.engine.detection import Detection
from processing.engine.glimpse import roll

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

    views: how many readings are averaged, 1 to 4; each costs about a millisecond. Beyond 2 the face is measured closely.
    """

    def __init__(self, threads: int = 1, views: int = 4) -> None:
        self._network = models.Model(models.MESH, threads)
        self._views = VIEWS[:views]

    def landmarks(self, image: Image, start: Detection | Floats) -> Landmarks | None:
        """Points of the face near `start`, or None if no face is there.

        image: uint8 (H, W, 3). start: a detection, or this face's landmarks (468, 3) in the frame before.
        """
        if isinstance(start, Detection):
            first = self._read(_near_view(image, _square_of_detection(start), self._network.size), _square_of_detection(start))
            if first is None:
                return None
            points = first[0]
        else:
            points = start
        square = _square_of_points(points)
        if len(self._views) > 2:
            # where many readings are worth while, so is one more that says where to take them
            settled = self._read(_near_view(image, square, self._network.size), square)
            if settled is None:
                return None
            square = _square_of_points(settled[0])
        for turn in range(TURNS):
            readings, beliefs = self._views_of(image, square)
            if len(readings) * 2 < len(self._views) or not readings:
                return None
            mean = np.mean(readings, axis=0)
            again = _square_of_points(mean)
            if turn == TURNS - 1 or not _strayed(square, again):
                break
            # the square had cut or turned the face, or the face has moved on since the frame before
            square = again
        stack = np.stack(readings)
        mean = np.asarray(mean, dtype=np.float32)
        if not _is_face_shaped(mean):
            return None
        spread = float(np.linalg.norm((stack - mean)[..., :2], axis=-1).mean()) / float(square[1])
        belief = sum(beliefs) / len(self._views)
        return Landmarks(mean, belief * float(np.exp(-((spread / SPREAD_LIMIT) ** 2))))

    def _views_of(self, image: Image, square: tuple[Floats, float, float]) -> tuple[list[Floats], list[float]]:
        """What is read in each view in which the network sees a face: (points, beliefs)."""
        readings, beliefs = [], []
        view = _near_view(image, square, self._network.size)
        for zoom, turn, mirrored in self._views:
            reading = self._read(view, (square[0], square[1] * zoom, square[2] + np.deg2rad(turn)), mirrored)
            if reading is not None:
                readings.append(reading[0])
                beliefs.append(reading[1])
        return readings, beliefs

    def _read(self, view: _View, square: tuple[Floats, float, float], mirrored: bool = False) -> tuple[Floats, float] | None:
        """One reading: (points (468, 3) picture pixels, belief 0..1), or None where the network sees no face."""
        size = self._network.size
        matrix = _matrix_of_square(square, size)
        seen = view.warp(matrix, size)
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


# How often a face is read at most until the place from which it is read is the one where it is found. Of one that moves by half
# its width between two looks the first reading is a compromise, believed in, of where it is and where it was.
TURNS = 4
# Shift and change of size, as shares of the square's side, and half the turn in radians, that leave a reading as good as any.
STRAYED = 0.06
# Mean disagreement of readings, as a share of the square's side, at which the score falls to 1/e.
SPREAD_LIMIT = 0.02


@dataclass(frozen=True)
class _View:
    """A part of the picture, shrunk by area about to the network's own scale, from which several squares are cut.

    ratio: float64 (2,), pixels of the picture to one of the view. corner: float64 (2,), where the view's first pixel begins.
    """

    image: Image
    ratio: NDArray[np.float64]
    corner: NDArray[np.float64]

    def warp(self, matrix: Floats, size: int) -> Image:
        """As `canonical.warp`: matrix (2, 3) takes pixels of the whole picture to those of the result."""
        remaining = np.empty((2, 3), dtype=np.float32)
        remaining[:, :2] = matrix[:, :2] * self.ratio
        remaining[:, 2] = matrix[:, 2] + matrix[:, :2] @ (0.5 * self.ratio - 0.5 + self.corner)
        return warp(self.image, remaining, size, fast=True)


def _near_view(image: Image, square: tuple[Floats, float, float], size: int) -> _View:
    """What the views of a square need of a picture: a part half as wide again, for they are turned."""
    centre, side, _ = square
    height, width = image.shape[:2]
    left, top = np.clip(np.floor(centre - 0.75 * side), 0, [width - 1, height - 1]).astype(int)
    right, bottom = np.clip(np.ceil(centre + 0.75 * side), [left + 1, top + 1], [width, height]).astype(int)
    part = image[top:bottom, left:right]
    if side > 1.2 * size:
        small = (max(1, round(part.shape[1] * size / side)), max(1, round(part.shape[0] * size / side)))
        part = np.asarray(cv2.resize(part, small, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    ratio = np.array([right - left, bottom - top]) / [part.shape[1], part.shape[0]]
    return _View(part, ratio, np.array([left, top], dtype=np.float64))


def _matrix_of_square(square: tuple[Floats, float, float], size: int) -> Floats:
    """(centre, side, angle) -> picture pixels to network pixels, float32 (2, 3)."""
    centre, side, angle = square
    scale = size / side
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    turn = np.array([[c, s], [-s, c]])
    middle = size / 2 - 0.5
    return np.concatenate([turn, (middle - turn @ centre)[:, None]], axis=1).astype(np.float32)


def _square_of_detection(face: Detection) -> tuple[Floats, float, float]:
    # one detector's boxes are square, the other's are as high as the face: they agree in their area
    side = float(np.sqrt(np.prod(face.box[2:] - face.box[:2]))) * MARGIN
    centre = (face.box[:2] + face.box[2:]) / 2
    return centre.astype(np.float32), side, roll(face.keypoints)


def _square_of_points(points: Floats) -> tuple[Floats, float, float]:
    across = points[list(LEFT_EYE), :2].mean(axis=0) - points[list(RIGHT_EYE), :2].mean(axis=0)
    angle = float(np.arctan2(across[1], across[0]))
    c, s = np.cos(angle), np.sin(angle)
    upright = points[:, :2] @ np.array([[c, -s], [s, c]])
    low, high = upright.min(axis=0), upright.max(axis=0)
    centre = np.array([[c, -s], [s, c]]) @ ((low + high) / 2)
    return centre.astype(np.float32), float((high - low).max()) * MARGIN, angle


def _strayed(square: tuple[Floats, float, float], again: tuple[Floats, float, float]) -> bool:
    """True if the square in which a face was read lies badly round what was read in it."""
    shift = float(np.linalg.norm(again[0] - square[0])) / square[1]
    return shift > STRAYED or abs(float(np.log(again[1] / square[1]))) > STRAYED or abs(again[2] - square[2]) > 2 * STRAYED


def _is_face_shaped(points: Floats) -> bool:
    """False where the mesh has collapsed or folded over, as it does on things that are no face."""
    size = points[:, :2].max(axis=0) - points[:, :2].min(axis=0)
    if size.min() < 4 or size.max() > 4 * size.min():
        return False
    hull = cv2.contourArea(cv2.convexHull(np.ascontiguousarray(points[:, :2])))
    return bool(hull > 0.3 * size[0] * size[1])
