"""MTCNN (Zhang et al. 2016): slow, but it finds small, far and crowded faces."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from processing.engine.arrays import Image
from processing.engine.detection import Detection
from processing.engine.torchvision_ops import prepare_torchvision

prepare_torchvision()

from facenet_pytorch.models.mtcnn import MTCNN  # noqa: E402  torchvision must be prepared first


class MtcnnDetector:
    """The same call as FaceDetector's, by facenet-pytorch's networks (their weights lie in its wheel)."""

    def __init__(self, smallest_face: int = 24, max_side: int = 960, threshold: float = 0.93) -> None:
        self._network = MTCNN(min_face_size=smallest_face, keep_all=True, device=torch.device("cpu"))
        self._smallest_face = smallest_face
        self._max_side = max_side
        self._threshold = threshold

    def detect(self, image: Image) -> list[Detection]:
        """Faces in `image`, uint8 (H, W, 3), the largest first; pictures over `max_side` pixels are scaled down."""
        height, width = image.shape[:2]
        scale = min(1.0, self._max_side / max(height, width))
        if min(height, width) * scale < self._smallest_face:
            return []
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
        boxes, scores, points = self._network.detect(small, landmarks=True)
        if boxes is None:
            return []
        found = []
        for box, score, five in zip(boxes, scores, points, strict=True):
            if score < self._threshold:
                continue
            five = np.asarray(five, dtype=np.float32) / scale
            eyes, mouth = five[:2], five[3:5].mean(axis=0)
            # MTCNN gives no ears; half an eye distance outside the eyes is where a frontal face has them.
            ears = eyes + 0.5 * (eyes - eyes[::-1])
            keypoints = np.concatenate([eyes, five[2:3], mouth[None], ears])
            found.append(Detection(np.asarray(box, dtype=np.float32) / np.float32(scale), float(score), keypoints))
        return found
