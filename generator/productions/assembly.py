"""Assembly: cards, swapped frames, captions, mark and the template's sound become one MP4, wholly in memory.

The pictures come in pieces (`film_piece`), each encoded by itself and by whichever worker, and are joined packet by packet
(`join`).
"""

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

import av
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from generator.productions.cards import draw_caption, draw_card
from generator.productions.encoding import PieceEncoder, SecondReader, packets_of
from generator.productions.sound import Heard, SoundError, SoundTrack, sound_track
from generator.productions.storyboard import Card, Kind, Storyboard
from generator.protection.visible_mark import VisibleMark

Picture = NDArray[np.uint8]

FADE_SECONDS = 0.8


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
    """The film of `storyboard` as MP4 bytes, in one piece: see `film_piece` and `join`.

    template     a seekable reader of the template, read for its sound only; not the one `frames` draws from; None for silence
    on_progress  called with the number of film frames written so far; what it raises ends the assembly
    """
    piece = film_piece(storyboard, frames, rate, mark, title=True, closing=True, on_progress=on_progress)
    return join(storyboard, template, [piece.content], piece.frames, rate)


@dataclass(frozen=True)
class Piece:
    """A stretch of a film: an MP4, and how many pictures are in it."""

    content: bytes
    frames: int


def film_piece(
    storyboard: Storyboard,
    frames: Iterator[Picture],
    rate: Fraction | float,
    mark: VisibleMark,
    *,
    first: int = 0,
    title: bool,
    closing: bool,
    on_progress: Callable[[int], None] | None = None,
) -> Piece:
    """A stretch of the film, pictures only: H.264 yuv420p in an MP4.

    frames          uint8 (H, W, 3) RGB of the mark's size, the template's number `first` and so on
    rate            frames per second; a template of varying rate plays at this nominal one
    mark            stamped on every frame, cards included
    title, closing  whether the storyboard's card comes before, or behind
    on_progress     called with the number of frames written so far; what it raises ends the work

    An odd width or height grows by one repeated column or row at the right or the bottom. Raises AssemblyError for no frames and
    for frames of another size.
    """
    rate = nominal_rate(rate)
    piece = _Film(mark, rate, on_progress)
    if title and storyboard.title:
        piece.card(storyboard.title, storyboard.kind)
    cards = piece.written
    for number, frame in enumerate(frames, start=first):
        if frame.shape != (mark.height, mark.width, 3):
            raise AssemblyError(
                f"Frame {number} is {frame.shape[1]} x {frame.shape[0]} pixels "
                f"where the template has {mark.width} x {mark.height}."
            )
        text = _caption_at(storyboard, float(number / rate))
        piece.add(draw_caption(frame, text) if text else frame)
    if piece.written == cards:
        raise AssemblyError("The template gave no frames, so there is no film to make.")
    if closing and storyboard.closing:
        piece.card(storyboard.closing, storyboard.kind)
    return piece.finish()


def join(
    storyboard: Storyboard,
    template: BinaryIO | None,
    pieces: Iterable[bytes],
    frames: int,
    rate: Fraction | float,
    start: int = 0,
) -> bytes:
    """The pieces, which follow each other without gap, with the template's sound as one MP4, moov box first.

    template  a seekable reader of the template, read for its sound only; None for silence
    frames    how many pictures the pieces hold together
    start     the template's frame that the first piece begins with, where it has no title card

    Film frame `title_frames(storyboard, rate) + i` is frame `start + i`, so without cards film and template run frame by frame.
    The sound starts with the first of them and ends with the last. Without cards its packets are copied as they are, where an MP4
    can hold them; with cards, under which there is silence, it is encoded anew. Nothing is written to disk. Raises
    AssemblyError for pieces that do not fit together, and for sound that cannot be read.
    """
    rate = nominal_rate(rate)
    buffer = io.BytesIO()
    closing = _card_frames(storyboard.closing, rate) if storyboard.closing else 0
    heard = Heard(title_frames(storyboard, rate) / rate, (frames - closing) / rate, frames / rate, start / rate)
    # For `faststart` the muxer reads back what it wrote: it is given a second reader of the same memory.
    reading = {"options": {"movflags": "+faststart"}, "io_open": lambda *_: SecondReader(buffer)}
    try:
        with av.open(buffer, "w", format="mp4", **reading) as film, ExitStack() as open_sound:
            written = _join_into(film, pieces, rate, lambda: open_sound.enter_context(sound_track(template, film, heard)))
            if written != frames:
                raise AssemblyError(f"The pieces of this film hold {written} pictures instead of {frames}: order it again.")
    except SoundError as error:
        raise AssemblyError(str(error)) from error
    return buffer.getvalue()


def _join_into(
    film: OutputContainer, pieces: Iterable[bytes], rate: Fraction, open_sound: Callable[[], SoundTrack | None]
) -> int:
    """How many pictures were written."""
    picture: VideoStream | None = None
    sound: SoundTrack | None = None
    written = 0
    for piece in pieces:
        begins = written
        for stream, packet in packets_of(piece, rate, begins):
            if picture is None:
                # the picture first, as players expect it
                picture, sound = film.add_stream_from_template(stream), open_sound()
            elif written == begins and stream.codec_context.extradata != picture.codec_context.extradata:
                raise AssemblyError("The pieces of this film were encoded in different ways: order it again.")
            packet.stream = picture
            film.mux(packet)
            written += 1
            if sound:
                sound.write(until=written / rate)
    return written


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
    """A piece being encoded: pictures with their mark, and cards."""

    def __init__(self, mark: VisibleMark, rate: Fraction, on_progress: Callable[[int], None] | None) -> None:
        self._encoder = PieceEncoder(mark.width, mark.height, rate)
        self._mark, self._rate, self._on_progress = mark, rate, on_progress

    @property
    def written(self) -> int:
        return self._encoder.written

    def card(self, card: Card, kind: Kind) -> None:
        shown = draw_card(card, self._mark.width, self._mark.height, kind)
        count = _card_frames(card, self._rate)
        ramp = max(1, min(round(FADE_SECONDS * self._rate), count // 3))
        for number in range(count):
            nearest = min(number, count - 1 - number)
            light = 1.0 if nearest >= ramp else 0.5 - 0.5 * np.cos(np.pi * (nearest + 0.5) / ramp)
            self.add(shown if light == 1 else np.round(shown * light).astype(np.uint8))

    def add(self, image: Picture) -> None:
        # The mark comes last: neither a caption nor a fade may dim it.
        self._encoder.add(self._mark.stamp(image))
        if self._on_progress:
            self._on_progress(self.written)

    def finish(self) -> Piece:
        return Piece(self._encoder.finish(), self.written)


def _card_frames(card: Card, rate: Fraction) -> int:
    return max(1, round(card.seconds * rate))


def _caption_at(storyboard: Storyboard, time: float) -> str:
    return next((caption.text for caption in storyboard.captions if caption.start <= time < caption.end), "")
