"""From a template and a twin to a finished film: swap, assemble, sign, measure. All in memory; nothing here knows a request."""

import io
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from generator.engine.quality import mean_distance, psnr
from generator.engine.swap import Shot, Swapper
from generator.productions.assembly import assemble, title_frames
from generator.productions.storyboard import Storyboard
from generator.protection.provenance import Authority, sign
from generator.protection.visible_mark import VisibleMark
from processing.engine.decoding import read_frames
from processing.engine.identity import embed

Picture = NDArray[np.uint8]

# as many frames as tell two digits of a mean; each costs an embedding
JUDGED_FRAMES = 24
COMPARED_FRAMES = 120
# stands for a picture without any difference, so that a mean can be taken
LOSSLESS_DB = 99.0


@dataclass(frozen=True)
class Source:
    """An opened template. `open` gives a fresh reader each time; landmarks: float32 (T, 468, 3) px, NaN without a face."""

    open: Callable[[], BinaryIO]
    landmarks: NDArray[np.float32]
    present: NDArray[np.bool_]
    rate: float
    width: int
    height: int

    @property
    def frames(self) -> int:
        return len(self.landmarks)

    def pictures(self) -> Iterator[Picture]:
        with self.open() as reader:
            yield from (frame.image for frame in read_frames(reader))


def render(
    weights: bytes,
    source: Source,
    storyboard: Storyboard,
    authority: Authority,
    *,
    claims: dict[str, str],
    subject: NDArray[np.float32],
    actor: NDArray[np.float32],
    on_progress: Callable[[float, str], None],
) -> tuple[bytes, dict]:
    """The signed film as MP4 bytes, and what was measured on it.

    subject, actor: float32 (N, 128) embeddings. on_progress takes 0..1 and a few words; what it raises ends the rendering.
    Measures: frames (of the template), frames_with_face, frames_swapped, render_fps (template frames a second, from weights to
    encoded film), background_psnr_db (film against template where neither face nor mark nor caption lies, mean of up to 120
    frames), swap_to_subject, swap_to_actor, subject_to_actor (mean distances, None without
    embeddings), film_frames, bytes.
    """
    began = time.monotonic()
    shot = Swapper(weights).prepare(
        _told(source.pictures(), source.frames, on_progress, 0.0, 0.25, "Drawing faces"), source.landmarks
    )
    mark = VisibleMark(source.width, source.height)
    touched = _Touched(source.frames)
    title = title_frames(storyboard, source.rate)

    def progress(written: int) -> None:
        on_progress(0.25 + 0.55 * min(1.0, max(0, written - title) / source.frames), f"Frame {written}")

    with source.open() as sound:
        film = assemble(storyboard, sound, _swapped(source, shot, touched), source.rate, mark, progress)
    seconds = time.monotonic() - began
    on_progress(0.82, "Signing")
    film = sign(film, authority, title=f"TwinVault {storyboard.kind}", claims=claims)
    on_progress(0.85, "Measuring")
    measures = {
        "frames": source.frames,
        "frames_with_face": int(source.present.sum()),
        "frames_swapped": touched.swapped,
        "render_fps": round(source.frames / seconds, 2),
        "bytes": len(film),
    }
    measures |= _measure(film, source, storyboard, mark, touched, subject, actor, title)
    return film, measures


def _told(pictures, total: int, on_progress, begin: float, end: float, words: str) -> Iterator[Picture]:
    for index, picture in enumerate(pictures):
        if index % 10 == 0:
            on_progress(begin + (end - begin) * index / total, f"{words}: frame {index + 1} of {total}")
        yield picture


class _Touched:
    """Where the frames were changed, kept as bits for the frames that will be compared, and how many were changed at all."""

    def __init__(self, frames: int):
        self.chosen = set(np.linspace(0, frames - 1, min(frames, COMPARED_FRAMES)).round().astype(int).tolist())
        self.swapped = 0
        self._bits: dict[int, bytes] = {}

    def add(self, index: int, mask: Picture) -> None:
        self.swapped += bool(mask.any())
        if index in self.chosen:
            self._bits[index] = np.packbits(mask > 0).tobytes()

    def mask(self, index: int, height: int, width: int) -> NDArray[np.bool_]:
        bits = np.frombuffer(self._bits[index], np.uint8)
        return np.unpackbits(bits, count=height * width).reshape(height, width).astype(bool)


def _swapped(source: Source, shot: Shot, touched: _Touched) -> Iterator[Picture]:
    for index, picture in enumerate(source.pictures()):
        if index >= source.frames:
            return
        swapped, mask = shot.render(index, picture)
        touched.add(index, mask)
        yield swapped


def _measure(film, source, storyboard, mark, touched, subject, actor, title) -> dict:
    """Measured on the finished film as anybody would play it, not on what went into the encoder."""
    faces = np.flatnonzero(source.present)
    judged = set(faces[np.linspace(0, len(faces) - 1, min(len(faces), JUDGED_FRAMES)).round().astype(int)].tolist())
    clear = np.ones((source.height, source.width), bool)
    x0, y0, x1, y1 = mark.region
    clear[y0:y1, x0:x1] = False
    if storyboard.captions:
        clear[source.height // 2 :] = False
    distances, embeddings, film_frames = [], [], 0
    originals = enumerate(source.pictures())
    for number, frame in enumerate(read_frames(io.BytesIO(film))):
        film_frames += 1
        index = number - title
        if not 0 <= index < source.frames:
            continue
        _, original = next(originals)
        shown = frame.image[: source.height, : source.width]
        if index in touched.chosen:
            where = clear & ~touched.mask(index, source.height, source.width)
            if where.any():
                distances.append(min(psnr(shown, original, where), LOSSLESS_DB))
        if index in judged:
            embeddings.append(embed(shown, source.landmarks[index]))
    return {
        "film_frames": film_frames,
        "background_psnr_db": round(float(np.mean(distances)), 2) if distances else None,
        "swap_to_subject": _distance(embeddings, subject),
        "swap_to_actor": _distance(embeddings, actor),
        "subject_to_actor": _distance(actor, subject),
    }


def _distance(a: Sequence[NDArray[np.float32]] | NDArray[np.float32], b: NDArray[np.float32]) -> float | None:
    """Mean distance; None where no face could be measured."""
    return round(mean_distance(np.stack(a), b), 4) if len(a) and len(b) else None
