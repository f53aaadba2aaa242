"""Decoded frames of a film, in showing order, from any point of it."""

from __future__ import annotations

import errno
import importlib
import io
import math
import pkgutil
from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO, NamedTuple

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from processing.engine.frames import NO_MEMORY, MediaError
from processing.engine.interlacing import SHORT_S, Parity, Tally, deinterlaced, look_for_combs, may_be_combed

# 8K film is 33 megapixels a frame.
MAX_FRAME_PIXELS = 40_000_000
# What cameras, phones, browsers, recorders and old computers make. Playlists are not among it: they name other files
# and addresses, which the library would fetch.
_OPTIONS = {
    "format_whitelist": "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,h264,hevc,mjpeg,flv,asf,ogg,dv,mxf,rm,swf,obu,ivf",
    "protocol_whitelist": "none",
}
# From this size on a frame is worth being decoded by several threads; below it they cost more than they bring.
_THREADED_PIXELS = 1_500_000
# Of a tick: what the reckoning with seconds may be off by.
_SAME_TICK = 1e-3
# AV_DISPOSITION_ATTACHED_PIC: the cover of a song is a picture track too.
_ATTACHED_PICTURE = 0x0400
NOTHING = "Nothing of this file can be decoded; it may be damaged, so please send another copy."


def warm_up() -> None:
    """Load every part of PyAV now; a confined process cannot later."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if module.name not in ("av.__main__", "av.datasets"):
            importlib.import_module(module.name)


class Decoded(NamedTuple):
    """ticks: time stamp in units of the track's time base."""

    ticks: int
    frame: VideoFrame


def open_film(source: BinaryIO) -> InputContainer:
    """Open a film that has at least one picture track. Raises MediaError."""
    source.seek(0)
    try:
        film = av.open(_Reader(source), mode="r", metadata_errors="ignore", options=_OPTIONS)
    except av.error.FFmpegError as error:
        refuse_for_memory(error)
        raise MediaError(
            "This file is neither a film nor a picture that can be read; please send MP4, MOV, WebM, MKV, AVI, "
            "JPEG, PNG, HEIC or WebP, and if it is one of these, send it again: it may have been cut off."
        ) from error
    if not film.streams.video or int(film.streams.video[0].disposition) & _ATTACHED_PICTURE:
        film.close()
        raise MediaError("This file holds no moving picture, only sound or data; please send a film or a photograph.")
    context = film.streams.video[0].codec_context
    if context is None:
        film.close()
        raise MediaError("This film is stored in a way that cannot be read here; please send a copy as MP4 with H.264.")
    pixels = context.width * context.height
    if pixels > MAX_FRAME_PIXELS:
        film.close()
        raise MediaError(
            f"This film has {context.width} x {context.height} pixels a frame, more than can be read; "
            "please send a copy in 4K or smaller."
        )
    context.options = {"max_pixels": str(MAX_FRAME_PIXELS)}  # should it grow further on
    context.thread_type = "AUTO" if pixels > _THREADED_PIXELS else "SLICE"
    context.thread_count = 4 if pixels < MAX_FRAME_PIXELS / 4 else 2  # each holds frames of its own
    return film


