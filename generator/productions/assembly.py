"""Assembly: cards, swapped frames, captions, mark and the template's sound become one MP4, wholly in memory."""

import io
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import chain
from typing import BinaryIO

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray

from generator.productions.cards import draw_caption, draw_card
from generator.productions.sound import SoundError, TemplateSound
from generator.productions.storyboard import Card, Kind, Storyboard
from generator.protection.visible_mark import VisibleMark

Picture = NDArray[np.uint8]

FADE_SECONDS = 0.8
# x264's constant rate factor: 15 keeps untouched picture parts above 40 dB of the template.
QUALITY = 15
PRESET = "medium"

# H.273 codes, written into the film so that players need not guess: BT.601 for small pictures, BT.709 for HD.
_SMALL = {"colorspace": 6, "color_primaries": 6, "color_trc": 6}
_HD = {"colorspace": 1, "color_primaries": 1, "color_trc": 1}
_EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP


class AssemblyError(ValueError):
    """A film that cannot be assembled. The message is one sentence for the person."""


def assemble(
    storyboard: Storyboard,
    template: BinaryIO | None,
    frames: Iterator[Picture],
    rate: Fraction | float,
    mark: VisibleMark,
    on_progress: Callable[[int], None] | None = None,
) -> bytes:
    """The film of `storyboard` as MP4 bytes: H.264 yuv420p, AAC where the template has sound, moov box first.

    template     a seekable reader of the template, read for its sound only; not the one `frames` draws from; None for silence
    frames       uint8 (H, W, 3) RGB of the mark's size, one per template frame in order
    rate         frames per second; a template of varying rate plays at this nominal one
    mark         stamped on every frame, cards included
    on_progress  called with the number of film frames written so far; what it raises ends the assembly

    Film frame `title_frames(storyboard, rate) + i` is frame i, so without cards film and template run frame by frame.
    The sound starts with frame 0 and is cut or padded to the frames; under cards there is silence. An odd width or
    height, which yuv420p cannot hold, grows by one repeated column or row at the right or the bottom. Nothing is
    written to disk. Raises AssemblyError for no frames, frames of another size, or sound that cannot be decoded.
    """
    rate = nominal_rate(rate)
    try:
        sound = TemplateSound.of(template) if template is not None else None
        film = _Film(mark, rate, sound, on_progress)
        if storyboard.title:
            film.card(storyboard.title, storyboard.kind)
        first = next(frames, None)
        if first is None:
            raise AssemblyError("The template gave no frames, so there is no film to make.")
        for number, frame in enumerate(chain([first], frames)):
            if frame.shape != (mark.height, mark.width, 3):
                raise AssemblyError(
                    f"Frame {number} is {frame.shape[1]} x {frame.shape[0]} pixels "
                    f"where the template has {mark.width} x {mark.height}."
                )
            text = _caption_at(storyboard, float(number / rate))
            film.add(draw_caption(frame, text) if text else frame, with_sound=True)
        if storyboard.closing:
            film.card(storyboard.closing, storyboard.kind)
        return film.finish()
    except SoundError as error:
        raise AssemblyError(str(error)) from error


def nominal_rate(rate: Fraction | float) -> Fraction:
    """`rate` as the fraction that containers hold: 29.97002997 is 30000/1001. Raises AssemblyError unless 1..240."""
    exact = Fraction(rate).limit_denominator(1001)
    if not 1 <= exact <= 240:
        raise AssemblyError(f"A film cannot run at {float(rate):g} frames per second.")
    return exact


def title_frames(storyboard: Storyboard, rate: Fraction | float) -> int:
    """How many film frames come before the first frame of the template."""
    return _card_frames(storyboard.title, nominal_rate(rate)) if storyboard.title else 0


def film_frames(storyboard: Storyboard, rate: Fraction | float, template_frames: int) -> int:
    """How many frames the whole film has, cards included: the end of what `on_progress` counts."""
    closing = _card_frames(storyboard.closing, nominal_rate(rate)) if storyboard.closing else 0
    return title_frames(storyboard, rate) + template_frames + closing


