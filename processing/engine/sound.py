"""Whether anybody is heard in a film."""

from __future__ import annotations

from typing import BinaryIO

import av
import numpy as np

from processing.engine import films
from processing.engine.arrays import Floats

WINDOW_S = 0.02
QUIET = 10 ** (-45 / 20)  # RMS of full scale; a quiet room lies below, speech at arm's length 15 to 30 dB above
_RATE = 16_000


def heard_seconds(source: BinaryIO, longest: float = 600.0) -> float:
    """For how long the sound of a film is louder than a quiet room, in seconds, of its first `longest` seconds.

    source: seekable binary reader, at any position. 0.0 without a sound track. What cannot be decoded is silence. Raises
    MediaError where `source` is no film.
    """
    with films.open_film(source) as film:
        if not film.streams.audio:
            return 0.0
        window = round(_RATE * WINDOW_S)
        resampler = av.AudioResampler(format="flt", layout="mono", rate=_RATE)
        loud, seen, rest = 0, 0, np.empty(0, np.float32)
        try:
            for frame in film.decode(film.streams.audio[0]):
                samples = np.concatenate([rest, *(part.to_ndarray().ravel() for part in resampler.resample(frame))])
                whole = len(samples) // window * window
                loud += _loud_windows(samples[:whole].reshape(-1, window))
                seen, rest = seen + whole, samples[whole:]
                if seen >= longest * _RATE:
                    break
        except av.error.FFmpegError as error:
            films.refuse_for_memory(error)
    return loud * WINDOW_S


def _loud_windows(windows: Floats) -> int:
    """windows: float32 (N, samples), -1 to 1."""
    return int((np.sqrt(np.square(windows).mean(axis=1)) > QUIET).sum())