class _Reader:
    """Shows PyAV only the reading half of a source, so that it neither closes nor names it."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source

    def read(self, size: int = -1) -> bytes:
        return self._source.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._source.seek(offset, whence)

    def tell(self) -> int:
        return self._source.tell()

    def seekable(self) -> bool:
        return True


def refuse_for_memory(error: av.error.FFmpegError) -> None:
    """Too little memory is no damage to be passed over: raises MediaError then."""
    if error.errno == errno.ENOMEM:
        raise MediaError(NO_MEMORY) from error


def rate_of(stream: VideoStream) -> Fraction:
    """Frames a second on the average, 25 where the film does not say."""
    rate = stream.average_rate or stream.guessed_rate
    return Fraction(rate) if rate and rate > 0 else Fraction(25)


def pixel_ratio(stream: VideoStream) -> float:
    """Width over height of one pixel; camcorder tape has 16:15 or 64:45."""
    ratio = stream.sample_aspect_ratio
    return float(ratio) if ratio and 0.2 < ratio < 5 else 1.0


def decode(film: InputContainer, stream: VideoStream, parity: Parity | None = None) -> Iterator[Decoded]:
    """Frames in showing order from where `film` stands, to the end or to where it is damaged beyond reading.

    Frames that are stored as two half pictures come without their combs; with `parity`, all of them are taken for such.
    """
    base = stream.time_base or Fraction(1, 1000)
    spacing = max(1, round(1 / (rate_of(stream) * base)))
    last: int | None = None
    for frame in deinterlaced(_decoded(film, stream), base, parity):
        ticks = frame.pts
        if ticks is None:
            ticks = 0 if last is None else last + spacing
        elif frame.time_base is not None and frame.time_base != base:
            ticks = round(ticks * frame.time_base / base)
        last = ticks
        yield Decoded(ticks, frame)


def decode_from(source: BinaryIO, start: float) -> Iterator[tuple[InputContainer, int, Iterator[Decoded]]]:
    """Open `source`, and give, once, the film, the ticks of its first frame, and its frames from a keyframe before
    `start` (seconds from the first frame) on. The film is closed when the iterator ends. Raises MediaError.
    """
    parity = parity_of(source)
    with open_film(source) as film:
        stream = film.streams.video[0]
        frames = decode(film, stream, parity)
        first = next(frames, None)
        if first is None:
            raise MediaError(NOTHING)
        origin = first.ticks
        if start <= 0:
            yield film, origin, _with(first, frames)
            return
        target = origin + to_ticks(start, stream)
        first = None
        try:
            film.seek(target, stream=stream)
        except av.error.FFmpegError as error:
            refuse_for_memory(error)
        else:
            frames = decode(film, stream, parity)
            first = next(frames, None)
        if first is not None and first.ticks <= target:
            yield film, origin, _with(first, frames)
            return
    # Without an index a jump may land too late, or nowhere: then everything before is decoded too.
    with open_film(source) as film:
        yield film, origin, decode(film, film.streams.video[0], parity)


def parity_of(source: BinaryIO) -> Parity | None:
    """By which half picture each frame of a film begins, where it shows combs and does not say so; else None.

    The same for every part of a film: a dozen frames at its beginning are looked at, and in longer ones at one and two thirds,
    since a tape may begin with black. Raises MediaError.
    """
    with open_film(source) as film:
        stream = film.streams.video[0]
        if not may_be_combed(stream.codec_context.height, float(rate_of(stream))):
            return None
        # in microseconds
        length = film.duration or 0
        places = [0.0] if length < SHORT_S * 1e6 else [0.0, 1 / 3, 2 / 3]
        tally = Tally()
        for place in places:
            if place:
                try:
                    film.seek(int(length * place))
                except av.error.FFmpegError as error:
                    refuse_for_memory(error)
                    break
            tally += look_for_combs(_decoded(film, stream), stream)
    return tally.parity


def _with(first: Decoded, rest: Iterator[Decoded]) -> Iterator[Decoded]:
    yield first
    yield from rest


def to_ticks(seconds: float, stream: VideoStream) -> int:
    """The first tick that is no earlier. A whole frame may be one tick, so what lies between two is not rounded to the nearer."""
    return math.ceil(seconds / float(stream.time_base or Fraction(1, 1000)) - _SAME_TICK)


def _decoded(film: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    packets = film.demux(stream)
    bad_in_a_row = 0
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.error.FFmpegError as error:
            refuse_for_memory(error)
            return
        try:
            frames = packet.decode()
        except av.error.EOFError:
            return
        except av.error.FFmpegError as error:
            refuse_for_memory(error)
            # One broken packet is common in old files and harmless; a long run of them is the damage itself.
            bad_in_a_row += 1
            if bad_in_a_row > 50:
                return
            continue
        if frames:
            bad_in_a_row = 0
        for frame in frames:
            if isinstance(frame, VideoFrame) and not frame.is_corrupt:
                yield frame
