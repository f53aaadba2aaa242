"""What is measured on a finished film, as anybody would play it, against its template.

A film may be long, so work and memory do not grow with it beyond reading it through once: some frames spread over it are
compared, and some stretches of consecutive frames are looked at closely, one at a time.
"""

import io
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from generator.engine.film_quality import (
    EYES_AND_MOUTH,
    detail,
    expression_followed,
    landmark_error,
    seam_gradient,
    warped_flicker,
)
from generator.engine.quality import mean_distance, psnr
from processing.engine.decoding import read_frames
from processing.engine.identity import embed
from processing.engine.mesh import FaceMesh

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

# As many as tell two digits of a mean; an embedding takes some 80 ms.
EMBEDDED_FRAMES, COMPARED_FRAMES = 24, 120
STRETCHES, STRETCH = 6, 10
# Pixels: the longer side of the window round a face in which a stretch is looked at.
WINDOW = 320
# stands for a picture without any difference, so that a mean can be taken
LOSSLESS_DB = 99.0
# Grey levels of flicker that nobody sees; a stiller template counts as this one.
UNSEEN_FLICKER = 0.25


@dataclass(frozen=True)
class Chosen:
    """Numbers of template frames. compared: spread over the film. embedded: of those with a face. stretches: runs of
    consecutive frames with a face, in order, none overlapping."""

    compared: frozenset[int]
    embedded: frozenset[int]
    stretches: tuple[range, ...]

    def needs_mask(self, index: int) -> bool:
        """Whether it must be known where this frame was touched."""
        return index in self.compared or any(index in stretch for stretch in self.stretches)


def choose(present: Flags, captioned: Flags | None = None) -> Chosen:
    """What is looked at of a template of T frames. present, captioned: bool (T,); a face under a caption is read badly, so
    stretches without one are taken where there are any."""
    faces = np.flatnonzero(present)
    return Chosen(
        compared=frozenset(_spread(np.arange(len(present)), COMPARED_FRAMES)),
        embedded=frozenset(_spread(faces, EMBEDDED_FRAMES)),
        stretches=_stretches(present & ~captioned if captioned is not None and (present & ~captioned).sum() > 1 else present),
    )


def _spread(numbers: NDArray[np.integer], count: int) -> list[int]:
    return numbers[np.linspace(0, len(numbers) - 1, min(len(numbers), count)).round().astype(int)].tolist()


def _stretches(usable: Flags) -> tuple[range, ...]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], usable.astype(np.int8), [0]])))
    pieces = []
    for first, beyond in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        starts = range(first, max(first + 1, beyond - STRETCH + 1), STRETCH)
        pieces += [range(start, min(start + STRETCH, beyond)) for start in starts if beyond - start >= 2]
    whole = [piece for piece in pieces if len(piece) == STRETCH] or pieces
    return tuple(whole[number] for number in _spread(np.arange(len(whole)), STRETCHES))


@dataclass
class Touched:
    """Where frames were changed, kept as bits for the chosen ones, how many were changed at all, and how many there were."""

    chosen: Chosen
    swapped: int = 0
    seen: int = 0
    _bits: dict[int, bytes] = field(default_factory=dict)

    def add(self, index: int, mask: Picture) -> None:
        """mask: uint8 (H, W), above 0 where frame `index` was changed."""
        self.seen += 1
        self.swapped += bool(mask.any())
        if self.chosen.needs_mask(index):
            self._bits[index] = np.packbits(mask > 0).tobytes()

    def mask(self, index: int, height: int, width: int) -> Flags:
        """bool (H, W) of a chosen frame that was added."""
        bits = np.frombuffer(self._bits[index], np.uint8)
        return np.unpackbits(bits, count=height * width).reshape(height, width).astype(bool)

    def join(self, other: "Touched") -> None:
        """Takes over what is known of another piece."""
        self.swapped, self.seen = self.swapped + other.swapped, self.seen + other.seen
        self._bits |= other._bits

    def dump(self) -> dict[str, NDArray[np.generic]]:
        """As arrays, for an .npz."""
        bits = {str(index): np.frombuffer(zlib.compress(mask, 1), np.uint8) for index, mask in self._bits.items()}
        return {"counts": np.array([self.swapped, self.seen]), **bits}

    @classmethod
    def load(cls, chosen: Chosen, arrays: Mapping[str, NDArray]) -> "Touched":
        """The inverse of `dump`."""
        swapped, seen = arrays["counts"].tolist()
        bits = {int(name): zlib.decompress(arrays[name].tobytes()) for name in arrays if name.isdecimal()}
        return cls(chosen, swapped, seen, bits)


