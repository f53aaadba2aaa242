"""Half pictures: whether frames are woven of two, taken one after the other, and frames without the combs of it.

Tape was filmed in half pictures, of the odd and of the even rows. Captures say so in every frame, or ought to: some are flagged
wrongly, or were converted by a program that lost the flag.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import Literal

import av
import av.filter
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

Parity = Literal["tff", "bff"]  # top or bottom half picture first

HEIGHTS = {480, 486, 512, 576, 608, 1080, 1088}  # rows of video that comes in half pictures; scaled, it has no combs
FASTEST = 31.0  # frames a second: half pictures come 50 or 60 a second
LOOKED_AT = 12  # frames a place
SHORT_S = 60.0
LEAST = 6  # frames with combs, and
OUTWEIGHS = 2  # times as many as without


@dataclass(frozen=True)
class Tally:
    """Of how many frames the filter idet says what."""

    tff: int = 0
    bff: int = 0
    progressive: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.tff + other.tff, self.bff + other.bff, self.progressive + other.progressive)

    @property
    def parity(self) -> Parity | None:
        combed = max(self.tff, self.bff)
        if combed < LEAST or combed < OUTWEIGHS * (self.progressive + min(self.tff, self.bff)):
            return None
        return "tff" if self.tff > self.bff else "bff"


def may_be_combed(height: int, rate: float) -> bool:
    """Whether video of so many rows and frames a second may have been filmed in half pictures."""
    return height in HEIGHTS and rate <= FASTEST


def look_for_combs(frames: Iterator[VideoFrame], stream: VideoStream) -> Tally:
    """What the next LOOKED_AT frames are (the filter idet), up to one that is flagged: `deinterlaced` sees to those anyway."""
    graph = None
    said: dict[str, str] = {}
    for frame in islice(frames, LOOKED_AT):
        if frame.interlaced_frame:
            break
        if graph is None:
            graph = _graph(frame, stream.time_base or Fraction(1, 1000), "idet", "")
        graph.push(frame)
        for seen in _pull(graph):
            said = dict(seen.metadata)
    count = {name: int(float(said.get(f"lavfi.idet.multiple.{name}", 0))) for name in ("tff", "bff", "progressive")}
    return Tally(**count)


def deinterlaced(frames: Iterator[VideoFrame], base: Fraction, parity: Parity | None = None) -> Iterator[VideoFrame]:
    """The same frames, at the same times, without combs (the filter bwdif, by Thomas Mundt 2016, after the BBC's Weston 3-field
    method). Without `parity`, those before the first that is flagged are not touched, nor those between that are not."""
    graph: av.filter.Graph | None = None
    shape = None
    which = f"mode=send_frame:parity={parity}:deint=all" if parity else "mode=send_frame:deint=interlaced"
    for frame in frames:
        if graph is None and parity is None and not frame.interlaced_frame:
            yield frame
            continue
        if graph is None or shape != (frame.width, frame.height, frame.format.name):
            if graph is not None:
                yield from _pull(graph, last=True)
            graph = _graph(frame, base, "bwdif", which)
            shape = (frame.width, frame.height, frame.format.name)
        graph.push(frame)
        yield from _pull(graph)
    if graph is not None:
        yield from _pull(graph, last=True)


def _graph(frame: VideoFrame, base: Fraction, name: str, options: str) -> av.filter.Graph:
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=base)
    worker = graph.add(name, options)
    sink = graph.add("buffersink")
    source.link_to(worker)
    worker.link_to(sink)
    graph.configure()
    return graph


def _pull(graph: av.filter.Graph, last: bool = False) -> Iterator[VideoFrame]:
    if last:
        graph.push(None)
    while True:
        try:
            yield graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
