"""The chosen frames of a film, a loop or a still, not yet copied to where they are wanted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

import numpy as np
from PIL import Image as Pillow

from processing.engine import films, stills
from processing.engine.arrays import Image
from processing.engine.colours import luma, upright
from processing.engine.frames import Chooser, Pace
from processing.engine.shots import CutFinder


@dataclass(frozen=True)
class Lent:
    """A frame that can be had until the next is asked for: `write` puts it into uint8 (height, width, 3).

    still: it is the only one.
    """

    index: int
    time: float
    shot: int
    height: int
    width: int
    write: Callable[[Image], None]
    still: bool = False


def lend_frames(
    source: BinaryIO,
    step: int = 1,
    max_side: int | None = None,
    *,
    max_rate: float | None = None,
    start: float = 0.0,
    end: float | None = None,
    pace: Pace | None = None,
    seen: Callable[[], None] = lambda: None,
) -> Iterator[Lent]:
    """As `processing.engine.media.read_frames`. seen: called for every frame decoded, given or not; it may raise."""
    if step < 1:
        raise ValueError("step counts frames and is at least 1")
    end = math.inf if end is None else end
    still = stills.open_still(source)
    if still is None:
        yield from _of_film(source, max_side, start, end, partial(Chooser, step, max_rate, pace), seen)
    elif stills.is_loop(still):
        chooser = Chooser(step, max_rate, pace, spacing=0.04)
        yield from _of_loop(still, max_side, start, end, chooser, seen)
    elif start <= 0 < end:
        yield _lend_picture(0, 0.0, 0, stills.read_still(still, max_side), still=True)


def _of_film(
    source: BinaryIO,
    max_side: int | None,
    start: float,
    end: float,
    choose: Callable[[float], Chooser],
    seen: Callable[[], None],
) -> Iterator[Lent]:
    cuts = CutFinder()
    shot = index = -1
    for film, origin, frames in films.decode_from(source, start):
        stream = film.streams.video[0]
        rate = float(films.rate_of(stream))
        base = float(stream.time_base or 0.001)
        ratio = films.pixel_ratio(stream)
        chooser = choose(1 / rate)
        first, beyond = origin + films.to_ticks(max(0.0, start), stream), math.inf
        if end < math.inf:
            beyond = origin + films.to_ticks(end, stream)
        for ticks, frame in frames:
            seen()
            if ticks >= beyond:
                break
            cut = cuts.is_cut(luma(frame))
            if ticks < first and start > 0:
                continue
            time = (ticks - origin) * base
            shot += cut or shot < 0
            index = index + 1 if start <= 0 else max(index + 1, round(time * rate))
            if chooser.wants(time, shot):
                image = upright(frame, ratio, max_side)
                yield Lent(index, time, shot, image.shape[0], image.shape[1], partial(_copy, image))


def _of_loop(
    loop: Pillow.Image, max_side: int | None, start: float, end: float, chooser: Chooser, seen: Callable[[], None]
) -> Iterator[Lent]:
    cuts = CutFinder()
    shot = -1
    for index, (time, picture) in enumerate(stills.read_loop(loop, max_side)):
        seen()
        if time >= end:
            return
        cut = cuts.is_cut(np.asarray(picture))
        if time < start:
            continue
        shot += cut or shot < 0
        if chooser.wants(time, shot):
            yield _lend_picture(index, time, shot, picture)


def _lend_picture(index: int, time: float, shot: int, picture: Pillow.Image, still: bool = False) -> Lent:
    return Lent(index, time, shot, picture.height, picture.width, partial(stills.into, picture), still)


def _copy(image: Image, target: Image) -> None:
    np.copyto(target, image)
