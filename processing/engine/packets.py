"""What can be known of a film from its packets, without decoding it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from processing.engine.films import NOTHING, decode, open_film, refuse_for_memory, to_ticks
from processing.engine.frames import MediaError


def keyframes(source: BinaryIO, spacing: float) -> list[float]:
    """Seconds from the first frame at which decoding can begin, some `spacing` seconds apart at least, without 0.

    Nothing but the first frame is decoded. Where the film has a whole index only that is asked.
    """
    with open_film(source) as film:
        stream = film.streams.video[0]
        first = next(decode(film, stream), None)
        if first is None:
            raise MediaError(NOTHING)
        base = float(stream.time_base or Fraction(1, 1000))
        indexed = "mp4" in film.format.name and len(stream.index_entries) > 1
        stamps = _indexed(film, stream, first.ticks, to_ticks(spacing, stream)) if indexed else _walked(source)
        found: list[float] = []
        for ticks in stamps:
            seconds = (ticks - first.ticks) * base
            if seconds >= (found[-1] if found else 0.0) + spacing:
                found.append(seconds)
        return found


def _indexed(film: InputContainer, stream: VideoStream, ticks: int, spacing: int) -> Iterator[int]:
    """Time stamps of the first keyframe that is `spacing` ticks after the one before, and so on."""
    last = stream.index_entries[len(stream.index_entries) - 1].timestamp
    at = ticks + spacing
    while at <= last:
        try:
            film.seek(at, stream=stream, backward=False)
            packet = next(film.demux(stream), None)
        except av.error.FFmpegError as error:
            refuse_for_memory(error)
            return
        if packet is None or packet.pts is None:
            return
        if packet.pts < ticks + spacing:
            at += spacing // 8 + 1  # jumps go by decoding times, and may land a little before
            continue
        yield packet.pts
        ticks = packet.pts
        at = ticks + spacing


def _walked(source: BinaryIO) -> Iterator[int]:
    with open_film(source) as film:
        stream = film.streams.video[0]
        try:
            for packet in film.demux(stream):
                if packet.is_keyframe and packet.pts is not None:
                    yield packet.pts
        except av.error.FFmpegError as error:
            refuse_for_memory(error)  # otherwise cut off: what was found up to here is what can be read


def length_of(stream: VideoStream, film: InputContainer) -> float:
    """Seconds, 0 where the file does not say."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return film.duration / av.time_base if film.duration else 0.0


def count_packets(source: BinaryIO) -> tuple[int, float]:
    """Frames and seconds of a film, counted from its packets without decoding them."""
    count, least, most = 0, math.inf, -math.inf
    with open_film(source) as film:
        stream = film.streams.video[0]
        base = float(stream.time_base or Fraction(1, 1000))
        try:
            for packet in film.demux(stream):
                if packet.size and packet.pts is not None:
                    count += 1
                    least, most = min(least, packet.pts), max(most, packet.pts)
        except av.error.FFmpegError as error:
            refuse_for_memory(error)  # otherwise cut off: what was counted up to here is what can be read
    if count < 2:
        return max(1, count), 0.0
    return count, (most - least) * base * count / (count - 1)