class _Film:
    """An MP4 being written to memory, picture and sound side by side."""

    def __init__(
        self,
        mark: VisibleMark,
        rate: Fraction,
        sound: TemplateSound | None,
        on_progress: Callable[[int], None] | None,
    ) -> None:
        self._buffer = io.BytesIO()
        self._mark, self._rate, self._sound, self._on_progress = mark, rate, sound, on_progress
        self._written, self._heard = 0, 0
        # For `faststart` the muxer reads back what it wrote: it is given a second reader of the same memory.
        self._container = av.open(
            self._buffer,
            "w",
            format="mp4",
            options={"movflags": "+faststart"},
            io_open=lambda *_: _SecondReader(self._buffer),
        )
        # A key frame every two seconds keeps seeking in the player quick.
        options = {"crf": str(QUALITY), "preset": PRESET, "g": str(round(2 * rate))}
        self._picture = self._container.add_stream("libx264", rate=rate, options=options)
        self._picture.width, self._picture.height = mark.width + mark.width % 2, mark.height + mark.height % 2
        self._picture.pix_fmt = "yuv420p"
        self._hd = mark.height >= 720 or mark.width >= 1280
        for name, code in (_HD if self._hd else _SMALL).items():
            setattr(self._picture.codec_context, name, code)
        self._picture.codec_context.color_range = ColorRange.MPEG
        self._track: AudioStream | None = None
        if sound:
            self._track = self._container.add_stream("aac", rate=sound.rate, layout=sound.layout)
            self._track.bit_rate = 96_000 * sound.channels

    def card(self, card: Card, kind: Kind) -> None:
        shown = draw_card(card, self._mark.width, self._mark.height, kind)
        count = _card_frames(card, self._rate)
        ramp = max(1, min(round(FADE_SECONDS * self._rate), count // 3))
        for number in range(count):
            nearest = min(number, count - 1 - number)
            light = 1.0 if nearest >= ramp else 0.5 - 0.5 * np.cos(np.pi * (nearest + 0.5) / ramp)
            self.add(shown if light == 1 else np.round(shown * light).astype(np.uint8), with_sound=False)

    def add(self, image: Picture, *, with_sound: bool) -> None:
        # The mark comes last: neither a caption nor a fade may dim it.
        image = self._mark.stamp(image)
        height, width = self._picture.height, self._picture.width
        if image.shape[:2] != (height, width):
            image = np.pad(image, ((0, height - image.shape[0]), (0, width - image.shape[1]), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24").reformat(
            format="yuv420p",
            interpolation=_EXACT,
            dst_colorspace=Colorspace.ITU709 if self._hd else Colorspace.ITU601,
            dst_color_range=ColorRange.MPEG,
        )
        frame.pts, frame.time_base = self._written, 1 / self._rate
        self._container.mux(self._picture.encode(frame))
        self._written += 1
        if self._sound and self._track:
            self._add_sound(self._sound, self._track, with_sound)
        if self._on_progress:
            self._on_progress(self._written)

    def finish(self) -> bytes:
        self._container.mux(self._picture.encode())
        if self._track:
            self._container.mux(self._track.encode())
        self._container.close()
        return self._buffer.getvalue()

    def _add_sound(self, sound: TemplateSound, track: AudioStream, with_sound: bool) -> None:
        count = round(self._written / self._rate * sound.rate) - self._heard
        wave = sound.read(count) if with_sound else np.zeros((sound.channels, count), np.float32)
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout=sound.layout)
        frame.sample_rate, frame.pts, frame.time_base = sound.rate, self._heard, Fraction(1, sound.rate)
        self._container.mux(track.encode(frame))
        self._heard += count


class _SecondReader(io.RawIOBase):
    """A reader with a position of its own over memory that somebody else writes."""

    def __init__(self, buffer: io.BytesIO) -> None:
        self._buffer, self._position = buffer, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        writer = self._buffer.tell()
        self._buffer.seek(self._position)
        data = self._buffer.read(size)
        self._position = self._buffer.tell()
        self._buffer.seek(writer)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position}.get(whence)
        if origin is None:
            with self._buffer.getbuffer() as view:
                origin = len(view)
        self._position = origin + offset
        return self._position

    def tell(self) -> int:
        return self._position


def _card_frames(card: Card, rate: Fraction) -> int:
    return max(1, round(card.seconds * rate))


def _caption_at(storyboard: Storyboard, time: float) -> str:
    return next((caption.text for caption in storyboard.captions if caption.start <= time < caption.end), "")
