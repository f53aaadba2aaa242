"""The template's sound, aligned with its first picture and read in pieces of any length."""

from collections.abc import Iterator
from typing import BinaryIO, Self

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

Wave = NDArray[np.float32]

# What AAC can hold; other rates are resampled to 48 kHz.
_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
# Containers with coarse clocks jitter by less than this; only a larger gap is a real one.
_JITTER_SECONDS = 0.02


class SoundError(ValueError):
    """Sound that cannot be decoded. The message is one sentence for the person."""


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

    @classmethod
    def of(cls, template: BinaryIO) -> Self | None:
        """The sound of `template` (any seekable reader), or None where it has none. Raises SoundError."""
        try:
            template.seek(0)
            with av.open(template, "r") as container:
                if not container.streams.audio:
                    return None
                first = next(container.decode(video=0), None) if container.streams.video else None
                first_picture = float(first.time or 0) if first is not None else 0.0
            template.seek(0)
            return cls(av.open(template, "r"), first_picture)
        except av.FFmpegError as error:
            raise SoundError(f"The template's sound cannot be read: {error.strerror}.") from error

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
        finally:
            container.close()
