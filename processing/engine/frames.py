"""What readers of films and stills give, and which of the decoded pictures they choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from processing.engine.arrays import Image

NO_MEMORY = "This file needs more memory than can be given to one file; please send a smaller copy, or another if it is damaged."


class MediaError(ValueError):
    """A file that cannot be used; the message is one sentence for the person who sent it."""


@dataclass(frozen=True)
class MediaInfo:
    """What a film or a still is.

    width, height: pixels as shown (upright, square). rate: frames a second, 0 for a still. frames: as the file
    says, or counted from its packets where it does not say. seconds: length of the picture, 0 for a still.
    """

    kind: Literal["video", "image"]
    width: int
    height: int
    rate: float
    frames: int
    seconds: float
    has_audio: bool


@dataclass(frozen=True)
class Frame:
    """One picture.

    index: number among all frames of the film, from 0. time: seconds from the first frame of the film. image: uint8
    RGB (H, W, 3). shot: number of the shot among those read, from 0.
    """

    index: int
    time: float
    image: Image
    shot: int = 0


class Pace(Protocol):
    """How closely a film is wanted just now; whoever uses the frames may change it between two of them."""

    rate: float  # frames a second


class Chooser:
    """Says which frames are given: every step-th, not more a second than wanted, and always the first of a shot."""

    def __init__(self, step: int, max_rate: float | None, pace: Pace | None, spacing: float) -> None:
        """spacing: usual seconds from one frame to the next."""
        if step < 1:
            raise ValueError("step counts frames and is at least 1")
        self._step = step
        self._max_rate = max_rate
        self._pace = pace
        # Half a frame of patience keeps the rhythm regular when the rates do not divide.
        self._patience = spacing / 2
        self._last: float | None = None  # when the last frame should have come
        self._shot = -1
        self._count = -1

    def wants(self, time: float, shot: int) -> bool:
        """Ask for every frame that was decoded, in order."""
        self._count += 1
        begins, self._shot = shot != self._shot, shot
        if not begins and self._count % self._step:
            return False
        rate = self._rate()
        if rate is None:
            return True
        period = 1.0 / rate if rate > 0 else float("inf")
        due = time if begins or self._last is None else self._last + period
        if time < due - self._patience:
            return False
        self._last = due if time < due + period else time
        return True

    def _rate(self) -> float | None:
        if self._pace is None:
            return self._max_rate
        rate = float(self._pace.rate)
        return rate if self._max_rate is None else min(rate, self._max_rate)
