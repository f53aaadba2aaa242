"""Films of the trained twins, made as orders are made, and what they are like beside their templates."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from generator.engine.film_quality import landmark_error, warped_flicker
from generator.productions.rendering import Source, render
from generator.productions.storyboard import Storyboard
from generator.protection.provenance import Authority, make_authority
from processing.engine.canonical import crop_matrix, hull_mask, warp
from processing.engine.decoding import read_frames
from processing.engine.mesh import FaceMesh
from processing.engine.scenery import measure_scenery
from worker.bench.clips import film as encoded
from worker.bench.clips import repeated
from worker.bench.pairs import Pair, Scene

# seconds of a template that are filmed and measured, and frames in a row in which flicker is looked for
FILMED, WATCHED = 10.0, 150
# rendering is timed on films of this side, of so many frames a second and seconds
TIMED_SIDE, REAL_TIME, TIMED = 512, 25, 10.0
# a sheet's moments, side of a picture, and how much more than a face it shows
MOMENTS, HEIGHT, AROUND = 6, 256, 1.3

Images = NDArray[np.uint8]


@dataclass(frozen=True)
class FilmFigures:
    """Of one film. to_subject, to_actor, apart: mean distances in dlib's space of film and subject, film and actor, actor and
    subject. landmarks: share of the distance between the eyes; lost: share of the template's frames with a face that are left
    out of it, for the mesh sees none in the film, or in the template when it looks again. flicker, own_flicker: grey levels, of
    film and template."""

    content: bytes
    to_subject: float
    to_actor: float
    apart: float
    landmarks: float
    lost: float
    flicker: float
    own_flicker: float


@cache
def _authority() -> Authority:
    return make_authority("TwinVault bench")


def _prepared(scene: Scene) -> Source:
    """The scene as a template that was prepared: what rendering needs of it alone is measured already."""
    source = Source(lambda: io.BytesIO(scene.content), scene.landmarks, scene.present, scene.rate, scene.width, scene.height)
    return replace(source, scenery=measure_scenery(source.pictures(), scene.landmarks, scene.rate))


def _rendered(weights: bytes, source: Source, pair: Pair) -> tuple[bytes, dict]:
    return render(
        weights,
        source,
        # without cards: film and template run frame by frame
        Storyboard("memorial"),
        _authority(),
        claims={},
        subject=pair.subject.as_subject.embeddings,
        actor=pair.actor.as_actor.embeddings,
        on_progress=lambda _share, _words: None,
    )


def filmed(weights: bytes, pair: Pair) -> FilmFigures:
    """The first seconds of the actor's clip with the subject's face, as anybody would play them."""
    scene = pair.actor.scene.start(FILMED)
    content, told = _rendered(weights, _prepared(scene), pair)
    films, templates = (_pictures(data, scene) for data in (content, scene.content))
    there = np.flatnonzero(scene.present)
    seen = [_seen_again(pictures, scene) for pictures in (films, templates)]
    some = in_a_row(there, WATCHED + 1)
    masks = np.zeros((len(some), scene.height, scene.width), bool)
    for place, frame in enumerate(some):
        masks[place] = _face(scene.landmarks[frame], scene.height, scene.width)
    film, template = films[some], templates[some]
    return FilmFigures(
        content,
        told["swap_to_subject"],
        told["swap_to_actor"],
        told["subject_to_actor"],
        landmark_error(*seen),
        1.0 - float(np.isfinite(seen).all(axis=(0, 2, 3))[there].mean()),
        warped_flicker(film, masks, moved_as=template),
        warped_flicker(template, masks),
    )


def in_a_row(numbers: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """The longest stretch of rising whole numbers, one or more, in which none is left out; its first `most`."""
    stretches = np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1)
    return max(stretches, key=len)[:most]


def _pictures(content: bytes, scene: Scene) -> Images:
    count = len(scene.landmarks)
    frames = np.zeros((count, scene.height, scene.width, 3), np.uint8)
    for frame in read_frames(io.BytesIO(content)):
        if frame.index >= count:
            break
        frames[frame.index] = frame.image[: scene.height, : scene.width]
    return frames


def _seen_again(pictures: Images, scene: Scene) -> NDArray[np.float32]:
    """Landmarks as the mesh reads them anew in each picture, (T, 468, 3); NaN where it sees no face."""
    mesh = FaceMesh()
    read = np.full_like(scene.landmarks, np.nan)
    for index in np.flatnonzero(scene.present):
        found = mesh.landmarks(pictures[index], scene.landmarks[index])
        if found is not None:
            read[index] = found.points
    return read


def _face(landmarks: NDArray[np.float32], height: int, width: int) -> NDArray[np.bool_]:
    """bool (H, W): the face, a little inside its outline."""
    mask = hull_mask(landmarks[:, :2], max(height, width))[:height, :width]
    inner = max(1, round(float(np.ptp(landmarks[:, 0])) / 16))
    return cv2.erode(mask, np.ones((inner, inner), np.uint8)) > 127


def rate_of_rendering(weights: bytes, pair: Pair) -> float:
    """Frames a second, from weights to encoded film, of a template of 512 x 512 pixels: the actor's clip on black, if it is of
    another size; again and again, if it is short."""
    scene = square(pair.actor.scene.start(TIMED))
    _, told = _rendered(weights, _prepared(scene), pair)
    return float(told["render_fps"])


def square(scene: Scene) -> Scene:
    """The scene on TIMED_SIDE x TIMED_SIDE pixels, at least TIMED seconds of REAL_TIME long."""
    scale = TIMED_SIDE / max(scene.width, scene.height)
    width, height = round(scene.width * scale), round(scene.height * scale)
    left, top = (TIMED_SIDE - width) // 2, (TIMED_SIDE - height) // 2

    def pictures() -> Iterator[Images]:
        for frame in read_frames(io.BytesIO(scene.content)):
            if frame.index >= len(scene.landmarks):
                return
            canvas = np.zeros((TIMED_SIDE, TIMED_SIDE, 3), np.uint8)
            small = frame.image[: scene.height, : scene.width]
            canvas[top : top + height, left : left + width] = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
            yield canvas

    content = encoded(pictures(), REAL_TIME)
    # pixel centres lie at whole numbers
    points = (scene.landmarks + np.float32([0.5, 0.5, 0])) * np.float32(scale) - np.float32([0.5, 0.5, 0])
    points += np.float32([left, top, 0])
    times = int(np.ceil(TIMED * REAL_TIME / len(points)))
    content = repeated(content, times) if times > 1 else content
    return replace(
        scene,
        content=content,
        landmarks=np.tile(points, (times, 1, 1)).astype(np.float32),
        rate=float(REAL_TIME),
        width=TIMED_SIDE,
        height=TIMED_SIDE,
    )


def write_sheet(pair: Pair, films: dict[str, bytes], folder: Path) -> Path:
    """A PNG with a row a moment: the subject's face at any time, that of the template, and those of the films, in their order."""
    scene = pair.actor.scene.start(FILMED)
    there = np.flatnonzero(scene.present)
    moments = there[np.linspace(0, len(there) - 1, MOMENTS).round().astype(int)]
    crops = pair.subject.as_subject.crops
    subject = crops[np.linspace(0, len(crops) - 1, MOMENTS).round().astype(int)]
    columns = [subject, *(_pictures(content, scene)[moments] for content in (scene.content, *films.values()))]
    rows = []
    for moment, (known, *row) in zip(moments, zip(*columns, strict=True), strict=True):
        matrix = crop_matrix(scene.landmarks[moment], HEIGHT, AROUND)
        rows.append(np.hstack([cv2.resize(known, (HEIGHT, HEIGHT)), *(warp(picture, matrix, HEIGHT) for picture in row)]))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{pair.slug}.png"
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))
    return path
