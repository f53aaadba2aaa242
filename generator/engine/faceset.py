"""The faces that a training sees, held whole in memory as uint8."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from processing.engine.canonical import FOREHEAD, hull_mask

# Rings of the 468-point mesh: the edges of the lids, the lips, and the opening between the lips.
_RIGHT_EYE = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
_LEFT_EYE = (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249)
_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
_MOUTH = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
_FINER = 4
_MINIMUM = 8


class FaceSetError(ValueError):
    """The faces cannot be learned from; the message says what is missing."""


@dataclass(frozen=True)
class FaceSet:
    """Aligned crops of one side of a training.

    images: uint8 (N, S, S, 3) RGB. masks: uint8 (N, S, S), 255 on the face. moments: float (N,), when each was seen, in
    seconds or frames, only for splitting by time. features: uint8 (N, S, S), 255 on eyes and mouth, or None when unknown.
    openings: uint8 (N, S, S), 255 between the lids and between the lips, or None; see `opening_mask`. held_out: bool (N,), which
    faces the training must not see, or None when that is not decided yet.
    """

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    moments: NDArray[np.floating]
    features: NDArray[np.uint8] | None = None
    openings: NDArray[np.uint8] | None = None
    held_out: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        count = len(self.images)
        if self.images.ndim != 4 or self.images.shape[-1] != 3 or self.images.shape[1] != self.images.shape[2]:
            raise FaceSetError(f"Faces must be square RGB crops, and these have shape {self.images.shape}.")
        if any(array.dtype != np.uint8 for array in (self.images, self.masks)):
            raise FaceSetError("Faces and their masks must be 8-bit.")
        if self.masks.shape != self.images.shape[:3] or self.moments.shape != (count,):
            raise FaceSetError("Every face needs one mask of its own size and one moment.")
        for drawn in (self.features, self.openings):
            if drawn is not None and drawn.shape != self.masks.shape:
                raise FaceSetError("The maps of eyes and mouth must be as large as the masks.")
        if self.held_out is not None and self.held_out.shape != (count,):
            raise FaceSetError("It must be said of every face, or of none, whether it is held out.")

    def __len__(self) -> int:
        return len(self.images)

    def digest(self) -> str:
        """What tells these very faces from any others: BLAKE2b over pictures, masks and what is held out, 32 hex digits."""
        told = hashlib.blake2b(repr(self.images.shape).encode(), digest_size=16)
        for part in (self.images, self.masks, self.held_out):
            if part is not None:
                told.update(np.ascontiguousarray(part).data)
        return told.hexdigest()

    def take(self, chosen: NDArray[np.integer] | NDArray[np.bool_]) -> FaceSet:
        """The chosen faces as a set of their own."""
        features, openings = (None if drawn is None else drawn[chosen] for drawn in (self.features, self.openings))
        held_out = None if self.held_out is None else self.held_out[chosen]
        return FaceSet(self.images[chosen], self.masks[chosen], self.moments[chosen], features, openings, held_out)

    def resized(self, size: int) -> FaceSet:
        """The same faces `size` pixels wide, averaged down or interpolated up."""
        if self.images.shape[1] == size:
            return self
        features, openings = (None if drawn is None else _resize(drawn, size) for drawn in (self.features, self.openings))
        return FaceSet(_resize(self.images, size), _resize(self.masks, size), self.moments, features, openings, self.held_out)


def _resize(stack: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    how = cv2.INTER_AREA if stack.shape[1] > size else cv2.INTER_CUBIC
    return np.stack([cv2.resize(picture, (size, size), interpolation=how) for picture in stack]).astype(np.uint8)


def feature_mask(landmarks: NDArray[np.floating], size: int) -> NDArray[np.uint8]:
    """landmarks (468, 2 or 3) in crop pixels -> uint8 (size, size), 255 on eyes and mouth with a little skin."""
    mask = np.zeros((size, size), np.uint8)
    for ring in (_RIGHT_EYE, _LEFT_EYE, _LIPS):
        cv2.fillConvexPoly(mask, cv2.convexHull(np.round(landmarks[list(ring), :2]).astype(np.int32)), 255)
    reach = max(3, size // 24 * 2 + 1)
    return np.asarray(cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))), np.uint8)


def opening_mask(landmarks: NDArray[np.floating], size: int) -> NDArray[np.uint8]:
    """landmarks (468, 2 or 3) in crop pixels -> uint8 (size, size), 255 where eyes and mouth are open.

    It tells the network a blink and a word in a way that is nobody's own, so few steps are enough to follow them.
    """
    canvas = np.zeros((size * _FINER, size * _FINER), np.uint8)
    for ring in (_RIGHT_EYE, _LEFT_EYE, _MOUTH):
        outline = (landmarks[list(ring), :2] + 0.5) * _FINER - 0.5
        cv2.fillPoly(canvas, [np.round(outline * 16).astype(np.int32)], 255, lineType=cv2.LINE_AA, shift=4)
    return np.asarray(cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def build_faceset(
    crops: NDArray[np.uint8],
    landmarks: NDArray[np.floating],
    moments: NDArray[np.floating],
    size: int,
    held_out: NDArray[np.bool_] | None = None,
) -> FaceSet:
    """Faces ready for a training of side `size`.

    crops: uint8 (N, C, C, 3) RGB made with `crop_matrix`. landmarks: (N, 468, 2 or 3) in the pixels of those crops.
    moments: (N,). held_out: bool (N,); nowhere True is the same as None. Raises FaceSetError with fewer than eight faces.
    """
    if len(crops) < _MINIMUM:
        raise FaceSetError(f"{len(crops)} faces are too few to learn from; at least {_MINIMUM} are needed.")
    side = crops.shape[1]
    masks = np.stack([hull_mask(points, side, FOREHEAD) for points in landmarks])
    features = np.stack([feature_mask(points, side) for points in landmarks])
    openings = np.stack([opening_mask(points, side) for points in landmarks])
    decided = held_out if held_out is not None and held_out.any() else None
    return FaceSet(crops, masks, np.asarray(moments, np.float64), features, openings, decided).resized(size)


def split_heldout(faces: FaceSet, share: float, stretches: int = 5) -> tuple[FaceSet, FaceSet]:
    """Split into (for training, held out): as was decided before, by whole shots, else by time.

    Neighbouring frames are near copies, so a split at random would test what was learned by heart. The held-out faces
    by time are `stretches` runs spread over the whole footage; the face on either side of a run goes to neither set. Fewer
    than eight faces are all needed for the training.
    """
    count = len(faces)
    if share <= 0.0 or count < _MINIMUM:
        return faces, faces.take(np.zeros(count, bool))
    if faces.held_out is not None:
        return faces.take(~faces.held_out), faces.take(faces.held_out)
    order = np.argsort(faces.moments, kind="stable")
    wanted = min(max(1, round(count * share)), count // 4)
    runs = max(1, min(stretches, wanted))
    length = max(1, wanted // runs)
    role = np.zeros(count, np.int8)
    for run in range(runs):
        first = round((run + 0.5) * count / runs - length / 2)
        last = min(count, first + length)
        role[max(0, first - 1) : min(count, last + 1)] = np.maximum(role[max(0, first - 1) : min(count, last + 1)], 1)
        role[max(0, first) : last] = 2
    return faces.take(np.sort(order[role == 0])), faces.take(np.sort(order[role == 2]))