@dataclass(frozen=True)
class Played:
    """A role of a template that a twin plays. landmarks: float32 (T, 468, 3) px, NaN without a face. touched: where it was laid
    in. subject, actor: float32 (N, 128) embeddings."""

    landmarks: Floats
    touched: Touched
    subject: Floats
    actor: Floats


def measure_film(
    film: bytes, template: Callable[[], Iterator[Picture]], roles: Sequence[Played], *, clear: Flags, title: int
) -> tuple[dict, list[dict]]:
    """The measures of a finished film, and those of each role in it.

    film: MP4. template: gives its frames anew, uint8 (H, W, 3) RGB. clear: bool (H, W), False where mark or captions lie. title:
    film frames before the template's first.

    film_frames. background_psnr_db: the film against its template where nothing was laid in, mean of the compared frames.
    Of each role: frames_with_face, frames_swapped. swap_to_subject, swap_to_actor, subject_to_actor: mean dlib distances.
    landmark_error, expression_error (eyes and mouth alone): parts of the distance of the eyes' outer corners, mesh found anew in
    both. expression_followed: the share of the template's movement of mouth and lids. faces_lost: the share of the frames looked
    at in which the film shows a face no more. flicker: grey levels; flicker_ratio: to the template's. detail_ratio: fine detail
    in the face against the template's. seam_gradient: a ratio to the template's. None for what could not be measured.
    """
    height, width = clear.shape
    distances, film_frames = [], 0
    observers = [_Observer(role, height, width) for role in roles]
    originals = template()
    for number, frame in enumerate(read_frames(io.BytesIO(film))):
        film_frames += 1
        index = number - title
        if not 0 <= index < len(roles[0].landmarks):
            continue
        original = next(originals, None)
        if original is None:
            # a damaged template ends early; what follows is the closing card
            continue
        shown = frame.image[:height, :width]
        # spread over the film, and not over faces, so they are the same for all roles
        if index in roles[0].touched.chosen.compared:
            where = clear & ~np.any([role.touched.mask(index, height, width) for role in roles], axis=0)
            if where.any():
                distances.append(min(psnr(shown, original, where), LOSSLESS_DB))
        for observer in observers:
            observer.add(index, shown, original)
    common = {"film_frames": film_frames, "background_psnr_db": round(float(np.mean(distances)), 2) if distances else None}
    return common, [observer.measures() for observer in observers]


class _Observer:
    """Looks at one role while film and template are read side by side."""

    def __init__(self, role: Played, height: int, width: int) -> None:
        self._role, self._height, self._width = role, height, width
        self._starts = {stretch.start: stretch for stretch in role.touched.chosen.stretches}
        self._embeddings: list[Floats] = []
        self._faces, self._stretches = _Faces(), _Stretches()
        self._reading: _Window | None = None

    def add(self, index: int, shown: Picture, original: Picture) -> None:
        role, landmarks = self._role, self._role.landmarks
        if index in role.touched.chosen.embedded:
            self._embeddings.append(embed(shown, landmarks[index]))
        if index in self._starts:
            self._reading = _Window(self._starts[index], landmarks, self._height, self._width)
        if self._reading is not None:
            self._faces.add(shown, original, landmarks[index])
            self._reading.add(shown, original, role.touched.mask(index, self._height, self._width))
            if index == self._reading.stretch[-1]:
                self._stretches.add(self._reading)
                self._reading = None

    def measures(self) -> dict:
        role = self._role
        return {
            "frames_with_face": int(np.isfinite(role.landmarks).all(axis=(1, 2)).sum()),
            "frames_swapped": role.touched.swapped,
            "swap_to_subject": _distance(self._embeddings, role.subject),
            "swap_to_actor": _distance(self._embeddings, role.actor),
            "subject_to_actor": _distance(role.actor, role.subject),
            **self._faces.measures(),
            **self._stretches.measures(),
        }


