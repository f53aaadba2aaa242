"""From a film or a still to the faces in it, frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np

from processing.engine.arrays import Floats, Image
from processing.engine.canonical import CROP_SIZE, crop_matrix, warp
from processing.engine.descriptors import Descriptors, describe
from processing.engine.detection import Detection, FaceDetector, overlap
from processing.engine.identity import embed_patch, identity_patch
from processing.engine.media import Frame, probe, read_frames
from processing.engine.mesh import FaceMesh, Landmarks
from processing.engine.shots import CutFinder
from processing.engine.tracking import Tracker, box_of


@dataclass(frozen=True)
class AnalysisSettings:
    """How closely a film is looked at.

    every_frame: look at all frames (templates); otherwise at `max_rate` frames a second at most (subjects).
    min_score: landmarks with a lower score are no face. min_size: pixels, side of the standard crop in the picture.
    max_embeddings: embeddings in the whole film, shared out over its length; a person seen for the first time when
    they are used up still gets one, up to three times as many in all. use_mtcnn: search with MTCNN where nothing else
    finds a face. threads: processor threads of each network.
    """

    every_frame: bool = False
    max_rate: float = 6.0
    min_score: float = 0.55
    min_size: float = 28.0
    max_embeddings: int = 40
    use_mtcnn: bool = True
    threads: int = 1


@dataclass(frozen=True)
class FaceObservation:
    """One face in one frame.

    frame_index: number among all frames of the film. time: seconds from the first. track: faces of one number are one
    person in one shot. box: float32 (4,) x0, y0, x1, y1. landmarks: float32 (468, 3), pixels of the picture. score:
    0..1, trust in the landmarks. embedding: float32 (128,), on a few faces of each track. crop: uint8
    (CROP_SIZE, CROP_SIZE, 3). matrix: float32 (2, 3), picture pixels to crop pixels.
    """

    frame_index: int
    time: float
    track: int
    box: Floats
    landmarks: Floats
    score: float
    descriptors: Descriptors
    embedding: Floats | None
    crop: Image
    matrix: Floats


def analyse(
    source: BinaryIO,
    settings: AnalysisSettings = AnalysisSettings(),
    progress: Callable[[float], None] = lambda fraction: None,
) -> Iterator[FaceObservation]:
    """Find, follow and describe every face in a film or still, in the order of its frames.

    1. Read a frame; if the shot has changed, end all tracks.
    2. Detect faces; search thoroughly in the first frame of a shot and every two seconds.
    3. Read the landmarks of each face found, and of faces followed that the detector missed.
    4. Number, crop and describe them.
    5. At the end of a window of some seconds, embed the best face of each track in it, and give all of them out.

    source: seekable binary reader. progress: called with 0..1 after each frame; it may raise to stop. Raises
    MediaError when nothing can be read.
    """
    info = probe(source)
    eye = _Eye(settings)
    budget = _EmbeddingBudget(settings.max_embeddings, info.seconds)
    waiting: list[tuple[FaceObservation, Image, Floats]] = []
    window_end = budget.window
    max_rate = None if settings.every_frame else settings.max_rate
    for frame in read_frames(source, max_rate=max_rate):
        if frame.time >= window_end:
            yield from budget.embed(waiting)
            waiting = []
            window_end = frame.time + budget.window
        waiting += eye.look(frame)
        progress(min(1.0, frame.time / info.seconds) if info.seconds else 1.0)
    yield from budget.embed(waiting)
    progress(1.0)


class _Eye:
    """Sees the faces of one frame after the other."""

    THOROUGH_EVERY = 2.0  # seconds
    LONGEST_PATIENCE = 16.0  # seconds between thorough searches of a film that shows nobody

    def __init__(self, settings: AnalysisSettings) -> None:
        self._settings = settings
        self._detector = FaceDetector(settings.threads, settings.use_mtcnn)
        self._mesh = FaceMesh(settings.threads, views=4 if settings.every_frame else 2)
        self._tracker = Tracker()
        self._cuts = CutFinder()
        self._next_thorough = 0.0
        self._patience = self.THOROUGH_EVERY

    def look(self, frame: Frame) -> list[tuple[FaceObservation, Image, Floats]]:
        """The faces of one frame, each with what its embedding needs."""
        if self._cuts.is_cut(frame.image):
            self._tracker.cut()
            self._next_thorough = frame.time
            self._patience = self.THOROUGH_EVERY
        faces = self._faces(frame)
        numbers = self._tracker.update([face.points for face in faces], frame.time)
        seen = []
        for face, number in zip(faces, numbers, strict=True):
            matrix = crop_matrix(face.points)
            crop = warp(frame.image, matrix, CROP_SIZE)
            observation = FaceObservation(
                frame_index=frame.index,
                time=frame.time,
                track=number,
                box=box_of(face.points),
                landmarks=face.points,
                score=face.score,
                descriptors=describe(frame.image, face.points, crop),
                embedding=None,
                crop=crop,
                matrix=matrix,
            )
            seen.append((observation, *identity_patch(frame.image, face.points)))
        return seen

    def _faces(self, frame: Frame) -> list[Landmarks]:
        thorough = frame.time >= self._next_thorough
        found = self._detector.detect(frame.image, thorough)
        if thorough:
            self._patience = self.THOROUGH_EVERY if found else min(2 * self._patience, self.LONGEST_PATIENCE)
            self._next_thorough = frame.time + self._patience
        faces: list[Landmarks] = []
        starts: list[Detection | Floats] = [*found, *self._tracker.expected(frame.time)]
        for start in starts:
            if not isinstance(start, Detection) and _already_there(box_of(start), faces):
                continue
            face = self._mesh.landmarks(frame.image, start)
            if face is None or face.score < self._settings.min_score:
                continue
            if CROP_SIZE / _scale(crop_matrix(face.points)) < self._settings.min_size:
                continue
            if not _already_there(box_of(face.points), faces):
                faces.append(face)
        return faces


def _already_there(box: Floats, faces: list[Landmarks]) -> bool:
    return any(float(overlap(box[None], box_of(face.points)[None])[0, 0]) > 0.3 for face in faces)


def _scale(matrix: Floats) -> float:
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


class _EmbeddingBudget:
    """Shares the dear embeddings out: one a window for each track, on its best face."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._used = 0
        self._known: set[int] = set()
        # Three quarters for one person all through the film, the rest for others.
        self.window = float(np.clip(seconds / max(1.0, 0.75 * most), 0.7, 10.0))

    def embed(self, waiting: list[tuple[FaceObservation, Image, Floats]]) -> Iterator[FaceObservation]:
        best: dict[int, int] = {}
        for place, (face, _, _) in enumerate(waiting):
            other = best.get(face.track)
            if other is None or _recognisable(face) > _recognisable(waiting[other][0]):
                best[face.track] = place
        for place, (face, patch, five_points) in enumerate(waiting):
            if best[face.track] == place and self._may(face.track):
                self._known.add(face.track)
                self._used += 1
                face = replace(face, embedding=embed_patch(patch, five_points))
            yield face

    def _may(self, track: int) -> bool:
        return self._used < (self._most if track in self._known else 3 * self._most)


def _recognisable(face: FaceObservation) -> float:
    """Higher for faces that are sharp, large, and turned to the camera."""
    seen = face.descriptors
    frontal = np.cos(np.deg2rad(min(90.0, abs(seen.yaw)))) * np.cos(np.deg2rad(min(90.0, abs(seen.pitch))))
    return float(face.score * seen.sharpness * min(1.0, seen.size / 150.0) * frontal)
