"""Looking at one frame of a film after the other, and remembering whom one has seen.

Searching the whole picture is dear, following a face that is known is cheap. So the picture is searched when a shot begins,
from time to time, and when a face is lost; in between each face is read where it is expected. A face that turns up is
followed back into the frames looked at just before, where nobody had noticed it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from processing.engine.arrays import Floats, Image
from processing.engine.canonical import CROP_SIZE, crop_matrix, scale_of
from processing.engine.detection import Detection, FaceDetector, near
from processing.engine.frames import Frame
from processing.engine.glimpse import guess
from processing.engine.mesh import FaceMesh, Landmarks
from processing.engine.sampling import Sampler
from processing.engine.tracking import Tracker, box_of

# Seconds between quick looks over the whole picture, and between searches with everything there is.
QUICK_EVERY, SEARCH_EVERY = 0.6, 1.0
# Searches that find nobody new come ever less often, down to every so many seconds.
LONGEST_PATIENCE = 4.0
# After a search so soon another one finds nothing new.
SEARCH_PAUSE = 0.3
# Seconds for which somebody who was lost is looked for all about; later a search may find them, or they are where they were.
LOOKED_FOR = 0.6
# What is remembered of the frames before: seconds, and bytes of pictures.
MEMORY, MEMORY_BYTES = 3.0, 64 * 2**20
# MTCNN's score from which a face that the mesh cannot read is taken for one on its word alone, and from which it is followed.
GLIMPSED, GLIMPSED_AGAIN = 0.95, 0.7
# Landmarks made up from a glimpse: half as good as MTCNN's score, so that nobody learns from them.
GLIMPSE_TRUST = 0.5
# Half the way that somebody who is looked for has gone, in sizes of the face, and how much less they look the same than at the
# last glance, 0..1: together no more than this, or it is somebody else. Who went far must look the same, who stayed may turn.
SOMEBODY_ELSE = 1.0
# The mesh's score from which a reading is believed on its word alone, and how much it must otherwise look as it did at the last
# glance, 0..1, for nobody to look whether the face is somewhere else.
BELIEVED, ALIKE = 0.9, 0.7
# Looks over the picture in a row that may miss a face which the mesh goes on reading.
DOUBTS = 4


@dataclass(frozen=True)
class Sighting:
    """One face in one frame. points: float32 (468, 3) pixels. score: 0..1. glimpsed: points are a guess, see `glimpse`."""

    track: int
    points: Floats
    score: float
    glimpsed: bool = False


@dataclass
class Look:
    """One frame, and who is in it."""

    frame: Frame
    sightings: list[Sighting] = field(default_factory=list)


class Onlooker:
    """Sees the faces of one film. Frames go in one by one, looks come out some frames later, for what comes may tell more of
    them.

    glimpses: give faces, too, that are seen but cannot be read. min_score: landmarks with a lower score are not read. min_size:
    pixels, side of the standard crop in the picture. still: there is only one frame, which is searched most thoroughly.
    """

    def __init__(
        self,
        detector: FaceDetector,
        mesh: FaceMesh,
        sampler: Sampler,
        *,
        min_score: float,
        min_size: float,
        glimpses: bool = True,
        still: bool = False,
    ) -> None:
        self._detector, self._mesh, self._sampler = detector, mesh, sampler
        self._min_score, self._min_size, self._glimpses, self._still = min_score, min_size, glimpses, still
        self._tracker = Tracker()
        self._shot: int | None = None
        self._recent: deque[Look] = deque()
        self._looks: Counter[int] = Counter()
        self._doubts: Counter[int] = Counter()
        # what a track looked like last, and those of which there was but one glimpse, which are given up sooner
        self._glances: dict[int, Floats] = {}
        self._glimpsed_once: set[int] = set()
        self._next_quick = self._next_search = 0.0
        self._last_search = -np.inf
        self._patience = SEARCH_EVERY

    def see(self, frame: Frame) -> Iterator[Look]:
        """Look at a frame; gives out the looks that are finished, in order.

        1. A new shot ends everything: nobody in it is known.
        2. Follow those who are expected.
        3. Look over the picture, or search it, if it is time or somebody is missing; read who turns up.
        4. Number the faces; whoever is new is followed back.
        5. Say how soon to look again.
        """
        if frame.shot != self._shot:
            yield from self.finish()
            self._begin(frame)
        look = Look(frame)
        faces = self._follow(frame)
        missing = len(faces) < len(self._tracker.numbers)
        faces, supported = self._look_over(frame, faces, missing)
        known = self._tracker.numbers
        followed = {place: face.track for place, face in enumerate(faces) if face.track >= 0}
        numbers = self._tracker.update([face.points for face in faces], frame.time, followed)
        look.sightings = [
            Sighting(number, face.points, face.score, face.glimpsed) for number, face in zip(numbers, faces, strict=True)
        ]
        self._looks.update(numbers)
        self._glimpsed_once -= set(numbers)
        for sighting in look.sightings:
            self._glances[sighting.track] = _glance(frame.image, box_of(sighting.points))
            if sighting.glimpsed and self._looks[sighting.track] == 1:
                self._glimpsed_once.add(sighting.track)
        self._doubt(numbers, supported)
        for sighting in look.sightings:
            if sighting.track not in known:
                self._follow_back(sighting)
        self._recent.append(look)
        self._sampler.look(frame.time, frame.image, {seen.track: seen.points for seen in look.sightings})
        while self._too_much(frame):
            yield self._finished(self._recent.popleft())

    def finish(self) -> Iterator[Look]:
        """The looks that were held back, at the end of the film."""
        while self._recent:
            yield self._finished(self._recent.popleft())

    def _begin(self, frame: Frame) -> None:
        self._shot = frame.shot
        self._tracker.cut()
        self._sampler.cut()
        self._glances.clear()
        self._glimpsed_once.clear()
        self._next_quick = self._next_search = frame.time
        self._last_search = -np.inf
        self._patience = SEARCH_EVERY

    def _too_much(self, frame: Frame) -> bool:
        first = self._recent[0].frame
        return len(self._recent) > 1 and (
            frame.time - first.time > MEMORY or len(self._recent) * first.image.nbytes > MEMORY_BYTES
        )

    def _finished(self, look: Look) -> Look:
        # What was glimpsed once and never again was no face.
        look.sightings = [seen for seen in look.sightings if self._still or not seen.glimpsed or self._looks[seen.track] > 1]
        return look

    def _follow(self, frame: Frame) -> list[_Face]:
        """Those who are expected: first those who are where they should be, then those who have to be looked for."""
        faces: list[_Face] = []
        lost: dict[int, tuple[Floats, _Face | None]] = {}
        for track, expected in self._tracker.expected_by_number(frame.time).items():
            face = self._read_on(frame.image, expected)
            if face is None or self._is_doubtful(frame.image, face, self._glances[track]):
                lost[track] = expected, face
            elif not _among(box_of(face.points), faces):
                faces.append(replace(face, track=track))
        for track, (expected, doubtful) in lost.items():
            if doubtful is None and self._tracker.unseen(track, frame.time) > LOOKED_FOR:
                if track in self._glimpsed_once:
                    self._tracker.end(track)
                continue
            face = self._look_for(frame.image, expected, faces, self._glances[track]) or doubtful
            if face is not None and not _among(box_of(face.points), faces):
                faces.append(replace(face, track=track))
        return faces

    def _is_doubtful(self, image: Image, face: _Face, glance: Floats) -> bool:
        """Hardly believed, and unlike what was seen last: the mesh reads faces into a wall from which one has just gone away."""
        return face.score < BELIEVED and _likeness(_glance(image, box_of(face.points)), glance) < ALIKE

    def _read_on(self, image: Image, expected: Floats) -> _Face | None:
        """A face that is where it is expected."""
        face = self._readable(self._mesh.landmarks(image, expected))
        return face if face is not None and near(box_of(face.points), box_of(expected)) else None

    def _look_for(self, image: Image, expected: Floats, others: list[_Face], glance: Floats) -> _Face | None:
        """A face that is not where it is expected, or cannot be read there: of those of its size that are no other's, the one
        that is nearest and looks most as it did at the last glance."""
        box = box_of(expected)
        found = [
            detection
            for detection in self._detector.search_near(image, box)
            if 0.5 < float((detection.box[2:] - detection.box[:2]).max() / (box[2:] - box[:2]).max()) < 2
            and not _among(detection.box, others)
        ]
        if not found:
            return None
        unlike = [_away(detection.box, box) / 2 + 1 - _likeness(_glance(image, detection.box), glance) for detection in found]
        best = int(np.argmin(unlike))
        if unlike[best] > SOMEBODY_ELSE:
            return None
        face = self._read(image, found[best], GLIMPSED_AGAIN)
        return face if face is not None and not _among(box_of(face.points), others) else None

    def _look_over(self, frame: Frame, faces: list[_Face], missing: bool) -> tuple[list[_Face], list[bool] | None]:
        """The faces, with those that turned up, and for each whether it was found anew; None where nobody looked."""
        time, image = frame.time, frame.image
        search = time >= self._next_search or (missing and time - self._last_search > SEARCH_PAUSE)
        if not search and not missing and faces and time < self._next_quick:
            return faces, None
        if self._still:
            found = self._detector.detect(image, thorough=True)
        else:
            found = self._detector.search(image) if search else self._detector.detect(image)
        boxes = [box_of(face.points) for face in faces]
        supported = [any(near(detection.box, box) for detection in found) for box in boxes]
        for detection in found:
            if any(near(detection.box, box) for box in boxes):
                continue
            face = self._read(image, detection, GLIMPSED) or self._look_closer(image, detection)
            if face is not None and not _among(box_of(face.points), faces):
                faces.append(face)
                supported.append(True)
        self._next_quick = time + QUICK_EVERY
        if search:
            # in the first search everybody is new
            busy = self._last_search > -np.inf and (missing or len(faces) > len(boxes))
            self._patience = SEARCH_EVERY if busy else min(2 * self._patience, LONGEST_PATIENCE)
            self._last_search, self._next_search = time, time + self._patience
        return faces, supported

    def _read(self, image: Image, detection: Detection, threshold: float) -> _Face | None:
        """A face that was found: its landmarks, or what a glimpse tells of them."""
        face = self._readable(self._mesh.landmarks(image, detection))
        if face is not None or not self._glimpses:
            return face
        if detection.exact and (detection.agreed or detection.score >= threshold):
            points = guess(detection)
            if self._large(points):
                return _Face(points, GLIMPSE_TRUST * detection.score, glimpsed=True)
        return None

    def _look_closer(self, image: Image, detection: Detection) -> _Face | None:
        """Somebody whom only the quick detector saw and the mesh cannot read: a glimpse, if MTCNN sees a face there, too."""
        if detection.exact or not self._glimpses:
            return None
        for face in self._detector.search_near(image, detection.box):
            if near(face.box, detection.box):
                return self._read(image, replace(face, agreed=True), GLIMPSED)
        return None

    def _readable(self, face: Landmarks | None) -> _Face | None:
        if face is None or face.score < self._min_score or not self._large(face.points):
            return None
        return _Face(face.points, face.score)

    def _large(self, points: Floats) -> bool:
        return CROP_SIZE / scale_of(crop_matrix(points)) >= self._min_size

    def _doubt(self, numbers: list[int], supported: list[bool] | None) -> None:
        """Who is read again and again but found by no detector is a pattern on a wall."""
        if supported is None:
            return
        for number, found in zip(numbers, supported, strict=True):
            self._doubts[number] = 0 if found else self._doubts[number] + 1
            if self._doubts[number] > DOUBTS:
                self._tracker.end(number)

    def _follow_back(self, sighting: Sighting) -> None:
        """Into the frames before, as long as the face is there and was not noticed."""
        points, glance = sighting.points, self._glances[sighting.track]
        for look in reversed(self._recent):
            others = [_Face(other.points, other.score) for other in look.sightings]
            face = self._read_on(look.frame.image, points) or self._look_for(look.frame.image, points, others, glance)
            if face is None or _among(box_of(face.points), others) or (face.glimpsed and not sighting.glimpsed):
                return
            look.sightings.append(Sighting(sighting.track, face.points, face.score, face.glimpsed))
            self._looks[sighting.track] += 1
            points, glance = face.points, _glance(look.frame.image, box_of(face.points))


@dataclass(frozen=True)
class _Face:
    """A face in the frame that is looked at. track: -1 as long as it is not known whose it is."""

    points: Floats
    score: float
    glimpsed: bool = False
    track: int = -1


def _among(box: Floats, faces: list[_Face]) -> bool:
    return any(near(box, box_of(face.points)) for face in faces)


def _likeness(glance: Floats, other: Floats) -> float:
    """1 for the same, about 0 for what has nothing in common (normalised cross-correlation)."""
    return float((glance * other).sum())


def _away(box: Floats, other: Floats) -> float:
    """How far apart two boxes are, in sizes of the second."""
    middle, other_middle = (box[:2] + box[2:]) / 2, (other[:2] + other[2:]) / 2
    return float(np.linalg.norm(middle - other_middle) / np.sqrt(np.prod(other[2:] - other[:2])))


def _glance(image: Image, box: Floats) -> Floats:
    """A face and what is round it, however bright and of whatever contrast: float32 (16, 16, 3), see `_likeness`."""
    height, width = image.shape[:2]
    margin = 0.25 * (box[2:] - box[:2])
    left, top = np.clip(box[:2] - margin, 0, [width - 1, height - 1]).astype(int)
    right, bottom = np.clip(box[2:] + margin, [left + 1, top + 1], [width, height]).astype(int)
    seen = cv2.resize(image[top:bottom, left:right], (16, 16), interpolation=cv2.INTER_AREA).astype(np.float32)
    seen -= seen.mean()
    return np.asarray(seen / (np.linalg.norm(seen) + 1e-6), dtype=np.float32)