def _distance(a: list[Floats] | Floats, b: Floats) -> float | None:
    """Mean distance; None where no face could be measured."""
    return round(mean_distance(np.stack(a), b), 4) if len(a) and len(b) else None


class _Window:
    """The frames of one stretch, cut out round the face and made small enough to be held."""

    def __init__(self, stretch: range, landmarks: Floats, height: int, width: int):
        self.stretch = stretch
        points = landmarks[stretch.start : stretch.stop, :, :2].reshape(-1, 2)
        low, high = points.min(axis=0), points.max(axis=0)
        margin = 0.25 * float((high - low).max())
        left, top = np.clip(low - margin, 0, [width - 2, height - 2]).astype(int)
        right, bottom = np.clip(high + margin, [left + 2, top + 2], [width, height]).astype(int)
        self._cut = slice(top, bottom), slice(left, right)
        scale = min(1.0, WINDOW / max(right - left, bottom - top))
        self._size = max(2, round((right - left) * scale)), max(2, round((bottom - top) * scale))
        self._film: list[Picture] = []
        self._template: list[Picture] = []
        self._touched: list[Picture] = []

    def add(self, shown: Picture, original: Picture, touched: Flags) -> None:
        for kept, picture in zip(
            (self._film, self._template, self._touched), (shown, original, touched.astype(np.uint8)), strict=True
        ):
            kept.append(cv2.resize(picture[self._cut], self._size, interpolation=cv2.INTER_AREA))

    def pictures(self) -> tuple[Picture, Picture, Flags]:
        """(film, template, touched): uint8 (N, H, W, 3) twice, bool (N, H, W)."""
        return np.stack(self._film), np.stack(self._template), np.stack(self._touched) > 0


class _Faces:
    """Landmarks of film and template, found in the same way in both."""

    def __init__(self) -> None:
        self._mesh = FaceMesh()
        self._film: list[Floats] = []
        self._template: list[Floats] = []

    def add(self, shown: Picture, original: Picture, near: Floats) -> None:
        for kept, picture in ((self._film, shown), (self._template, original)):
            found = self._mesh.landmarks(picture, near)
            kept.append(np.full((468, 3), np.nan, np.float32) if found is None or found.score < 0.5 else found.points)

    def measures(self) -> dict:
        names = ("landmark_error", "expression_error", "expression_followed", "faces_lost")
        if not self._film:
            return dict.fromkeys(names)
        film, template = np.stack(self._film), np.stack(self._template)
        there = np.isfinite(template).all(axis=(1, 2))
        lost = there & ~np.isfinite(film).all(axis=(1, 2))
        share = round(float(lost.sum() / there.sum()), 4) if there.any() else None
        if not (there & ~lost).any():
            return dict.fromkeys(names) | {"faces_lost": share}
        errors = [round(landmark_error(film, template, points), 4) for points in (None, EYES_AND_MOUTH)]
        return dict(zip(names, (*errors, _rounded(expression_followed(film, template)), share), strict=True))


class _Stretches:
    """Flicker and seam, of one stretch after the other."""

    def __init__(self) -> None:
        self._flicker: list[tuple[float, float]] = []
        self._details: list[tuple[float, float]] = []
        self._seams: list[float] = []

    def add(self, window: _Window) -> None:
        film, template, touched = window.pictures()
        if touched.any():
            self._details.append((detail(film, touched), detail(template, touched)))
        if touched.any() and not touched.all():
            self._seams.append(seam_gradient(film, template, touched))
        # nothing may be left to compare where a face leaps or is hidden all the time
        with suppress(ValueError):
            self._flicker.append((warped_flicker(film, touched, template), warped_flicker(template, touched)))

    def measures(self) -> dict:
        film, template = np.mean(self._flicker, axis=0) if self._flicker else (None, None)
        ratio = max(film, UNSEEN_FLICKER) / max(template, UNSEEN_FLICKER) if film is not None else None
        return {
            "flicker": _rounded(film),
            "flicker_ratio": _rounded(ratio),
            "detail_ratio": _rounded(np.divide(*np.sum(self._details, axis=0)) if self._details else None),
            "seam_gradient": _rounded(np.mean(self._seams) if self._seams else None),
        }


def _rounded(value) -> float | None:
    return None if value is None else round(float(value), 3)
