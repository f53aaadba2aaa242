"""Pictures out of films and stills, decoded in a process of their own.

The same calls as `processing.engine.media`. A decoder is the part of a program that is fed by strangers; here it has
the bytes of one file, the limits of `Limits`, and nothing else: neither keys nor the database, no network, no files.
What it does to itself ends as a MediaError here. What `source` raises comes through as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, Self

from processing.engine.decoding.decoder import BROKEN, Decoder, Limits
from processing.engine.frames import Frame, MediaError, MediaInfo, Pace


class Media:
    """One file, and what can be asked about it; one answer at a time."""

    def __init__(self, source: BinaryIO, decoder: Decoder, owned: bool = False) -> None:
        self._source = source
        self.decoder = decoder
        self._owned = owned
        self._info: MediaInfo | None = None
        self._reading = 0  # ticket of the last request

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        if self._owned:
            self.decoder.close()
        else:
            self.decoder.stop(self._reading)

    @property
    def info(self) -> MediaInfo:
        """As `media.probe`; asked once. Raises MediaError."""
        if self._info is None:
            self._info = self._ask_info()
        return self._info

    def segments(self, seconds: float = 120.0) -> list[tuple[float, float]]:
        """As `media.segments`. Raises MediaError."""
        match self._ask("segments", seconds):
            case ["bounds", [_, *_] as bounds]:
                try:
                    return [(float(start), float(end)) for start, end in bounds]
                except (TypeError, ValueError):
                    raise MediaError(BROKEN) from self.decoder.end("it answered with no bounds")
        raise MediaError(BROKEN) from self.decoder.end("it answered with something else than bounds")

    def heard_seconds(self) -> float:
        """As `sound.heard_seconds`. Raises MediaError."""
        match self._ask("heard"):
            case ["heard", int() | float() as seconds]:
                return float(seconds)
        raise MediaError(BROKEN) from self.decoder.end("it answered with no number")

    def frames(
        self,
        step: int = 1,
        max_side: int | None = None,
        *,
        max_rate: float | None = None,
        start: float = 0.0,
        end: float | None = None,
        pace: Pace | None = None,
    ) -> Iterator[Frame]:
        """As `media.read_frames`. The process works on the next frames while one is looked at, so that a change of
        `pace` is felt some two frames later. Asking the decoder for anything else ends the iteration: it raises
        RuntimeError if it is gone on with.
        """
        arguments: dict[str, Any] = {
            "step": step,
            "max_side": max_side,
            "max_rate": max_rate,
            "start": start,
            "end": end,
            "paced": pace is not None,
            "rate": 0.0 if pace is None else pace.rate,
        }
        ticket = self._reading = self.decoder.request(self._source, "frames", arguments)
        try:
            while True:
                match self.decoder.answer(ticket):
                    case ["frame", int(slot), int(index), int() | float() as time, int(shot), int(height), int(width)]:
                        image = self.decoder.picture(slot, height, width)
                        self.decoder.send(["next", slot, 0.0 if pace is None else pace.rate])
                        yield Frame(index, float(time), image, shot)
                    case ["end"]:
                        return
                    case _:
                        raise MediaError(BROKEN) from self.decoder.end("it answered with something else than a frame")
        finally:
            self.decoder.stop(ticket)

    def _ask_info(self) -> MediaInfo:
        match self._ask("probe"):
            case ["info", dict(said)]:
                info = _info(said)
                if info is not None:
                    return info
        raise MediaError(BROKEN) from self.decoder.end("it answered with something else than a description")

    def _ask(self, name: str, *arguments: Any) -> list[Any]:
        self._reading = self.decoder.request(self._source, name, *arguments)
        return self.decoder.answer(self._reading)


def _info(said: dict[str, Any]) -> MediaInfo | None:
    """What the process says of a file, if it is well formed."""
    match said:
        case {
            "kind": "video" | "image" as kind,
            "width": int(width),
            "height": int(height),
            "rate": int() | float() as rate,
            "frames": int(frames),
            "seconds": int() | float() as seconds,
            "has_audio": bool(has_audio),
        }:
            return MediaInfo(kind, width, height, float(rate), frames, float(seconds), has_audio)
    return None


def open_media(source: BinaryIO, *, decoder: Decoder | None = None, limits: Limits | None = None) -> Media:
    """Open a film or a still: `with open_media(source) as media: media.info, media.segments(), media.frames(),
    media.heard_seconds()`.

    source: seekable binary reader, read only in this process and thread. decoder: one that is started already, for
    several files of one owner (a file that took a process over could reach the next one read in it); otherwise a
    process is started for this file, and ends with it.
    """
    return Media(source, decoder or Decoder(limits or Limits()), owned=decoder is None)


def probe(source: BinaryIO) -> MediaInfo:
    """As `media.probe`, in a process of its own."""
    with open_media(source) as media:
        return media.info


def segments(source: BinaryIO, seconds: float = 120.0) -> list[tuple[float, float]]:
    """As `media.segments`, in a process of its own."""
    with open_media(source) as media:
        return media.segments(seconds)


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
    """As `media.read_frames`, in a process of its own, which ends when the iteration does."""
    with open_media(source) as media:
        yield from media.frames(step, max_side, max_rate=max_rate, start=start, end=end, pace=pace)
