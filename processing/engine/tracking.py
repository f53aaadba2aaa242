"""One face over time: which face of this frame is which of the frame before, where it was between looks, and without jitter."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.signal import savgol_coeffs

from processing.engine.arrays import Floats
from processing.engine.detection import overlap

# A face is taken to be there before it is first seen, and after it is last seen, for as long as looks at it were apart,
# within these bounds in seconds: it came and went between looks.
REACH = (0.2, 0.7)


def box_of(landmarks: Floats) -> Floats:
    """The box round landmarks (468, 2 or 3): float32 (4,) x0, y0, x1, y1."""
    points = landmarks[:, :2]
    return np.concatenate([points.min(axis=0), points.max(axis=0)]).astype(np.float32)


@dataclass
class _Track:
    number: int
    landmarks: Floats
    velocity: Floats  # pixels a second of the face's centre, (2,)
    time: float


class Tracker:
    """Joins faces over frames by overlap and by where their landmarks lie.

    max_gap: seconds that a face may be unseen and still be the same track.
    """

    def __init__(self, max_gap: float = 1.5) -> None:
        self._max_gap = max_gap
        self._tracks: list[_Track] = []
        self._next = 0

    def cut(self) -> None:
        """The shot has changed: nothing that was seen before goes on."""
        self._tracks = []

    @property
    def numbers(self) -> set[int]:
        """Those who are followed just now."""
        return {track.number for track in self._tracks}

    def end(self, number: int) -> None:
        """This one was no face after all, or cannot be followed any more."""
        self._tracks = [track for track in self._tracks if track.number != number]

    def expected(self, time: float) -> list[Floats]:
        """Landmarks (468, 3) of the faces that were there a moment ago, moved on to `time` (seconds)."""
        return list(self.expected_by_number(time).values())

    def expected_by_number(self, time: float) -> dict[int, Floats]:
        """The same by the numbers of their tracks."""
        self._forget(time)
        return {track.number: _moved(track, time) for track in self._tracks}

    def unseen(self, number: int, time: float) -> float:
        """Seconds since this one was last seen."""
        return time - next(track.time for track in self._tracks if track.number == number)

    def update(self, faces: list[Floats], time: float, known: dict[int, int] | None = None) -> list[int]:
        """Number the faces of one frame.

        faces: landmarks (468, 3) pixels of each. time: seconds, rising. known: tracks, by place in `faces`, of those that
        were followed. -> track numbers, one for each face.
        """
        self._forget(time)
        numbers = [-1] * len(faces)
        tracks = {track.number: track for track in self._tracks}
        for row, number in (known or {}).items():
            self._carry_on(tracks.pop(number), faces[row], time)
            numbers[row] = number
        left, rows = list(tracks.values()), [row for row, number in enumerate(numbers) if number < 0]
        if rows and left:
            before = [_moved(track, time) for track in left]
            cost = np.array([[_unlikeness(faces[row], old) for old in before] for row in rows])
            for place, column in zip(*linear_sum_assignment(cost), strict=True):
                if cost[place, column] < 1.0:
                    self._carry_on(left[column], faces[rows[place]], time)
                    numbers[rows[place]] = left[column].number
        for row, face in enumerate(faces):
            if numbers[row] < 0:
                numbers[row] = self._next
                self._tracks.append(_Track(self._next, face, np.zeros(2, dtype=np.float32), time))
                self._next += 1
        return numbers

    def _carry_on(self, track: _Track, face: Floats, time: float) -> None:
        step = face[:, :2].mean(axis=0) - track.landmarks[:, :2].mean(axis=0)
        elapsed = time - track.time
        if elapsed > 0:
            track.velocity = (0.5 * track.velocity + 0.5 * step / elapsed).astype(np.float32)
        track.landmarks, track.time = face, time

    def _forget(self, time: float) -> None:
        self._tracks = [track for track in self._tracks if time - track.time <= self._max_gap]


def _moved(track: _Track, time: float) -> Floats:
    # Heads turn back: a guess by speed is trusted for a quarter of a second, no longer.
    shift = track.velocity * min(time - track.time, 0.25)
    moved = track.landmarks.copy()
    moved[:, :2] += shift
    return moved


def _unlikeness(face: Floats, old: Floats) -> float:
    """0 for the same place and size, from 1 up for another face."""
    box, old_box = box_of(face), box_of(old)
    size = float(np.sqrt(np.prod(box[2:] - box[:2])))
    old_size = float(np.sqrt(np.prod(old_box[2:] - old_box[:2])))
    ratio = max(size, old_size) / max(min(size, old_size), 1e-6)
    away = float(np.linalg.norm(face[:, :2] - old[:, :2], axis=1).mean()) / max(size, old_size, 1e-6)
    shared = float(overlap(box[None], old_box[None])[0, 0])
    if ratio > 1.8 or (shared < 0.1 and away > 0.8):
        return 10.0
    return 0.5 * (1.0 - shared) + 0.5 * away


@dataclass(frozen=True)
class Course:
    """Where one face was, as far as looks tell. times: float64 (N,) seconds, rising. boxes: float32 (N, 4)."""

    times: NDArray[np.float64]
    boxes: Floats


def courses(track: NDArray[np.integer], time: NDArray[np.floating], box: Floats) -> dict[int, Course]:
    """The course of each track. track: int (N,), time: float (N,), box: float32 (N, 4), as in a table of descriptors."""
    found = {}
    for number in np.unique(track):
        rows = np.flatnonzero(track == number)
        rows = rows[np.argsort(time[rows], kind="stable")]
        found[int(number)] = Course(np.asarray(time[rows], np.float64), np.asarray(box[rows], np.float32))
    return found


def boxes_at(course: Course, times: NDArray[np.floating]) -> Floats:
    """Where the face was at any time: float32 (T, 4), NaN where that is not known.

    times: float (T,) seconds. Between looks, and for a moment before the first and after the last (see REACH), the face goes
    straight.
    """
    seen, boxes = course.times, course.boxes
    at = np.asarray(times, np.float64)
    where = np.stack([np.interp(at, seen, side) for side in boxes.T], axis=1)
    for end, inner, beyond in ((0, 1, at < seen[0]), (-1, -2, at > seen[-1])):
        apart = abs(float(seen[inner] - seen[end])) if len(seen) > 1 else 0.0
        if apart:
            step = (boxes[inner] - boxes[end]) / (seen[inner] - seen[end])
            where[beyond] += (at[beyond] - seen[end])[:, None] * np.tile((step[:2] + step[2:]) / 2, 2)
        where[beyond & (np.abs(at - seen[end]) > np.clip(apart, *REACH))] = np.nan
    return where.astype(np.float32)


def join_track(frame_numbers: list[int], landmarks: list[Floats], length: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Lay one track along the film: (points float32 (length, 468, 3), present bool (length,)); zeros where absent."""
    points = np.zeros((length, 468, 3), dtype=np.float32)
    present = np.zeros(length, dtype=np.bool_)
    for number, face in zip(frame_numbers, landmarks, strict=True):
        points[number] = face
        present[number] = True
    return points, present


