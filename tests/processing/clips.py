"""Short films cut from real footage, and stills, all in memory."""

import io
from collections.abc import Sequence
from functools import lru_cache

import av
import numpy as np
import skimage.data
from PIL import Image

from processing.engine.media import read_frames
from tests.conftest import CLIPS

RATE = 24
SOUND_RATE = 48_000


@lru_cache(maxsize=8)
def pictures(name: str, first: int, count: int) -> tuple[np.ndarray, ...]:
    """Frames of a sample clip, uint8 (288, 360, 3), from number `first` on."""
    with open(CLIPS / f"{name}.mp4", "rb") as clip:
        return tuple(
            np.ascontiguousarray(frame.image[:288, :360])
            for frame, _ in zip(read_frames(clip), range(first + count), strict=False)
            if frame.index >= first
        )


def film(
    images: Sequence[np.ndarray],
    *,
    rate: int = RATE,
    turn: int = 0,
    container_format: str = "mp4",
    keyframes: int = 250,
    sound: np.ndarray | None = None,
) -> bytes:
    """A film of these frames, one in `keyframes` a keyframe; `turn` is written as a phone writes how it was held, degrees
    counter-clockwise. sound: float32 (samples,), -1 to 1, SOUND_RATE samples a second."""
    target = io.BytesIO()
    with av.open(target, "w", format=container_format) as container:
        heard = None if sound is None else container.add_stream("aac", rate=SOUND_RATE, layout="mono")
        stream = container.add_stream("libx264", rate=rate, options={"crf": "16", "g": str(keyframes)})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        if turn:
            stream.set_display_rotation(turn)
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24")))
        container.mux(stream.encode())
        if heard is not None:
            frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = SOUND_RATE, 0
            for part in (frame, None):
                container.mux(heard.encode(part))
    return target.getvalue()


def voice(seconds: float, level: float = 0.1) -> np.ndarray:
    """Something as loud and as low as a voice, float32 (samples,)."""
    times = np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE
    return (level * np.sin(2 * np.pi * 180 * times) * (1 + np.sin(2 * np.pi * 4 * times)) / 2).astype(np.float32)


@lru_cache(maxsize=4)
def franck(seconds: float = 2.0, first: int = 0) -> bytes:
    """One man, talking."""
    return film(pictures("franck", first, round(seconds * RATE)))


@lru_cache(maxsize=4)
def actor(seconds: float = 2.0) -> bytes:
    """Another man, talking."""
    return film(pictures("cap13_edit2", 0, round(seconds * RATE)))


@lru_cache(maxsize=1)
def both(seconds: float = 1.5) -> bytes:
    """The two men beside each other, on the left franck."""
    count = round(seconds * RATE)
    left, right = pictures("franck", 0, count), pictures("cap13_edit2", 0, count)
    return film([np.concatenate(pair, axis=1) for pair in zip(left, right, strict=True)])


@lru_cache(maxsize=1)
def nobody() -> bytes:
    """A photograph of coins, JPEG."""
    return still(np.stack([skimage.data.coins()] * 3, axis=-1))


def still(image: np.ndarray) -> bytes:
    target = io.BytesIO()
    Image.fromarray(image).save(target, "JPEG", quality=92)
    return target.getvalue()


def lamplight(image: np.ndarray) -> np.ndarray:
    """The same picture, uint8 (H, W, 3) RGB, as a camera set to daylight takes it by the light of a lamp."""
    light = (image / 255.0) ** 2.2 * [1.3, 0.85, 0.45]
    return np.round(np.clip(light, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)
