"""Pictures out of films and stills.

Everything is read from a seekable binary reader (an open file, a BytesIO, a decrypting stream), so that a
picture of a person never has to lie on the disk in the clear. Frames come upright, with square pixels, in sRGB and
without the combs of interlaced tape. `processing.engine.decoding` does the same in a process of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import BinaryIO

import numpy as np
from PIL import Image as Pillow

from processing.engine import films, packets, stills
from processing.engine.colours import upright
from processing.engine.frames import Frame, MediaError, MediaInfo, Pace
from processing.engine.reading import lend_frames
from processing.engine.stills import MAX_STILL_PIXELS

__all__ = ["MAX_STILL_PIXELS", "Frame", "MediaError", "MediaInfo", "Pace", "probe", "read_frames", "segments"]


def probe(source: BinaryIO) -> MediaInfo:
    """Say what `source` holds; at least one picture of it has been decoded when this returns.

    source: seekable binary reader, at any position. Raises MediaError when it holds no usable picture.
    """
    still = stills.open_still(source)
    if still is not None:
        return _probe_loop(still) if stills.is_loop(still) else _probe_still(still)
    with films.open_film(source) as film:
        stream = film.streams.video[0]
        has_audio = bool(film.streams.audio)
        first = next(films.decode(film, stream), None)
        if first is None:
            raise MediaError(films.NOTHING)
        height, width = upright(first.frame, films.pixel_ratio(stream), None).shape[:2]
        frames, seconds = stream.frames, packets.length_of(stream, film)
    rate = stream.average_rate or stream.guessed_rate
    if not frames or not seconds or not rate:
        # Films recorded by a browser state neither length nor number of frames; other Matroska files state the length.
        counted, lasting = packets.count_packets(source)
        rate = Fraction(counted / lasting).limit_denominator(1001) if lasting else Fraction(25)
        # A length that the file does state tells, beside what can be counted, that it was cut off.
        frames, seconds = frames or counted, seconds or lasting
    return MediaInfo("video", width, height, float(rate), frames, seconds, has_audio)


def _probe_still(still: Pillow.Image) -> MediaInfo:
    picture = stills.read_still(still, None)
    return MediaInfo("image", picture.width, picture.height, 0.0, 1, 0.0, False)


def _probe_loop(loop: Pillow.Image) -> MediaInfo:
    times = [time for time, _ in stills.read_loop(loop, None)]
    seconds = times[-1] + stills.loop_seconds(float(loop.info.get("duration") or 0))
    return MediaInfo("video", loop.width, loop.height, len(times) / seconds, len(times), seconds, False)


def segments(source: BinaryIO, seconds: float = 120.0) -> list[tuple[float, float]]:
    """Propose parts of a film, for `read_frames(source, start=..., end=...)`, that together are exactly the whole.

    seconds: least length of a part, of which only the last may be shorter. Every part begins on a keyframe, so that
    nothing is decoded twice; the end of the last is infinite. Films under twice that length, loops and stills are one
    part. Nothing is decoded but one frame. Raises MediaError.
    """
    if stills.open_still(source) is not None:
        return [(0.0, math.inf)]
    bounds = [0.0, *packets.keyframes(source, seconds), math.inf]
    return list(pairwise(bounds))


def read_frames(
    source: BinaryIO,
    step: int = 1,
    max_side: int | None = None,
    *,
    max_rate: float | None = None,
    start: float = 0.0,
    end: float | None = None,
    pace: Pace | None = None,
) -> Iterator[Frame]:
    """Give the pictures of a film one after the other, or the one picture of a still.

    source: seekable binary reader, at any position. step: give every step-th frame. max_side: scale down so that
    neither side is longer (pixels). max_rate: give at most so many frames a second, chosen by their time stamps.
    start, end: seconds; give frames with start <= time < end. pace: its `rate` is asked before each choice, and works
    like max_rate. The first frame of a shot is always given, and shots are found among all frames.

    A frame has the same time whether the whole or a part is read. From a start of 0 frames are counted; from a later
    one the index follows from time and average rate, which is the same where the rate is constant, and otherwise
    near it (but rises). Shots are counted from 0 among what is read. A still has time 0.

    A damaged film gives its frames up to the damage and then ends. Raises MediaError if nothing can be decoded.
    """
    for lent in lend_frames(source, step, max_side, max_rate=max_rate, start=start, end=end, pace=pace):
        image = np.empty((lent.height, lent.width, 3), dtype=np.uint8)
        lent.write(image)
        yield Frame(lent.index, lent.time, image, lent.shot)
