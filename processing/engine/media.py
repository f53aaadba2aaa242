"""Pictures out of films and stills.

Everything is read from a seekable binary reader (an open file, a BytesIO, a decrypting stream), so that a
picture of a person never has to lie on the disk in the clear. Frames come upright and with square pixels.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO, Literal

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image as Pillow
from PIL import ImageOps

from processing.engine.arrays import Image

try:
    from pillow_heif import register_heif_opener
except ImportError:  # iPhone stills are then refused by name, everything else still works
    HEIF = False
else:
    register_heif_opener()
    HEIF = True

STILL_FORMATS = ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", *(["HEIF"] if HEIF else [])]
# 100 megapixels hold the sharpest phone stills; beyond it lie decompression bombs and stitched panoramas.
MAX_STILL_PIXELS = 100_000_000
# 8K film is 33 megapixels a frame.
MAX_FRAME_PIXELS = 40_000_000


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
    """index: number among all frames of the film, from 0. time: seconds from its first frame. image: uint8 RGB."""

    index: int
    time: float
    image: Image


def probe(source: BinaryIO) -> MediaInfo:
    """Say what `source` holds; at least one picture of it has been decoded when this returns.

    source: seekable binary reader, at any position. Raises MediaError when it holds no usable picture.
    """
    still = _open_still(source)
    if still is not None:
        width, height = still.size
        if still.getexif().get(0x0112, 1) >= 5:  # EXIF orientation 5 to 8 lie on their side
            width, height = height, width
        next(_read_still(still, None))
        return MediaInfo("image", width, height, 0.0, 1, 0.0, False)

    with _open_film(source) as film:
        stream = film.streams.video[0]
        has_audio = bool(film.streams.audio)
        first = next(_decode(film, stream), None)
        if first is None:
            raise MediaError("Nothing of this film can be decoded; it may be damaged. Please send another copy.")
        height, width = _upright(first, _pixel_ratio(stream), None).shape[:2]
        frames, seconds = stream.frames, _length(stream, film)
    rate = stream.average_rate or stream.guessed_rate
    if not frames or not seconds or not rate:
        # Films recorded by a browser state neither length nor number of frames; other Matroska files state the length.
        counted, lasting = _count_packets(source)
        rate = Fraction(counted / lasting).limit_denominator(1001) if lasting else Fraction(25)
        # A length that the file does state tells, beside what can be counted, that it was cut off.
        frames, seconds = frames or counted, seconds or lasting
    return MediaInfo("video", width, height, float(rate), frames, seconds, has_audio)


def read_frames(
    source: BinaryIO, step: int = 1, max_side: int | None = None, *, max_rate: float | None = None
) -> Iterator[Frame]:
    """Give the pictures of a film one after the other, or the one picture of a still.

    source: seekable binary reader, at any position. step: give every step-th frame. max_side: scale down so that
    neither side is longer (pixels). max_rate: give at most so many frames a second, chosen by their time stamps.
    A damaged film gives its frames up to the damage and then ends. Raises MediaError if nothing can be decoded.
    """
    if step < 1:
        raise ValueError("step counts frames and is at least 1")
    still = _open_still(source)
    if still is not None:
        yield from _read_still(still, max_side)
        return
    with _open_film(source) as film:
        stream = film.streams.video[0]
        start: float | None = None
        due = 0.0
        index = -1
        time = 0.0
        ratio = _pixel_ratio(stream)
        fallback = 1.0 / float(stream.average_rate or stream.guessed_rate or 25)
        for index, frame in enumerate(_decode(film, stream)):
            if frame.time is None:
                time += fallback if index else 0.0
            else:
                start = frame.time if start is None else start
                time = frame.time - start
            if index % step:
                continue
            if max_rate is not None:
                # Half a frame of patience keeps the rhythm regular when the rates do not divide.
                if time < due - fallback / 2:
                    continue
                due = max(due + 1.0 / max_rate, time)
            yield Frame(index, time, _upright(frame, ratio, max_side))
        if index < 0:
            raise MediaError("Nothing of this film can be decoded; it may be damaged. Please send another copy.")


def _open_still(source: BinaryIO) -> Pillow.Image | None:
    """The still in `source`, not decoded yet, or None if it is something else."""
    source.seek(0)
    if not source.read(1):
        raise MediaError("This file is empty; please send it again.")
    source.seek(0)
    too_large = (
        f"This picture has more than the {MAX_STILL_PIXELS // 1_000_000} megapixels that can be read; please send a smaller copy."
    )
    try:
        still = Pillow.open(source, formats=STILL_FORMATS)
    except Pillow.UnidentifiedImageError:
        return None
    except Pillow.DecompressionBombError as error:
        raise MediaError(too_large) from error
    except (OSError, ValueError, SyntaxError, struct.error) as error:
        raise MediaError("This picture is damaged and cannot be opened; please send another copy.") from error
    if still.width * still.height > MAX_STILL_PIXELS:
        raise MediaError(too_large)
    return still


def _read_still(still: Pillow.Image, max_side: int | None) -> Iterator[Frame]:
    if max_side is not None:
        still.draft("RGB", (max_side, max_side))  # a JPEG decodes straight to half, a quarter or an eighth
    try:
        picture = ImageOps.exif_transpose(still)
        if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
            picture = Pillow.alpha_composite(Pillow.new("RGBA", picture.size, "white"), picture.convert("RGBA"))
        if picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
            picture = Pillow.fromarray(_to_eight_bits(np.asarray(picture)))
        picture = picture.convert("RGB")
        if max_side is not None and max(picture.size) > max_side:
            picture.thumbnail((max_side, max_side), Pillow.Resampling.LANCZOS, reducing_gap=3.0)
    except (OSError, ValueError, SyntaxError, struct.error, EOFError) as error:
        raise MediaError("This picture is damaged and cannot be opened; please send another copy.") from error
    yield Frame(0, 0.0, np.array(picture, dtype=np.uint8))


def _to_eight_bits(samples: np.ndarray[Any, Any]) -> Image:
    scale = 257.0 if samples.max(initial=0) > 255 else 1.0
    return np.clip(samples / scale, 0, 255).astype(np.uint8)


def _open_film(source: BinaryIO) -> InputContainer:
    """Open a film that has at least one picture track. Raises MediaError."""
    source.seek(0)
    try:
        film = av.open(_Reader(source), mode="r", metadata_errors="ignore")
    except av.error.FFmpegError as error:
        raise MediaError(
            "This file is neither a film nor a picture that can be read; please send MP4, MOV, WebM, MKV, AVI, "
            "JPEG, PNG, HEIC or WebP, and if it is one of these, send it again: it may have been cut off."
        ) from error
    if not film.streams.video or int(film.streams.video[0].disposition) & ATTACHED_PICTURE:
        film.close()
        raise MediaError("This file holds no moving picture, only sound or data; please send a film or a photograph.")
    context = film.streams.video[0].codec_context
    if context.width * context.height > MAX_FRAME_PIXELS:
        film.close()
        raise MediaError(
            f"This film has {context.width} x {context.height} pixels a frame, more than can be read; "
            "please send a copy in 4K or smaller."
        )
    context.thread_type = "AUTO"
    return film


# AV_DISPOSITION_ATTACHED_PIC: the cover of a song is a picture track too.
ATTACHED_PICTURE = 0x0400


class _Reader:
    """Shows PyAV only the reading half of a source, so that it neither closes nor names it."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source

    def read(self, size: int = -1) -> bytes:
        return self._source.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._source.seek(offset, whence)

    def tell(self) -> int:
        return self._source.tell()

    def seekable(self) -> bool:
        return True


