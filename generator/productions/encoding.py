"""Pictures to H.264, in pieces that are joined packet by packet, so that several workers may encode one film."""

import io
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.packet import Packet
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

# x264's constant rate factor: 15 keeps untouched picture parts above 40 dB of the template. `veryfast` takes a third of the time
# of `medium` for that, makes no larger files at this factor, and loses half a dB.
QUALITY = 15
PRESET = "veryfast"

# H.273 codes, written into the film so that players need not guess: BT.601 for small pictures, BT.709 for HD.
_SMALL = {"colorspace": 6, "color_primaries": 6, "color_trc": 6}
_HD = {"colorspace": 1, "color_primaries": 1, "color_trc": 1}
_EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP


class PieceEncoder:
    """Encodes pictures of one size into a piece: an MP4 in memory that holds nothing but them, and begins with a keyframe.

    width, height: of the pictures, px; an odd one, which yuv420p cannot hold, grows by one repeated column or row. rate: frames
    a second.
    """

    def __init__(self, width: int, height: int, rate: Fraction) -> None:
        self._width, self._height, self._rate = width + width % 2, height + height % 2, rate
        self._buffer = io.BytesIO()
        self._container = av.open(self._buffer, "w", format="mp4")
        # A keyframe every two seconds keeps seeking in the player quick.
        options = {"crf": str(QUALITY), "preset": PRESET, "g": str(round(2 * rate))}
        self._stream = self._container.add_stream("libx264", rate=rate, options=options)
        self._stream.width, self._stream.height, self._stream.pix_fmt = self._width, self._height, "yuv420p"
        self._hd = height >= 720 or width >= 1280
        for name, code in (_HD if self._hd else _SMALL).items():
            setattr(self._stream.codec_context, name, code)
        self._stream.codec_context.color_range = ColorRange.MPEG
        self._reformatter = VideoReformatter()
        self.written = 0

    def add(self, image: Picture) -> None:
        """The next picture, uint8 (height, width, 3) RGB."""
        if image.shape[:2] != (self._height, self._width):
            padding = ((0, self._height - image.shape[0]), (0, self._width - image.shape[1]), (0, 0))
            image = np.pad(image, padding, mode="edge")
        frame = self._reformatter.reformat(
            av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24"),
            format="yuv420p",
            interpolation=_EXACT,
            dst_colorspace=Colorspace.ITU709 if self._hd else Colorspace.ITU601,
            dst_color_range=ColorRange.MPEG,
            # as in decoding: the steps run side by side already
            threads=1,
        )
        frame.pts, frame.time_base = self.written, 1 / self._rate
        self._container.mux(self._stream.encode(frame))
        self.written += 1

    def finish(self) -> bytes:
        """The piece."""
        self._container.mux(self._stream.encode())
        self._container.close()
        return self._buffer.getvalue()


# B-frames are stored up to so many pictures behind their place; x264 refers to them at most one level deep.
_REORDERED = 2


def packets_of(piece: bytes, rate: Fraction, first: int) -> Iterator[tuple[av.VideoStream, Packet]]:
    """The packets of a piece, in the order of decoding, with the stream they come from; time counts frames of 1 / rate, and the
    piece's first picture is frame number `first`."""
    with av.open(io.BytesIO(piece)) as container:
        stream = container.streams.video[0]
        for number, packet in enumerate(packet for packet in container.demux(stream) if packet.pts is not None):
            packet.pts = first + round(packet.pts * packet.time_base * rate)
            # Counted and not taken over: how far a piece of a few frames begins before its first picture is its own affair.
            packet.dts = first + number - _REORDERED
            packet.duration, packet.time_base = 1, 1 / rate
            yield stream, packet


class SecondReader(io.RawIOBase):
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
