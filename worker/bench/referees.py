"""What our own eyes are compared with: facenet-pytorch's MTCNN on every frame."""

from functools import cache
from itertools import islice

import av
import numpy as np

from processing.engine.torchvision_ops import prepare_torchvision
from worker.bench.clips import LONGEST, Clip

prepare_torchvision()

from facenet_pytorch.models.mtcnn import MTCNN  # noqa: E402  torchvision must be prepared first


@cache
def mtcnn() -> MTCNN:
    """With its own settings, and all faces."""
    return MTCNN(keep_all=True, device="cpu")


def pictures(clip: Clip, most: int | None = None):
    """(seconds from the first frame, uint8 (H, W, 3)) of every frame, as whoever knows only PyAV reads them."""
    with av.open(clip.open()) as film:
        film.streams.video[0].thread_type = "AUTO"
        first = None
        for frame in islice(film.decode(video=0), most):
            first = frame.time if first is None else first
            if frame.time - first >= LONGEST:
                return
            yield frame.time - first, frame.to_ndarray(format="rgb24")


def faces(image: np.ndarray) -> np.ndarray:
    """What MTCNN finds: float32 (N, 4), x0, y0, x1, y1."""
    boxes, _ = mtcnn().detect(image)
    return np.zeros((0, 4), np.float32) if boxes is None else np.asarray(boxes, np.float32)
