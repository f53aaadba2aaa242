"""From a twin, its code book and a configuration to a finished clip: draw, assemble, sign, measure. All in memory."""

import io
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from generator.engine.quality import flicker, mean_distance
from generator.engine.scenes.book import CodeBook
from generator.engine.scenes.compose import Stage, backdrop, fill, film_size, placements, set_face
from generator.engine.scenes.drive import POSE, drive_of
from generator.engine.scenes.motion import Motion, plan
from generator.engine.scenes.outline import TRUSTED, Outliner, doubt, steadied
from generator.engine.scenes.puppet import Puppet
from generator.productions.assembly import assemble, film_frames, title_frames
from generator.protection.provenance import Authority, sign
from generator.protection.visible_mark import VisibleMark
from generator.scenes.configuration import RATE, Configuration
from processing.engine.canonical import apply
from processing.engine.decoding import read_frames
from processing.engine.identity import embed
from processing.engine.mesh import FaceMesh

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]

DOUBTED_FRAMES = 12
LIKENESS_FRAMES = 16  # each costs an embedding
MEASURED_FRAMES = 150
STEADY_FRAMES = 100  # in a row, for the flicker


def render(
    weights: bytes,
    book: CodeBook,
    configuration: Configuration,
    background: Picture | None,
    authority: Authority,
    *,
    claims: dict[str, str],
    subject: NDArray[np.float32],
    on_progress: Callable[[float, str], None],
) -> tuple[bytes, dict]:
    """The signed clip as MP4 bytes, silent, and what was measured on it.

    background: uint8 (H, W, 3), or None for the configuration's colour. subject: float32 (N, 128) embeddings. on_progress takes
    0..1 and a few words; what it raises ends the rendering. The same configuration gives the same frames. Measures: see
    `measure`, and framing, render_fps (frames a second, from weights to encoded clip), film_frames, bytes.
    """
    began = time.monotonic()
    puppet = Puppet(weights, book)
    seed = zlib.crc32(configuration.to_json().encode())
    motion = plan(configuration.expressions, configuration.path(book.range), configuration.seconds, RATE, book.range, seed)
    outliner = Outliner()
    framing = configuration.framed(_doubt(puppet, outliner, motion) <= TRUSTED)
    width, height = film_size(framing, puppet.size)
    ground = backdrop(configuration.colour(), width, height) if background is None else fill(background, width, height)
    stage = Stage(ground, framing)
    asked = np.zeros((len(motion), 468, 3), np.float32)
    storyboard, total = configuration.storyboard, film_frames(configuration.storyboard, RATE, len(motion))

    film = assemble(
        storyboard,
        None,
        _frames(puppet, outliner, motion, stage, asked),
        RATE,
        VisibleMark(width, height),
        lambda written: on_progress(0.8 * min(1.0, written / total), f"Frame {written} of {total}"),
    )
    seconds = time.monotonic() - began
    on_progress(0.82, "Signing")
    film = sign(film, authority, title=f"TwinVault scene, {storyboard.kind}", claims=claims, drawn=True)
    on_progress(0.85, "Measuring")
    first = title_frames(storyboard, RATE)
    measures = {
        "framing": framing,
        "render_fps": round(total / seconds, 2),
        "film_frames": total,
        "bytes": len(film),
        **measure(film, first, motion, asked, book, subject),
    }
    return film, measures


def _doubt(puppet: Puppet, outliner: Outliner, motion: Motion) -> float:
    """How far the outlines of this scene are to be doubted, from some of its frames."""
    some = np.linspace(0, len(motion) - 1, min(len(motion), DOUBTED_FRAMES)).round().astype(int)
    faces, landmarks = zip(*puppet.draw(motion.drives[some]), strict=True)
    return doubt(np.stack([outliner.person(face) for face in faces]), np.stack(landmarks))


def _frames(puppet: Puppet, outliner: Outliner, motion: Motion, stage: Stage, asked: Floats) -> Iterator[Picture]:
    """The frames one after the other; fills `asked` with the landmarks that each was drawn for, pixels of the frame."""
    matrices = placements(motion, puppet.size, stage)
    drawn: deque[Picture] = deque()

    def outlines() -> Iterator[Floats]:
        for number, (face, points) in enumerate(puppet.draw(motion.drives)):
            asked[number] = apply(matrices[number], points)
            drawn.append(face)
            yield outliner.person(face)

    # An outline comes some frames after its face, once those behind it are known.
    for number, person in enumerate(steadied(outlines())):
        yield set_face(stage, drawn.popleft(), person, matrices[number])


def measure(
    film: bytes, first: int, motion: Motion, asked: Floats, book: CodeBook, subject: NDArray[np.float32]
) -> dict[str, float | int | None]:
    """What the finished clip shows, by our own mesh and embedding, against what was asked for.

    first: frames before the scene's own. asked: float32 (T, 468, 3), pixels. -> frames (of the scene), frames_measured,
    frames_with_face, expression_error (mean difference of the mimics asked for and seen, as part of the way from this person's
    rest to the most that was seen), turn_error_degrees (the same of yaw and pitch), flicker (grey levels, see
    `generator.engine.quality`), distance_to_subject (mean over some frames). None for what could not be measured.
    """
    count = len(motion)
    chosen = set(np.linspace(0, count - 1, min(count, MEASURED_FRAMES)).round().astype(int).tolist())
    alike = set(np.linspace(0, count - 1, min(count, LIKENESS_FRAMES)).round().astype(int).tolist())
    steady = range(max(0, (count - STEADY_FRAMES) // 2), min(count, (count + STEADY_FRAMES) // 2))
    mesh = FaceMesh(views=2)
    rows, seen, embeddings, run, looked = [], [], [], [], 0
    for number, frame in enumerate(read_frames(io.BytesIO(film))):
        index = number - first
        if not 0 <= index < count:
            continue
        if index in steady:
            run.append(frame.image.copy())
        if index not in chosen and index not in alike:
            continue
        looked += 1
        found = mesh.landmarks(frame.image, asked[index])
        if found is None:
            continue
        rows.append(index)
        seen.append(drive_of(found.points))
        if index in alike:
            embeddings.append(embed(frame.image, found.points))
    measured: dict[str, float | int | None] = {"frames": count, "frames_measured": looked, "frames_with_face": len(rows)}
    expression_error = turn_error = None
    if rows:
        wanted, got = motion.drives[rows], np.stack(seen)
        apart = np.abs(book.range.reach(wanted) - book.range.reach(got))
        expression_error = round(float(apart[:, len(POSE) :].mean()), 3)
        turn_error = round(float(np.abs(wanted - got)[:, : len(POSE)].mean()), 2)
    likeness = round(mean_distance(np.stack(embeddings), subject), 4) if embeddings and len(subject) else None
    return measured | {
        "expression_error": expression_error,
        "turn_error_degrees": turn_error,
        "flicker": round(flicker(np.stack(run), asked[steady.start : steady.stop]), 3) if len(run) >= 3 else None,
        "distance_to_subject": likeness,
    }
