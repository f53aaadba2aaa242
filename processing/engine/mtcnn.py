"""MTCNN (Zhang et al. 2016): slower than BlazeFace, but it finds small, far, dark and turned faces.

Its three networks and their weights are facenet-pytorch's; pictures are scaled by OpenCV, which is what makes it quick enough
for key frames. A first network looks at the whole picture in several sizes, the second and the third judge and correct what
it proposes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
import torch

from processing.engine.arrays import Floats, Image
from processing.engine.detection import Detection, brightened, is_dark, shrunk
from processing.engine.torchvision_ops import prepare_torchvision

prepare_torchvision()

from facenet_pytorch.models.mtcnn import ONet, PNet, RNet  # noqa: E402  torchvision must be prepared first

# The first network sees a face of 12 pixels; sizes in between are reached by shrinking the picture step by step.
CELL, STRIDE, STEP = 12, 2, 0.709
# From what score on a proposal goes to the next network.
PROPOSED, JUDGED = 0.7, 0.7


class MtcnnDetector:
    """The same call as FaceDetector's, and `search_near` for a face whose place is roughly known. One for each thread.

    smallest_face: pixels of the picture, as long as the first network need not look at more than `max_side` pixels.
    threshold: score, 0..1, from which a face counts.
    """

    def __init__(self, smallest_face: int = 36, max_side: int = 640, threshold: float = 0.7) -> None:
        networks = PNet(), RNet(), ONet()
        # with colours innermost the small pictures go through several times faster
        self._proposing, self._judging, self._final = (
            network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
            for network in networks
        )
        self._smallest_face = smallest_face
        self._max_side = max_side
        self._threshold = threshold

    def detect(self, image: Image, smallest_face: float | None = None, max_side: int | None = None) -> list[Detection]:
        """Faces in `image`, uint8 (H, W, 3), in no order. smallest_face, max_side: instead of the usual ones."""
        boxes = self._propose(image, smallest_face or self._smallest_face, max_side or self._max_side)
        if not len(boxes):
            return []
        scores, shifts = self._run(self._judging, image, boxes, 24)[:2]
        good = scores > JUDGED
        boxes, scores, shifts = boxes[good], scores[good], shifts[good]
        kept = _suppress(boxes, scores, 0.7)
        return self._decide(image, _square(_corrected(boxes[kept], shifts[kept])))

    def search_near(self, image: Image, box: Floats) -> list[Detection]:
        """Faces about as large as `box`, float32 (4,), and at most about one and a half times its size away from it."""
        height, width = image.shape[:2]
        middle, size = (box[:2] + box[2:]) / 2, float(np.sqrt(np.prod(box[2:] - box[:2])))
        left, top = np.clip(middle - 2 * size, 0, [width, height]).astype(int)
        right, bottom = np.clip(middle + 2 * size, 0, [width, height]).astype(int)
        if min(right - left, bottom - top) < CELL:
            return []
        corner = np.array([left, top], dtype=np.float32)
        part = image[top:bottom, left:right]
        found = self.detect(part, smallest_face=0.6 * size)
        if not found and is_dark(part):
            found = self.detect(brightened(part), smallest_face=0.6 * size)
        return [Detection(face.box + np.tile(corner, 2), face.score, face.keypoints + corner, exact=True) for face in found]

    def _decide(self, image: Image, boxes: Floats) -> list[Detection]:
        if not len(boxes):
            return []
        scores, shifts, marks = self._run(self._final, image, boxes, 48)
        good = scores > self._threshold
        boxes, scores, shifts, marks = boxes[good], scores[good], shifts[good], marks[good]
        points = boxes[:, None, :2] + marks * (boxes[:, None, 2:] - boxes[:, None, :2])
        faces = _corrected(boxes, shifts)
        kept = _suppress(faces, scores, 0.5)
        return [Detection(faces[k], float(scores[k]), _six_points(points[k]), exact=True) for k in kept]

    def _propose(self, image: Image, smallest_face: float, max_side: int) -> Floats:
        """Squares that may hold a face: float32 (N, 4)."""
        height, width = image.shape[:2]
        smallest = max(smallest_face, CELL * max(height, width) / max_side)
        scale = CELL / smallest
        found, picture = [], shrunk(image, max(height, width) * scale)
        while min(height, width) * scale >= CELL:
            size = (round(width * scale), round(height * scale))
            # each size is made from the one before, which is small already
            picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
            with _alone():
                shifts, chances = self._proposing(_batch(picture[None]))
            chance = chances[0, 1].numpy()
            rows, columns = np.nonzero(chance >= PROPOSED)
            if len(rows):
                corner = np.stack([columns, rows], axis=1) * STRIDE
                back = np.array([width / size[0], height / size[1]], dtype=np.float32)
                boxes = np.concatenate([corner * back, (corner + CELL) * back], axis=1).astype(np.float32)
                score = chance[rows, columns]
                kept = _suppress(boxes, score, 0.5)
                shift = shifts[0].numpy()[:, rows, columns].T
                found.append(np.concatenate([boxes, score[:, None], shift], axis=1)[kept])
            scale *= STEP
        if not found:
            return np.zeros((0, 4), dtype=np.float32)
        everything = np.concatenate(found)
        everything = everything[_suppress(everything[:, :4], everything[:, 4], 0.7)]
        return _square(_corrected(everything[:, :4], everything[:, 5:]))

    def _run(self, network: torch.nn.Module, image: Image, boxes: Floats, size: int) -> tuple[Floats, Floats, Floats]:
        """(scores (N,), corrections (N, 4) in shares of the box, eyes, nose and mouth (N, 5, 2) in shares of the box)."""
        pictures = np.stack([_cut(image, box, size) for box in boxes])
        with _alone():
            out = [part.numpy() for part in network(_batch(pictures))]
        marks = np.stack([out[1][:, :5], out[1][:, 5:]], axis=-1) if len(out) == 3 else np.zeros((len(boxes), 5, 2))
        return out[-1][:, 1], out[0], np.asarray(marks, dtype=np.float32)


@contextmanager
def _alone() -> Iterator[None]:
    """No gradients, and one processor thread: for pictures this small more threads only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(before)


