"""How closely a film is worth looking at, moment by moment.

A still face is looked at now and then; one that turns, speaks or walks by so often that each look shows it a little
different, and no look loses it. Poses that a dataset has enough of slow the looking down, poses that it lacks speed it up.
"""

from __future__ import annotations

import cv2
import numpy as np

from processing.engine.arrays import Floats, Image
from processing.engine.canonical import apply, crop_matrix
from processing.engine.pose import head_pose

# Degrees.
YAWS, PITCHES = (-60.0, 60.0), (-30.0, 30.0)
# Looks a second.
SLOWEST, FASTEST = 2.0, 12.0
# With a face that is new, or one that was lost, the next look comes soon.
CURIOUS = 6.0
# Root mean square by which landmarks in the crop differ from one look to the next, as a share of its side: what is wanted,
# and what the mesh's own jitter makes of a face that keeps still.
WANTED_CHANGE, JITTER = 0.006, 0.0015
# What a face may move or grow from one look to the next, as a share of its size, so that it is found again by where it was.
WANTED_MOVE = 0.4
# Grey levels by which the mean pixel of a picture without faces changes from one look to the next.
WANTED_STIR = 6.0
# Of the looks between two rates, the slower one is come down to step by step: who has just moved will soon move again.
CALMING = 0.6


class Sampler:
    """`rate` is what a reader of films takes for its pace: looks a second wanted just now.

    slowest, fastest: bounds of the rate. wanted: float32 (Y, P), how much a dataset lacks of each pose, 0 for enough to 1 for
    all of it, or None where that is not known; the middles of its cells lie from YAWS[0] to YAWS[1] and PITCHES[0] to
    PITCHES[1], and the outermost cells reach outwards without end.
    """

    def __init__(self, slowest: float = SLOWEST, fastest: float = FASTEST, wanted: Floats | None = None) -> None:
        self.rate = min(fastest, max(slowest, CURIOUS))
        self._slowest = slowest
        self._fastest = fastest
        self._wanted = wanted
        self._time: float | None = None
        self._faces: dict[int, tuple[float, Floats, Floats]] = {}
        self._picture: Floats | None = None

    def cut(self) -> None:
        """A new shot begins: nothing can be compared with what was seen before."""
        self._faces, self._picture, self._time = {}, None, None
        self.rate = min(self._fastest, max(self._slowest, CURIOUS))

    def look(self, time: float, image: Image, faces: dict[int, Floats]) -> None:
        """Set the rate after a look. time: seconds. image: uint8 (H, W, 3). faces: landmarks (468, 3) by track."""
        needs = [self._slowest]
        for track, landmarks in faces.items():
            before = self._faces.get(track)
            shape = _shape(landmarks)
            if before is None:
                needs.append(CURIOUS)
            elif time > before[0]:
                seconds = time - before[0]
                need = max(_change(shape, before[1]) / WANTED_CHANGE, _move(landmarks, before[2]) / WANTED_MOVE) / seconds
                needs.append(need * self._interest(landmarks))
            self._faces[track] = (time, shape, landmarks)
        recent = {track for track, (seen, _, _) in self._faces.items() if track not in faces and time - seen < 1.0}
        if recent:
            needs.append(CURIOUS)
        self._faces = {track: self._faces[track] for track in {*faces, *recent}}
        if not faces:
            needs.append(min(CURIOUS, self._stir(time, image)))
        self._time = time
        need = max(needs)
        self.rate = float(np.clip(max(need, CALMING * self.rate), self._slowest, self._fastest))

    def _interest(self, landmarks: Floats) -> float:
        """1 where nothing is known of the dataset; from a half for a pose that it has enough of to 2 for one that it lacks."""
        if self._wanted is None:
            return 1.0
        yaw, pitch, _ = head_pose(landmarks)
        rows, columns = self._wanted.shape
        row = round(float(np.interp(yaw, YAWS, [0, rows - 1])))
        column = round(float(np.interp(pitch, PITCHES, [0, columns - 1])))
        return float(0.5 * 4.0 ** float(np.clip(self._wanted[row, column], 0, 1)))

    def _stir(self, time: float, image: Image) -> float:
        small = cv2.resize(image, (64, 36), interpolation=cv2.INTER_NEAREST).astype(np.float32)
        before, self._picture = self._picture, small
        if before is None or self._time is None or time <= self._time:
            return 0.0
        return float(np.abs(small - before).mean()) / WANTED_STIR / (time - self._time)


def _shape(landmarks: Floats) -> Floats:
    """float32 (468, 2): the landmarks in a crop of side 1."""
    return apply(crop_matrix(landmarks, 256), landmarks)[:, :2] / np.float32(256)


def _change(shape: Floats, before: Floats) -> float:
    return max(0.0, float(np.sqrt(np.square(shape - before).sum(axis=1).mean())) - JITTER)


def _move(landmarks: Floats, before: Floats) -> float:
    """How far the face went and how much it grew, as a share of its size."""
    size, old = (float(np.ptp(points[:, :2], axis=0).mean()) for points in (landmarks, before))
    shift = float(np.linalg.norm(landmarks[:, :2].mean(axis=0) - before[:, :2].mean(axis=0)))
    return (shift + abs(size - old)) / max(size, old, 1.0)
