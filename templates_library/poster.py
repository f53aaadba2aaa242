"""The picture that stands for a template in the gallery."""

import io
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from processing.engine.decoding import read_frames
from processing.engine.detection import FaceDetector

LONGER_SIDE = 960
LOOK_AT = 40
LOOK_FOR_S = 20.0


def make_poster(source: BinaryIO) -> bytes:
    """The first frame that shows a face, else the first frame, as JPEG. Looks at two frames a second, for twenty seconds at most.

    source: seekable binary reader of a film that can be read.
    """
    detector = FaceDetector(use_mtcnn=False)
    poster = None
    for number, frame in enumerate(read_frames(source, max_side=LONGER_SIDE, max_rate=2.0)):
        if number >= LOOK_AT or frame.time > LOOK_FOR_S:
            break
        if detector.detect(frame.image):
            poster = frame.image
            break
        poster = frame.image if poster is None else poster
    return as_jpeg(poster)


def as_jpeg(image: NDArray[np.uint8]) -> bytes:
    """image: uint8 (H, W, 3) RGB."""
    content = io.BytesIO()
    Image.fromarray(image).save(content, "JPEG", quality=88)
    return content.getvalue()
