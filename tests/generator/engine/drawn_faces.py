"""Faces drawn on the canonical mesh, for tests that need no real person: two people whose mouth and gaze move."""

from dataclasses import dataclass

import cv2
import numpy as np

from generator.engine.faceset import FaceSet, build_faceset
from processing.engine.canonical import OVAL, apply, canonical_face, crop_matrix, warp

LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
EYES = ((33, 160, 158, 133, 153, 144), (263, 387, 385, 362, 380, 373))
BROWS = ((70, 63, 105, 66, 107), (300, 293, 334, 296, 336))
INNER_LIPS = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
BELOW_MOUTH = (*(17, 84, 181, 91, 146, 314, 405, 321, 375, 152, 148, 377), *(324, 318, 402, 317, 14, 87, 178, 88, 95))


@dataclass(frozen=True)
class Person:
    skin: tuple[int, int, int]
    lips: tuple[int, int, int]
    brow: int  # thickness in parts of the face


ANNA = Person((232, 190, 160), (190, 60, 70), 12)
BRUNO = Person((150, 105, 80), (110, 50, 50), 28)


def draw(person: Person, mouth: float, gaze: float, centre: tuple[float, float], width: float, shape: tuple[int, int]):
    """One frame uint8 (H, W, 3) and its landmarks float32 (468, 3) px. mouth: 0 shut to 1 open; gaze: -1..1."""
    points = canonical_face().points.copy()
    points[list(BELOW_MOUTH), 1] -= 1.6 * mouth
    landmarks = (points * [1, -1, 1]) * (width / 15.0) + [centre[0], centre[1], 0]
    height, breadth = shape
    rows, columns = np.mgrid[:height, :breadth]
    frame = np.stack([rows % 200 + 20, columns % 180 + 40, (rows + columns) % 160 + 60], axis=-1).astype(np.uint8)

    def fill(ring, colour):
        contour = cv2.convexHull(np.round(landmarks[list(ring), :2] * 16).astype(np.int32))
        cv2.fillPoly(frame, [contour], colour, lineType=cv2.LINE_AA, shift=4)

    fill(OVAL, person.skin)
    fill(LIPS, person.lips)
    fill(INNER_LIPS, (40, 10, 10))
    for eye, brow in zip(EYES, BROWS, strict=True):
        fill(eye, (245, 245, 245))
        middle = landmarks[list(eye), :2].mean(0) + np.array([gaze * width * 0.03, 0.0])
        cv2.circle(frame, tuple(np.round(middle * 16).astype(int).tolist()), int(width * 0.5), (30, 30, 40), -1, cv2.LINE_AA, 4)
        line = np.round(landmarks[list(brow), :2]).astype(np.int32)
        cv2.polylines(frame, [line], False, (50, 35, 30), max(1, round(width * person.brow / 300)), cv2.LINE_AA)
    return frame, landmarks.astype(np.float32)


def film(person: Person, count: int, shape: tuple[int, int] = (160, 200), width: float = 70.0):
    """frames uint8 (N, H, W, 3) and landmarks float32 (N, 468, 3): talking and looking about, in changing light."""
    drawn = []
    for index in range(count):
        centre = (shape[1] / 2 + 8 * np.sin(index / 9), shape[0] / 2 + 5 * np.cos(index / 7))
        drawn.append(draw(person, 0.5 + 0.5 * np.sin(index / 3), np.sin(index / 5), centre, width, shape))
    frames, landmarks = zip(*drawn, strict=True)
    light = 0.85 + 0.15 * np.cos(np.arange(count) / 6)
    return (np.stack(frames) * light[:, None, None, None]).astype(np.uint8), np.stack(landmarks)


def faces(person: Person, count: int, size: int = 32) -> FaceSet:
    """The aligned crops of `film`, made as they are for a real training."""
    frames, landmarks = film(person, count)
    matrices = [crop_matrix(points, 64) for points in landmarks]
    crops = np.stack([warp(frame, matrix, 64) for frame, matrix in zip(frames, matrices, strict=True)])
    within = np.stack([apply(matrix, points) for matrix, points in zip(matrices, landmarks, strict=True)])
    return build_faceset(crops, within, np.arange(count, dtype=np.float64), size)