def fill_gaps(points: Floats, present: NDArray[np.bool_], rate: float, longest: float = 1.0) -> tuple[Floats, NDArray[np.bool_]]:
    """Put straight lines between the ends of gaps of up to `longest` seconds.

    points: (T, 468, 3). present: bool (T,). rate: frames a second. -> (points, present) with the gaps filled; longer
    gaps, and what lies before the first face and after the last, stay absent.
    """
    filled, there = points.copy(), present.copy()
    seen = np.flatnonzero(present)
    for before, after in itertools.pairwise(seen):
        missing = int(after - before) - 1
        if 0 < missing <= longest * rate:
            share = (np.arange(1, missing + 1, dtype=np.float32) / (missing + 1))[:, None, None]
            filled[before + 1 : after] = points[before] * (1 - share) + points[after] * share
            there[before + 1 : after] = True
    return filled, there


def smooth_landmarks(points: Floats, present: NDArray[np.bool_], rate: float, seconds: float = 0.28) -> Floats:
    """Take the jitter out of a track without making it lag (Savitzky and Golay 1964, parabola, both ways in time).

    points: float32 (T, 468, 3) pixels. present: bool (T,), where the face was seen; gaps of up to 1 s are filled
    first (see `fill_gaps` for which frames those are). rate: frames a second. seconds: length of the window.
    -> float32 (T, 468, 3); frames that stay absent are zeros. Where the face moves quickly, the window's parabola
    bends with it; what it misses beyond the usual jitter is given back, so that a sudden move stays sudden.
    """
    filled, there = fill_gaps(points, present, rate)
    smooth = np.zeros_like(filled)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]]).astype(np.int8)))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        smooth[start:end] = _smooth_run(filled[start:end], rate, seconds)
    return smooth


def _smooth_run(run: Floats, rate: float, seconds: float) -> Floats:
    window = max(3, round(seconds * rate / 2) * 2 + 1)
    window = min(window, len(run) if len(run) % 2 else len(run) - 1)
    if window < 5:
        return run
    flat = run.reshape(len(run), -1).astype(np.float64)
    half = window // 2
    # Mirrored about its end point, a run has no step there.
    head = 2 * flat[0] - flat[half:0:-1]
    tail = 2 * flat[-1] - flat[-2 : -half - 2 : -1]
    padded = np.concatenate([head, flat, tail])
    kernel = savgol_coeffs(window, 2, use="dot")
    smooth = sum(weight * padded[at : at + len(flat)] for at, weight in enumerate(kernel))
    # The face as a whole (mean of all points) tells real motion from jitter: the mean hardly jitters.
    missed = (flat - smooth).reshape(run.shape).mean(axis=1, keepdims=True)
    usual = 2.5 * float(np.median(np.abs(missed[..., :2]))) + 1e-6
    given_back = missed - np.clip(missed, -usual, usual)
    return np.asarray(smooth.reshape(run.shape) + given_back, dtype=np.float32)
