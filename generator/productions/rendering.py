"""From a template and a twin to a finished film: swap, assemble, sign, measure. All in memory; nothing here knows a request."""

import io
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import BinaryIO

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from generator.engine.swap import CONTEXT, Part, Swapper, draw_along, lay_in
from generator.productions.assembly import AssemblyError, Piece, film_piece, join, title_frames
from generator.productions.measuring import Chosen, Played, Touched, choose, measure_film
from generator.productions.pipeline import ahead
from generator.productions.storyboard import Storyboard
from generator.protection.provenance import Authority, sign
from generator.protection.visible_mark import VisibleMark
from processing.engine.decoding import read_frames, segments
from processing.engine.scenery import Scenery, measure_scenery

Picture = NDArray[np.uint8]

# a film is cut into pieces of at least so many seconds
PIECE_S = 20.0
PREVIEW_S, PREVIEW_MARK = 3.0, "Preview · Synthetic"
# of the mesh: the tip of the nose, the sides of the face, and the ends of the line down its middle
_NOSE, _SIDES, _BROW, _CHIN = 1, (234, 454), 10, 152
# pictures that wait between the steps of a rendering take no more than this together
WAITING_BYTES = 192 << 20


@dataclass(frozen=True)
class Source:
    """An opened template, and the face of one role in it; several roles are as many sources of the same film.

    `open` gives a fresh reader each time; landmarks: float32 (T, 468, 3) px, NaN without a face.

    scenery: what was measured round the face; without it the template is decoded once more to measure it. times: float64 (T,),
    seconds of each frame; without them only the whole can be read.
    """

    open: Callable[[], BinaryIO]
    landmarks: NDArray[np.float32]
    present: NDArray[np.bool_]
    rate: float
    width: int
    height: int
    scenery: Scenery | None = None
    times: NDArray[np.float64] | None = None

    @property
    def frames(self) -> int:
        return len(self.landmarks)

    def pictures(self, first: int = 0, last: int | None = None) -> Iterator[Picture]:
        """Frames number `first` to before `last`. The reader is opened here and now, so the pictures may be asked for in another
        thread."""
        start = self._between(first) if first else 0.0
        end = None if last is None or last >= self.frames or self.times is None else self._between(last)
        return self._read(self.open(), start, end)

    def _between(self, index: int) -> float:
        """A moment after the frame before, and before this one."""
        if self.times is None:
            raise ValueError("when the frames of this template are shown is not known")
        return float(self.times[index - 1] + self.times[index]) / 2

    @staticmethod
    def _read(reader: BinaryIO, start: float, end: float | None) -> Iterator[Picture]:
        with reader:
            yield from (frame.image for frame in read_frames(reader, start=start, end=end))


@dataclass(frozen=True)
class Known:
    """By whom a role is told: float32 (N, 128) embeddings of the subject and of the actor."""

    subject: NDArray[np.float32]
    actor: NDArray[np.float32]


def dump_piece(piece: Piece, touched: Sequence[Touched]) -> bytes:
    """A rendered piece as .npz; `load_piece` reads it. touched: of each role."""
    content = io.BytesIO()
    of_roles = {f"{number}_{name}": array for number, one in enumerate(touched) for name, array in one.dump().items()}
    np.savez(content, allow_pickle=False, film=np.frombuffer(piece.content, np.uint8), frames=piece.frames, **of_roles)
    return content.getvalue()


def load_piece(data: bytes, chosen: Sequence[Chosen]) -> tuple[Piece, list[Touched]]:
    """The inverse of `dump_piece`. chosen: of each role, as of `looked_at`."""
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    of_roles: list[dict[str, NDArray]] = [{} for _ in chosen]
    for name, array in arrays.items():
        number, _, rest = name.partition("_")
        if rest:
            of_roles[int(number)][rest] = array
    touched = [Touched.load(one, kept) for one, kept in zip(chosen, of_roles, strict=True)]
    return Piece(arrays["film"].tobytes(), int(arrays["frames"])), touched


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
    """The signed film of one role as MP4 bytes, and what was measured on it.

    subject, actor: float32 (N, 128) embeddings. on_progress takes 0..1 and a few words; what it raises ends the rendering.
    Measures: as of `complete`.
    """
    began = time.monotonic()
    title = title_frames(storyboard, source.rate)

    def progress(written: int) -> None:
        on_progress(0.05 + 0.75 * min(1.0, max(0, written - title) / source.frames), f"Frame {written}")

    on_progress(0.0, "Looking at the scene")
    piece, touched = render_piece([cast(weights, source)], [source], storyboard, on_progress=progress)
    with source.open() as sound:
        film = join(storyboard, sound, [piece.content], piece.frames, source.rate)
    return complete(
        film,
        [source],
        storyboard,
        authority,
        touched,
        claims=claims,
        known=[Known(subject, actor)],
        seconds=time.monotonic() - began,
        on_progress=on_progress,
    )


