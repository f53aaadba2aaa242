"""The template's sound in a film: aligned with its first picture, copied packet by packet or encoded anew."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO, Protocol

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from numpy.typing import NDArray

Wave = NDArray[np.float32]

# What AAC can hold; other rates are resampled to 48 kHz.
_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
# Containers with coarse clocks jitter by less than this; only a larger gap is a real one.
_JITTER_SECONDS = 0.02
# Codecs that an MP4 holds and that browsers play from it.
_COPIED = ("aac", "mp3", "mp3float")


class SoundError(ValueError):
    """Sound that cannot be decoded. The message is one sentence for the person."""


@dataclass(frozen=True)
class Heard:
    """Seconds of a film: the template is heard from `begins` to `ends`, and the film has `length`. skipped: of the template,
    before the picture that is shown at `begins`."""

    begins: Fraction
    ends: Fraction
    length: Fraction
    skipped: Fraction

    @property
    def is_all(self) -> bool:
        """Whether the template is heard from the first picture to the last."""
        return not self.begins and self.ends == self.length


class SoundTrack(Protocol):
    """The sound of a film that is being written."""

    def write(self, until: Fraction) -> None:
        """Puts the sound up to that second of the film into it."""

    def finish(self) -> None:
        """Puts the rest into it."""


@contextmanager
def sound_track(template: BinaryIO | None, film: OutputContainer, heard: Heard) -> Iterator[SoundTrack | None]:
    """The track for the sound of `template` (any seekable reader) in `film`, or None where it has none or is None. It is finished
    where the block ends well, and closed in any case.

    Packets are copied bit by bit where all of the film is heard and an MP4 that browsers play can hold them. Raises SoundError.
    """
    opened = _opened(template) if template is not None else None
    if opened is None:
        yield None
        return
    container, first_picture = opened
    with container:
        stream = container.streams.audio[0]
        context = stream.codec_context
        # an AAC stream without this header comes from a container whose packets an MP4 does not take
        plain = context.name in _COPIED and (context.name != "aac" or bool(context.extradata))
        track = (_Copied if heard.is_all and plain else _Encoded)(container, film, heard, first_picture)
        yield track
        try:
            track.finish()
        except av.FFmpegError as error:
            raise SoundError(f"The template's sound cannot be copied: {error.strerror}.") from error


def _opened(template: BinaryIO) -> tuple[InputContainer, float] | None:
    """The container to read sound from, and the second of its first picture."""
    try:
        template.seek(0)
        with av.open(template, "r") as container:
            if not container.streams.audio:
                return None
            first = next(container.decode(video=0), None) if container.streams.video else None
            first_picture = float(first.time or 0) if first is not None else 0.0
        template.seek(0)
        return av.open(template, "r"), first_picture
    except av.FFmpegError as error:
        raise SoundError(f"The template's sound cannot be read: {error.strerror}.") from error


class _Copied:
    """Packets as they are, moved in time."""

    def __init__(self, container: InputContainer, film: OutputContainer, heard: Heard, first_picture: float) -> None:
        stream = container.streams.audio[0]
        self._film, self._length = film, heard.length
        self._track = film.add_stream_from_template(stream)
        self._packets = self._moved(container, Fraction(first_picture).limit_denominator(10**6) + heard.skipped)
        self._next = next(self._packets, None)

    def _moved(self, container: InputContainer, by: Fraction) -> Iterator[Packet]:
        for packet in container.demux(audio=0):
            if packet.pts is None:
                continue
            base = packet.time_base
            shift = round(by / base)
            packet.pts -= shift
            packet.dts = packet.pts
            # A decoder needs the packet before the first that is heard to begin with; the container says from when on to play.
            if (packet.pts + 2 * (packet.duration or 0)) * base > 0:
                yield packet

    def write(self, until: Fraction) -> None:
        while self._next is not None and self._next.pts * self._next.time_base < min(until, self._length):
            packet, self._next = self._next, None
            packet.stream = self._track
            self._film.mux(packet)
            self._next = next(self._packets, None)

    def finish(self) -> None:
        self.write(self._length)


class _Encoded:
    """AAC, with silence where the template is not heard."""

    def __init__(self, container: InputContainer, film: OutputContainer, heard: Heard, first_picture: float) -> None:
        self._film, self._heard = film, heard
        self._sound = TemplateSound(container, first_picture)
        self._track = film.add_stream("aac", rate=self._sound.rate, layout=self._sound.layout)
        self._track.bit_rate = 96_000 * self._sound.channels
        self._written = 0
        skipped = round(heard.skipped * self._sound.rate)
        while skipped > 0:
            skipped -= self._sound.read(min(skipped, self._sound.rate)).shape[1]

    def write(self, until: Fraction) -> None:
        begins, ends = (round(second * self._sound.rate) for second in (self._heard.begins, self._heard.ends))
        for bound in (begins, ends, round(self._heard.length * self._sound.rate)):
            count = min(bound, round(until * self._sound.rate)) - self._written
            if count > 0:
                self._put(self._sound.read(count) if bound == ends else np.zeros((self._sound.channels, count), np.float32))

    def _put(self, wave: Wave) -> None:
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout=self._sound.layout)
        frame.sample_rate, frame.pts, frame.time_base = self._sound.rate, self._written, Fraction(1, self._sound.rate)
        self._film.mux(self._track.encode(frame))
        self._written += wave.shape[1]

    def finish(self) -> None:
        self.write(self._heard.length)
        self._film.mux(self._track.encode())


class TemplateSound:
    """Reads float32 (channels, n) in -1..1 from the moment of the template's first picture on, then silence.

    rate      samples per second: the template's own, or 48000 where AAC does not know it
    layout    'mono' or 'stereo'; more channels are mixed down to stereo
    channels  1 or 2
    """

    def __init__(self, container: InputContainer, first_picture: float) -> None:
        stream = container.streams.audio[0]
        self.rate: int = stream.rate if stream.rate in _AAC_RATES else 48000
        self.channels: int = min(2, stream.channels)
        self.layout: str = "mono" if self.channels == 1 else "stereo"
        self._pieces = self._decode(container, first_picture)
        self._rest: Wave = np.zeros((self.channels, 0), np.float32)

    def read(self, count: int) -> Wave:
        """The next `count` samples; silence after the end."""
        while self._rest.shape[1] < count:
            piece = next(self._pieces, None)
            if piece is None:
                piece = np.zeros((self.channels, count - self._rest.shape[1]), np.float32)
            self._rest = np.concatenate([self._rest, piece], axis=1)
        wave, self._rest = self._rest[:, :count], self._rest[:, count:]
        return np.ascontiguousarray(wave)

    def _decode(self, container: InputContainer, first_picture: float) -> Iterator[Wave]:
        """Pieces that follow each other without gap: real gaps become silence, what overlaps is dropped."""
        resampler = av.AudioResampler(format="fltp", layout=self.layout, rate=self.rate)
        # Samples since the first picture: where the decoded sound stands, and how much was given out.
        position: int | None = None
        given = 0
        try:
            for frame in container.decode(audio=0):
                begins = round((float(frame.time or 0) - first_picture) * self.rate)
                if position is None or abs(begins - position) > _JITTER_SECONDS * self.rate:
                    position = begins
                for resampled in resampler.resample(frame):
                    wave = resampled.to_ndarray().astype(np.float32, copy=False)
                    if position > given:
                        yield np.zeros((self.channels, position - given), np.float32)
                        given = position
                    fresh = wave[:, max(0, given - position) :]
                    position += wave.shape[1]
                    given += fresh.shape[1]
                    yield fresh
            for resampled in resampler.resample(None) if position is not None else ():
                yield resampled.to_ndarray().astype(np.float32, copy=False)
        except av.FFmpegError as error:
            raise SoundError(f"The template's sound cannot be decoded: {error.strerror}.") from error