def _batch(pictures: Image) -> torch.Tensor:
    """uint8 (N, H, W, 3) -> float32 (N, 3, H, W) in the networks' own range."""
    return (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() - 127.5) * 0.0078125


def _cut(image: Image, box: Floats, size: int) -> Image:
    """The part of the picture in a box, stretched to (size, size). A box that leaves the picture is cut, as in training."""
    height, width = image.shape[:2]
    left, top = np.clip(box[:2], 0, [width - 1, height - 1]).astype(int)
    right, bottom = np.clip(box[2:], [left + 1, top + 1], [width, height]).astype(int)
    how = cv2.INTER_AREA if bottom - top > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image[top:bottom, left:right], (size, size), interpolation=how), dtype=np.uint8)


def _corrected(boxes: Floats, shifts: Floats) -> Floats:
    size = boxes[:, 2:] - boxes[:, :2]
    return (boxes + shifts * np.concatenate([size, size], axis=1)).astype(np.float32)


def _square(boxes: Floats) -> Floats:
    """Round the same centre, as long as the longer side."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.concatenate([middle - half, middle + half], axis=1).astype(np.float32)


def _suppress(boxes: Floats, scores: Floats, threshold: float) -> list[int]:
    """Greedy non-maximum suppression: rows kept, best first."""
    corners = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    return [int(row) for row in cv2.dnn.NMSBoxes(corners.tolist(), scores.tolist(), 0.0, threshold)]


def _six_points(five: Floats) -> Floats:
    """MTCNN gives no ears; half an eye distance outside the eyes is where a frontal face has them."""
    eyes, mouth = five[:2], five[3:5].mean(axis=0)
    ears = eyes + 0.5 * (eyes - eyes[::-1])
    return np.concatenate([eyes, five[2:3], mouth[None], ears]).astype(np.float32)