def complete(
    film: bytes,
    sources: Sequence[Source],
    storyboard: Storyboard,
    authority: Authority,
    touched: Sequence[Touched],
    *,
    claims: dict[str, str],
    known: Sequence[Known],
    seconds: float,
    on_progress: Callable[[float, str], None],
) -> tuple[bytes, dict]:
    """The assembled film signed, and what was measured on it.

    sources, touched, known: of each role that is played, the same order. seconds: that it took. Measures: frames (of the
    template), render_fps (its frames a second, from weights to encoded film), bytes, those of `measuring.measure_film` of the
    film and of the first role, and `further`, a list of those of the other roles.
    """
    source = sources[0]
    on_progress(0.82, "Signing")
    film = sign(film, authority, title=f"TwinVault {storyboard.kind}", claims=claims)
    on_progress(0.85, "Measuring")
    common, (first, *further) = measure_film(
        film,
        source.pictures,
        [Played(a.landmarks, b, c.subject, c.actor) for a, b, c in zip(sources, touched, known, strict=True)],
        clear=_clear(storyboard, VisibleMark(source.width, source.height), source),
        title=title_frames(storyboard, source.rate),
    )
    measures = {"frames": source.frames, "render_fps": round(source.frames / seconds, 2), "bytes": len(film), **common, **first}
    return film, measures | ({"further": further} if further else {})


def plan(source: Source) -> list[tuple[int, int]]:
    """Where a film of this template is cut into pieces: (first, last) frames, the last exclusive. Every piece begins on a
    keyframe of the template; a short one is one piece, and so is one whose frames do not follow each other in time."""
    if source.times is None or (np.diff(source.times) <= 0).any():
        return [(0, source.frames)]
    with source.open() as reader:
        bounds = [start for start, _ in segments(reader, PIECE_S)]
    # a moment's patience: the same time is told by two readers
    firsts = np.searchsorted(source.times, np.array(bounds) - 0.25 / source.rate)
    # a damaged film may have keyframes behind the last frame that can be read
    return list(pairwise(np.unique([0, *firsts[firsts < source.frames], source.frames]).tolist()))


