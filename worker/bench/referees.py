"""What our own eyes are compared with: facenet-pytorch's MTCNN on every frame, and dlib's detector where the two differ."""

from functools import cache
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import av
import cv2
import dlib
import numpy as np

from processing.engine.torchvision_ops import prepare_torchvision
from worker.bench.clips import LONGEST, Clip

prepare_torchvision()

from facenet_pytorch.models.mtcnn import MTCNN  # noqa: E402  torchvision must be prepared first

# pixels on a side: of the picture that dlib is shown, and of the face in the middle of it
SHOWN, FACE = 240, 96


@cache
def mtcnn() -> MTCNN:
    """With its own settings, and all faces."""
    return MTCNN(keep_all=True, device="cpu")


@cache
def _second() -> dlib.cnn_face_detection_model_v1:
    folder = find_spec("face_recognition_models").submodule_search_locations[0]
    return dlib.cnn_face_detection_model_v1(str(Path(folder) / "models/mmod_human_face_detector.dat"))


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


def is_face(image: np.ndarray, box: np.ndarray) -> bool:
    """What dlib's detector (King 2015), which has nothing to do with either of the others, says of it."""
    scale = FACE / float((box[2:] - box[:2]).max())
    shift = SHOWN / 2 - scale * (box[:2] + box[2:]) / 2
    shown = cv2.warpAffine(image, np.array([[scale, 0, shift[0]], [0, scale, shift[1]]]), (SHOWN, SHOWN), flags=cv2.INTER_AREA)
    middles = [(found.rect.center().x, found.rect.center().y) for found in _second()(shown, 0)]
    return any(np.linalg.norm(np.subtract(middle, SHOWN / 2)) < FACE / 2 for middle in middles)
