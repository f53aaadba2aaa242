"""From a template and a twin to a finished film: swap, assemble, sign, measure. All in memory; nothing here knows a request."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from generator.engine.swap import Shot, Swapper
from generator.productions.assembly import assemble, title_frames
from generator.productions.measuring import Touched, choose, measure_film
from generator.productions.storyboard import Storyboard
from generator.protection.provenance import Authority, sign
from generator.protection.visible_mark import VisibleMark
from processing.engine.decoding import read_frames

Picture = NDArray[np.uint8]


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
    encoded film), bytes, and those of `measuring.measure_film`.
    """
    began = time.monotonic()
    shot = Swapper(weights).prepare(
        _told(source.pictures(), source.frames, on_progress, 0.0, 0.25, "Drawing faces"), source.landmarks
    )
    mark = VisibleMark(source.width, source.height)
    touched = Touched(choose(source.present, _captioned(storyboard, source)))
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
    return film, measures | measure_film(
        film,
        source.pictures,
        source.landmarks,
        touched,
        clear=_clear(storyboard, mark, source),
        title=title,
        subject=subject,
        actor=actor,
    )


def _told(pictures, total: int, on_progress, begin: float, end: float, words: str) -> Iterator[Picture]:
    for index, picture in enumerate(pictures):
        if index % 10 == 0:
            on_progress(begin + (end - begin) * index / total, f"{words}: frame {index + 1} of {total}")
        yield picture


def _swapped(source: Source, shot: Shot, touched: Touched) -> Iterator[Picture]:
    for index, picture in enumerate(source.pictures()):
        if index >= source.frames:
            return
        swapped, mask = shot.render(index, picture)
        touched.add(index, mask)
        yield swapped


def _captioned(storyboard: Storyboard, source: Source) -> NDArray[np.bool_]:
    """Which template frames bear a caption: bool (T,)."""
    moments = np.arange(source.frames) / source.rate
    spans = [(moments >= caption.start) & (moments < caption.end) for caption in storyboard.captions]
    return np.any(spans, axis=0) if spans else np.zeros(source.frames, bool)


def _clear(storyboard: Storyboard, mark: VisibleMark, source: Source) -> NDArray[np.bool_]:
    """Where neither mark nor captions lie in any frame: bool (H, W)."""
    clear = np.ones((source.height, source.width), bool)
    x0, y0, x1, y1 = mark.region
    clear[y0:y1, x0:x1] = False
    if storyboard.captions:
        clear[source.height // 2 :] = False
    return clear