def render_piece(
    parts: Sequence[Part],
    sources: Sequence[Source],
    storyboard: Storyboard,
    first: int = 0,
    last: int | None = None,
    *,
    mark: VisibleMark | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> tuple[Piece, list[Touched]]:
    """Frames `first` to before `last` of the film, with the cards that lie before the template's first and behind its last, and
    where each part was laid in.

    parts, sources: of each role that is played, the same order. mark: if it is not the usual one. on_progress: as in
    `film_piece`. Raises AssemblyError where a piece in the middle cannot be read to its end.
    """
    source = sources[0]
    last = source.frames if last is None else last
    touched = [Touched(looked_at(one, storyboard)) for one in sources]
    mark = mark or VisibleMark(source.width, source.height)
    title, closing = first == 0, last == source.frames
    with few_threads():
        frames = swapped(parts, source, touched, first, last)
        piece = film_piece(
            storyboard, frames, source.rate, mark, first=first, title=title, closing=closing, on_progress=on_progress
        )
    if not closing and touched[0].seen != last - first:
        raise AssemblyError(f"The template could not be read from frame {first + touched[0].seen} on: send it again.")
    return piece, touched


def render_preview(
    parts: Sequence[Part],
    sources: Sequence[Source],
    storyboard: Storyboard,
    authority: Authority,
    claims: dict[str, str],
    on_progress: Callable[[int], None] | None = None,
) -> bytes:
    """A few seconds round the moment in which the first role's face is seen best, as signed MP4 bytes; every frame says that it
    is a preview."""
    source = sources[0]
    first, last = best_moment(source)
    bare = replace(storyboard, title=None, closing=None)
    mark = VisibleMark(source.width, source.height, PREVIEW_MARK)
    piece, _ = render_piece(parts, sources, bare, first, last, mark=mark, on_progress=on_progress)
    with source.open() as sound:
        film = join(bare, sound, [piece.content], piece.frames, source.rate, first)
    return sign(film, authority, title=f"TwinVault {storyboard.kind}, preview", claims=claims)


def best_moment(source: Source) -> tuple[int, int]:
    """The frames (first, last), the last exclusive, of PREVIEW_S in which the face is largest and most turned to the camera."""
    count = min(source.frames, round(PREVIEW_S * source.rate))
    if source.times is None:
        return 0, count
    points = np.nan_to_num(source.landmarks[:, [_NOSE, *_SIDES, _BROW, _CHIN], :2])
    nose, right, left, brow, chin = points.transpose(1, 0, 2)
    halves = np.stack([np.linalg.norm(side - nose, axis=1) for side in (right, left)])
    frontal = halves.min(axis=0) / np.maximum(halves.max(axis=0), 1e-6)
    worth = np.where(source.present, np.linalg.norm(chin - brow, axis=1) * frontal, 0.0)
    sums = np.concatenate([[0.0], np.cumsum(worth)])
    first = int((sums[count:] - sums[:-count]).argmax())
    return first, first + count


def cast(weights: bytes, source: Source) -> Part:
    """The twin of `weights` in the part of the template's face."""
    scenery = source.scenery or measure_scenery(source.pictures(), source.landmarks, source.rate)
    return Swapper(weights).prepare(source.landmarks, scenery)


def swapped(
    parts: Sequence[Part], source: Source, touched: Sequence[Touched], first: int = 0, last: int | None = None
) -> Iterator[Picture]:
    """Frames `first` to before `last` of the template with the faces of `parts` laid in, in one pass: decoding, drawing and
    blending go on side by side. Where each part was laid in is added to its `touched`."""
    last = source.frames if last is None else last
    # a little more on both sides, so that a stretch looks as it does in the whole
    begin = max(0, first - CONTEXT)
    held = max(8, WAITING_BYTES // (3 * source.width * source.height))
    batch, depth = int(np.clip(held // 6, 2, 16)), int(np.clip(held // 8, 1, 8))
    pictures = ahead(source.pictures(begin, last + CONTEXT), depth, "decoding")
    drawn = ahead(draw_along(parts, pictures, begin, first, batch), depth, "drawing")
    return ahead(_laid(drawn, touched, last), depth, "blending")


def _laid(drawn, touched: Sequence[Touched], last: int) -> Iterator[Picture]:
    for index, picture, shots in drawn:
        if index >= last:
            return
        for one, shot in zip(touched, shots, strict=True):
            one.add(index, lay_in(picture, shot))
        yield picture


@contextmanager
def few_threads() -> Iterator[None]:
    """Half of the cores for the network, and one for each other step: the steps run side by side, and threads that wait for each
    other in all of them only take turns."""
    before, before_cv = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // 2))
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        cv2.setNumThreads(before_cv)


def looked_at(source: Source, storyboard: Storyboard) -> Chosen:
    """The frames of the template by which its film is measured: the same for all who render pieces of it."""
    moments = np.arange(source.frames) / source.rate
    spans = [(moments >= caption.start) & (moments < caption.end) for caption in storyboard.captions]
    return choose(source.present, np.any(spans, axis=0) if spans else None)


def _clear(storyboard: Storyboard, mark: VisibleMark, source: Source) -> NDArray[np.bool_]:
    """Where neither mark nor captions lie in any frame: bool (H, W)."""
    clear = np.ones((source.height, source.width), bool)
    x0, y0, x1, y1 = mark.region
    clear[y0:y1, x0:x1] = False
    if storyboard.captions:
        clear[source.height // 2 :] = False
    return clear
