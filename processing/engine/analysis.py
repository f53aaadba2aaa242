"""From a film or a still to the faces in it, frame by frame."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import BinaryIO, NamedTuple

import numpy as np

from processing.engine.arrays import Floats, Image
from processing.engine.canonical import CROP_SIZE, crop_matrix, scale_of, warp
from processing.engine.decoding import Decoder, open_media
from processing.engine.descriptors import Descriptors, describe
from processing.engine.detection import FaceDetector
from processing.engine.frames import Frame
from processing.engine.identity import embed_patch, identity_patch
from processing.engine.mesh import FaceMesh
from processing.engine.onlooker import Look, Onlooker, Sighting
from processing.engine.sampling import FASTEST, SLOWEST, Sampler
from processing.engine.segmentation import Segmenter
from processing.engine.tracking import box_of

# Pixels, side of the standard crop in the picture: smaller faces are not learned from.
MASKED_FROM = 48.0


@dataclass(frozen=True)
class AnalysisSettings:
    """How closely a film is looked at.

    every_frame: look at all frames, and give only faces whose landmarks can be trusted (templates); otherwise between
    `min_rate` and `max_rate` frames a second, as much as there is to see (subjects).
    min_score: landmarks with a lower score are not trusted. min_size: pixels, side of the standard crop in the picture.
    max_embeddings: embeddings in the whole film; a person seen for the first time when they are used up still gets one,
    up to three times as many in all. use_mtcnn: search with MTCNN, too. masks: say of crops that may be learned from what of
    them is the person.
    threads: processor threads of each network.
    """

    every_frame: bool = False
    min_rate: float = SLOWEST
    max_rate: float = FASTEST
    min_score: float = 0.55
    min_size: float = 28.0
    max_embeddings: int = 120
    use_mtcnn: bool = True
    masks: bool = True
    threads: int = 1


@dataclass(frozen=True)
class FaceObservation:
    """One face in one frame.

    frame_index: number among all frames of the film. time: seconds from the first. track: faces of one number are one person
    in one shot. shot: number of the shot, from 0. box: float32 (4,) x0, y0, x1, y1. landmarks: float32 (468, 3), pixels of
    the picture. score: 0..1, trust in the landmarks. embedding: float32 (128,), on a few faces of each track. crop: uint8
    (CROP_SIZE, CROP_SIZE, 3). matrix: float32 (2, 3), picture pixels to crop pixels. mask: see `segmentation`, if asked for.
    """

    frame_index: int
    time: float
    track: int
    shot: int
    box: Floats
    landmarks: Floats
    score: float
    descriptors: Descriptors
    embedding: Floats | None
    crop: Image
    matrix: Floats
    mask: Image | None = None


def analyse(
    source: BinaryIO,
    settings: AnalysisSettings = AnalysisSettings(),
    progress: Callable[[float, float], None] = lambda seconds, share: None,
    *,
    start: float = 0.0,
    end: float | None = None,
    wanted: Floats | None = None,
    decoder: Decoder | None = None,
) -> Iterator[FaceObservation]:
    """Find, follow and describe every face in a film or still, or in a part of a film, in the order of its frames.

    1. Read a frame, as soon as the faces seen last make another look worth while.
    2. Find the faces in it, and who they are among those seen before (see `onlooker`).
    3. Crop and describe them.
    4. At the end of a window of some seconds, embed the best face of each track that is due, and give all of them out.

    source: seekable binary reader; it is decoded in a process of its own. progress: called after each frame with its
    seconds in the film and the share (0..1) of the part that is done; it may raise to stop. start, end: seconds of the
    film, frames with start <= time < end; shots and tracks are numbered anew in each part. wanted: which poses a dataset
    lacks, see `Sampler`. decoder: a process that is started already. Raises MediaError when nothing can be read.
    """
    with open_media(source, decoder=decoder) as film:
        info = film.info
        length = max(0.0, (info.seconds if end is None else min(end, info.seconds)) - start)
        sampler = Sampler(settings.min_rate, settings.max_rate, wanted)
        onlooker = _onlooker(settings, sampler, still=info.kind == "image")
        portraits = _Portraits(settings, start)
        for frame in film.frames(start=start, end=end, pace=None if settings.every_frame else sampler):
            for look in onlooker.see(frame):
                yield from portraits.add(look)
            progress(frame.time, min(1.0, (frame.time - start) / length) if length else 1.0)
        for look in onlooker.finish():
            yield from portraits.add(look)
        yield from portraits.finish()


def _onlooker(settings: AnalysisSettings, sampler: Sampler, still: bool) -> Onlooker:
    return Onlooker(
        _loaded.detector(settings.threads, settings.use_mtcnn),
        _loaded.mesh(settings.threads, 4 if settings.every_frame or still else 2),
        sampler,
        min_score=settings.min_score,
        min_size=settings.min_size,
        glimpses=not settings.every_frame,
        still=still,
    )


class _Loaded(threading.local):
    """The networks of one thread, which go from film to film."""

    def __init__(self) -> None:
        self.detector = cache(FaceDetector)
        self.mesh = cache(FaceMesh)
        self.segmenter = cache(Segmenter)


_loaded = _Loaded()


class _Portrait(NamedTuple):
    """A face that may be embedded. place: among those that are held back; patch, five_points: as `identity_patch` gives them."""

    quality: float
    time: float
    place: int
    patch: Image
    five_points: Floats


class _Portraits:
    """Describes faces, and shares the dear embeddings out.

    A track is embedded when it is new, again after some seconds, and ever less often then; sooner, if it shows its face much
    better than before. In a window of some seconds its best face is taken, and of a new track that is hardly recognisable the
    second best, too: in a crowd, embeddings of one poor face lie 0.65 from each other, and the means of two 0.37.
    """

    BETTER = 1.6
    # faces that are recognisable enough for one to do (see `_recognisable`); seconds between the two that are taken of others
    CLEAR, BETWEEN = 0.3, 0.3

    def __init__(self, settings: AnalysisSettings, start: float) -> None:
        """start: seconds of the film."""
        # a template's actor is worth several embeddings, however short the film is
        self._window = 0.7 if settings.every_frame else 2.0
        self._first_pause, self._longest_pause = (0.5, 8.0) if settings.every_frame else (6.0, 48.0)  # seconds
        self._most = settings.max_embeddings
        self._segmenter = _loaded.segmenter(settings.threads) if settings.masks else None
        self._used = 0
        self._waiting: list[FaceObservation] = []
        self._best: dict[int, list[_Portrait]] = {}
        # by track: when it is due, the pause before, and how good its best face so far was
        self._known: dict[int, tuple[float, float, float]] = {}
        self._end = start + self._window

    def add(self, look: Look) -> Iterator[FaceObservation]:
        """Take the faces of one look; give out those of the window that has ended."""
        if look.frame.time >= self._end:
            yield from self.finish()
            self._end = look.frame.time + self._window
        for seen in look.sightings:
            face = _observed(look.frame, seen, self._segmenter)
            self._compare(look.frame.image, face, _recognisable(face))
            self._waiting.append(face)

    def finish(self) -> Iterator[FaceObservation]:
        """The faces that are still held back."""
        for track, portraits in self._best.items():
            if self._used >= (self._most if track in self._known else 3 * self._most):
                continue
            first = portraits[0]
            _, pause, best = self._known.get(track, (0.0, self._first_pause, 0.0))
            self._known[track] = (first.time + pause, min(2 * pause, self._longest_pause), max(first.quality, best))
            for portrait in portraits[: 1 if first.quality > self.CLEAR else 2]:
                self._used += 1
                embedding = embed_patch(portrait.patch, portrait.five_points)
                self._waiting[portrait.place] = replace(self._waiting[portrait.place], embedding=embedding)
        yield from self._waiting
        self._waiting, self._best = [], {}

    def _compare(self, image: Image, face: FaceObservation, quality: float) -> None:
        """Keeps the face if it is one of the best of its track in this window, and time for that."""
        if not self._is_due(face, quality):
            return
        best = self._best.setdefault(face.track, [])
        most = 1 if face.track in self._known else 2
        rivals = [other for other in best if abs(other.time - face.time) < self.BETWEEN] or best[most - 1 :]
        if any(other.quality >= quality for other in rivals):
            return
        for other in rivals:
            best.remove(other)
        patch, five_points = identity_patch(image, face.landmarks)
        best.append(_Portrait(quality, face.time, len(self._waiting), patch, five_points))
        best.sort(key=lambda portrait: -portrait.quality)

    def _is_due(self, face: FaceObservation, quality: float) -> bool:
        if face.track not in self._known:
            return True
        due, _, best = self._known[face.track]
        return face.time >= due or quality > self.BETTER * best


def _is_worth_a_mask(seen: Sighting, matrix: Floats) -> bool:
    """Whether somebody may learn from the face: the landmarks can be trusted, and it is not tiny."""
    return not seen.glimpsed and CROP_SIZE / scale_of(matrix) >= MASKED_FROM


def _observed(frame: Frame, seen: Sighting, segmenter: Segmenter | None) -> FaceObservation:
    matrix = crop_matrix(seen.points)
    crop = warp(frame.image, matrix, CROP_SIZE)
    return FaceObservation(
        frame_index=frame.index,
        time=frame.time,
        track=seen.track,
        shot=frame.shot,
        box=box_of(seen.points),
        landmarks=seen.points,
        score=seen.score,
        descriptors=describe(frame.image, seen.points, crop),
        embedding=None,
        crop=crop,
        matrix=matrix,
        mask=segmenter.mask(frame.image, seen.points) if segmenter and _is_worth_a_mask(seen, matrix) else None,
    )


def _recognisable(face: FaceObservation) -> float:
    """Higher for faces that are sharp, large, and turned to the camera."""
    seen = face.descriptors
    frontal = np.cos(np.deg2rad(min(90.0, abs(seen.yaw)))) * np.cos(np.deg2rad(min(90.0, abs(seen.pitch))))
    return float(face.score * seen.sharpness * min(1.0, seen.size / 150.0) * frontal)
