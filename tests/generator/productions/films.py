"""Small templates drawn for the tests, and ways to look into a finished film."""

import io
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np

RATE = Fraction(25)
SOUND_RATE = 44100


def drawn_frames(count: int, width: int = 160, height: int = 120) -> list[np.ndarray]:
    """Soft shapes that move, so that every frame differs from its neighbours: uint8 (height, width, 3)."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    frames = []
    for number in range(count):
        red = 128 + 90 * np.sin(x / 19 + number * 0.4)
        green = 128 + 90 * np.cos(y / 23 - number * 0.3)
        frames.append(np.stack([red, green, np.full_like(red, 60 + 3 * number)], axis=2).round().clip(0, 255))
    return [frame.astype(np.uint8) for frame in frames]


def tone(seconds: float) -> np.ndarray:
    """A tone that rises, so that every moment of it is found again: float32 (1, samples)."""
    at = np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE
    return (0.5 * np.sin(2 * np.pi * (300 * at + 400 * at**2)))[None].astype(np.float32)


def template(
    frames: list[np.ndarray], sound: np.ndarray | None = None, begins: Fraction = Fraction(0), keyframes: int = 250
) -> io.BytesIO:
    """An MP4 of `frames`, with a keyframe every so many; the picture `begins` that many seconds after the sound."""
    height, width = frames[0].shape[:2]
    memory = io.BytesIO()
    with av.open(memory, "w", format="mp4") as container:
        picture = container.add_stream("libx264", rate=RATE, options={"crf": "10", "bf": "0", "g": str(keyframes)})
        picture.width, picture.height, picture.pix_fmt = width, height, "yuv420p"
        track = container.add_stream("aac", rate=SOUND_RATE, layout="mono") if sound is not None else None
        for number, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number + round(begins * RATE), 1 / RATE
            container.mux(picture.encode(frame))
        container.mux(picture.encode())
        if track is not None:
            wave = av.AudioFrame.from_ndarray(sound, format="fltp", layout="mono")
            wave.sample_rate, wave.pts, wave.time_base = SOUND_RATE, 0, Fraction(1, SOUND_RATE)
            container.mux(track.encode(wave))
            container.mux(track.encode())
    memory.seek(0)
    return memory


def pictures(film: bytes) -> Iterator[np.ndarray]:
    with av.open(io.BytesIO(film)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def heard(film: bytes) -> np.ndarray:
    """The film's sound, first channel, from time 0."""
    with av.open(io.BytesIO(film)) as container:
        frames = list(container.decode(audio=0))
    assert frames[0].time == 0
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1)[0]


def psnr(a: np.ndarray, b: np.ndarray, where: np.ndarray | None = None) -> float:
    """Peak signal-to-noise ratio in dB, over the pixels of `where` (bool (H, W))."""
    difference = a.astype(np.float64) - b
    error = np.mean((difference if where is None else difference[where]) ** 2)
    return 10 * np.log10(255**2 / error)
