"""Films and stills of unusual kinds, drawn and encoded in memory."""

import io
from collections.abc import Sequence
from fractions import Fraction

import av
import numpy as np
from PIL import Image as Pillow

from processing.engine.media import Frame


def encode(
    frames: Sequence[av.VideoFrame],
    *,
    codec: str = "libx264",
    container: str = "mp4",
    rate: int = 25,
    times: Sequence[int] | None = None,
    options: dict[str, str] | None = None,
    **colours: int,
) -> io.BytesIO:
    """A film of `frames` as they are. times: milliseconds of each, where the rate varies. colours: of the codec context."""
    target = io.BytesIO()
    with av.open(target, "w", format=container) as film:
        stream = film.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, frames[0].format.name
        stream.codec_context.time_base = Fraction(1, 1000) if times else Fraction(1, rate)
        for name, value in colours.items():
            setattr(stream.codec_context, name, value)
        for number, frame in enumerate(frames):
            frame.pts = times[number] if times else number
            frame.time_base = stream.codec_context.time_base
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
    return target


def rgb(image: np.ndarray) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24")


def yuv(image: np.ndarray, pixel_format: str = "yuv420p", **how) -> av.VideoFrame:
    """A frame of uint8 (H, W, 3) RGB, converted as `how` says."""
    return rgb(image).reformat(format=pixel_format, **how)


def flat(levels: Sequence[int], pixel_format: str, width: int = 64, height: int = 48) -> av.VideoFrame:
    """One colour, given as the values of the planes."""
    frame = av.VideoFrame(width, height, pixel_format)
    for plane, level in zip(frame.planes, levels, strict=True):
        deep = frame.format.components[0].bits > 8
        samples = np.full(plane.buffer_size // (2 if deep else 1), level, np.uint16 if deep else np.uint8)
        plane.update(samples.tobytes())
    return frame


def still(image: np.ndarray | Pillow.Image, kind: str, **options) -> io.BytesIO:
    target = io.BytesIO()
    (image if isinstance(image, Pillow.Image) else Pillow.fromarray(image)).save(target, kind, **options)
    return target


def loop(images: Sequence[np.ndarray], kind: str, milliseconds: Sequence[int], **options) -> io.BytesIO:
    """An animated picture."""
    first, *rest = [Pillow.fromarray(image) for image in images]
    return still(first, kind, save_all=True, append_images=rest, duration=list(milliseconds), **options)


def scene(seed: int, height: int = 96, width: int = 128) -> np.ndarray:
    """A picture unlike that of any other seed: uint8 (H, W, 3), soft patches of colour."""
    patches = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Pillow.fromarray(patches).resize((width, height), Pillow.Resampling.BILINEAR))


def same(one: Frame, other: Frame) -> bool:
    return (one.index, one.time, one.shot) == (other.index, other.time, other.shot) and bool((one.image == other.image).all())
