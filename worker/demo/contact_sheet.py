"""One picture that shows what a film did: subject, template and film side by side at eight moments."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from processing.engine.media import read_frames

MOMENTS = 8
HEIGHT = 240


def contact_sheet(subject: Path, template: Path, film: bytes, *, first_template_frame: int, template_frames: int) -> bytes:
    """PNG bytes: eight rows of subject | template | film, the moments spread over the template."""
    moments = np.linspace(0, template_frames - 1, MOMENTS + 2).round().astype(int)[1:-1]
    with template.open("rb") as source:
        originals = _frames(source, moments)
    films = _frames(io.BytesIO(film), moments + first_template_frame)
    with subject.open("rb") as source:
        # the subject's clip is another one; its frames are spread over the same count, only to show the person
        subjects = _frames(source, moments * 4)
    rows = [np.hstack([_sized(picture) for picture in row]) for row in zip(subjects, originals, films, strict=True)]
    done, png = cv2.imencode(".png", cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))
    if not done:
        raise ValueError("the contact sheet could not be encoded")
    return png.tobytes()


def _frames(source: BinaryIO, wanted: Iterable[int]) -> list[NDArray[np.uint8]]:
    """The frames with these numbers, rising."""
    wanted = list(wanted)
    found = []
    for frame in read_frames(source):
        if frame.index == wanted[len(found)]:
            found.append(frame.image)
            if len(found) == len(wanted):
                return found
    raise ValueError(f"the video has no frame {wanted[len(found)]}")


def _sized(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    width = round(picture.shape[1] * HEIGHT / picture.shape[0])
    return cv2.resize(picture, (width, HEIGHT), interpolation=cv2.INTER_AREA)