def _pixel_ratio(stream: VideoStream) -> float:
    """Width over height of one pixel; camcorder tape has 16:15 or 64:45."""
    ratio = stream.sample_aspect_ratio
    return float(ratio) if ratio and 0.2 < ratio < 5 else 1.0


def _length(stream: VideoStream, film: InputContainer) -> float:
    """Seconds, 0 where the file does not say."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return film.duration / av.time_base if film.duration else 0.0


def _count_packets(source: BinaryIO) -> tuple[int, float]:
    """Frames and seconds of a film, counted from its packets without decoding them."""
    times: list[float] = []
    with _open_film(source) as film:
        stream = film.streams.video[0]
        try:
            for packet in film.demux(stream):
                if packet.size and packet.pts is not None and packet.time_base is not None:
                    times.append(float(packet.pts * packet.time_base))
        except av.error.FFmpegError:
            pass  # cut off: what was counted up to here is what can be read
    if len(times) < 2:
        return max(1, len(times)), 0.0
    span = max(times) - min(times)
    return len(times), span * len(times) / (len(times) - 1)


def _decode(film: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Frames in showing order, up to the end or to where the file is damaged beyond reading."""
    packets = film.demux(stream)
    bad_in_a_row = 0
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError):
            return
        try:
            frames = packet.decode()
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            # One broken packet is common in old files and harmless; a long run of them is the damage itself.
            bad_in_a_row += 1
            if bad_in_a_row > 50:
                return
            continue
        if frames:
            bad_in_a_row = 0
        for frame in frames:
            if isinstance(frame, VideoFrame) and not frame.is_corrupt:
                yield frame


def _upright(frame: VideoFrame, pixel_ratio: float, max_side: int | None) -> Image:
    """uint8 (H, W, 3): scaled to square pixels and to max_side, turned as its display matrix says."""
    width, height = frame.width, frame.height
    if pixel_ratio > 1:
        width = round(width * pixel_ratio)
    elif pixel_ratio < 1:
        height = round(height / pixel_ratio)
    if max_side is not None and max(width, height) > max_side:
        shrink = max_side / max(width, height)
        width, height = max(1, round(width * shrink)), max(1, round(height * shrink))
    how = "AREA" if width < frame.width else "BICUBIC"
    image = np.asarray(frame.to_ndarray(format="rgb24", width=width, height=height, interpolation=how), dtype=np.uint8)
    turns = round(frame.rotation / 90) % 4  # counter-clockwise
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image
