"""What one face looks like, in numbers: pose, size, sharpness, light, expression."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from processing.engine.arrays import Floats, Image
from processing.engine.canonical import apply, canonical_face, crop_matrix, hull_mask


@dataclass(frozen=True)
class Descriptors:
    """One face.

    yaw, pitch, roll: degrees; 0, 0, 0 looks at the camera; positive yaw turns to the picture's right, positive pitch
    looks up, positive roll tilts clockwise in the picture.
    size: side of the standard crop in pixels of the picture.
    sharpness: 0 (blurred) .. 1, whatever the light (see `sharpness`).
    exposure, contrast: mean and standard deviation of the face's lightness, 0..255.
    red, green, blue: mean colour of the face, 0..255: the ambient light on it.
    light_side: -1..1, lightness of the picture's right half of the face over its left.
    mouth_open: height over width of the gap between the lips, 0 closed, about 1 wide open.
    eyes_closed: 0 open .. 1 shut.
    dhash: 64-bit difference hash of the crop.
    """

    yaw: float
    pitch: float
    roll: float
    size: float
    sharpness: float
    exposure: float
    contrast: float
    red: float
    green: float
    blue: float
    light_side: float
    mouth_open: float
    eyes_closed: float
    dhash: int


def describe(image: Image, landmarks: Floats, crop: Image) -> Descriptors:
    """Measure one face.

    image: uint8 (H, W, 3), the picture. landmarks: float32 (468, 3), its pixels. crop: uint8 (S, S, 3), the standard
    crop of the same face.
    """
    size = crop.shape[0]
    matrix = crop_matrix(landmarks, size)
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    in_crop = apply(matrix, landmarks)
    mask = hull_mask(in_crop, size) > 127
    mask &= _inside_picture(matrix, image.shape, size)
    if not mask.any():
        mask[:] = True
    yaw, pitch, roll = head_pose(landmarks)
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    face = crop[mask].astype(np.float32)
    luma = grey[mask].astype(np.float32)
    red, green, blue = (float(value) for value in face.mean(axis=0))
    return Descriptors(
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        size=size / scale,
        sharpness=sharpness(np.asarray(grey, dtype=np.uint8), mask),
        exposure=float(luma.mean()),
        contrast=float(luma.std()),
        red=red,
        green=green,
        blue=blue,
        light_side=_light_side(np.asarray(grey, dtype=np.uint8), mask, in_crop),
        mouth_open=mouth_open(landmarks),
        eyes_closed=eyes_closed(landmarks),
        dhash=difference_hash(np.asarray(grey, dtype=np.uint8)),
    )


def head_pose(landmarks: Floats) -> tuple[float, float, float]:
    """Yaw, pitch, roll in degrees: weighted Procrustes of the canonical face onto the landmarks (Kabsch 1976)."""
    face = canonical_face()
    weights = face.weights.astype(np.float64)
    model = face.points.astype(np.float64)
    seen = landmarks[:, :3].astype(np.float64) * [1, -1, -1]  # y up, z to the viewer
    model = model - weights @ model
    seen = seen - weights @ seen
    u, _, vt = np.linalg.svd((seen * weights[:, None]).T @ model)
    rotation = (u * [1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt
    # rotation = turn about z by -roll, of a turn about y by yaw, of a turn about x by -pitch: so that turning the
    # picture in its plane changes roll alone.
    yaw = np.arcsin(np.clip(-rotation[2, 0], -1, 1))
    pitch = -np.arctan2(rotation[2, 1], rotation[2, 2])
    roll = -np.arctan2(rotation[1, 0], rotation[0, 0])
    return float(np.rad2deg(yaw)), float(np.rad2deg(pitch)), float(np.rad2deg(roll))


def sharpness(grey: Image, mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> float:
    """How much detail a blur would still take away from the face, 0..1 (after Crete et al. 2007).

    grey: uint8 (S, S). mask: bool (S, S), where the face is. A sharp face loses most of its differences between
    neighbours when it is blurred, a face that is blurred already loses few.
    """
    luma = grey.astype(np.float32)
    kept, all_of_it = 0.0, 0.0
    for axis, kernel in ((0, (1, 9)), (1, (9, 1))):
        blurred = cv2.blur(luma, kernel)
        before = np.abs(np.diff(luma, axis=axis))
        after = np.abs(np.diff(blurred, axis=axis))
        inside = mask[1:] if axis == 0 else mask[:, 1:]
        all_of_it += float(before[inside].sum())
        kept += float(np.clip(before - after, 0, None)[inside].sum())
    return kept / all_of_it if all_of_it > 0 else 0.0


def mouth_open(landmarks: Floats) -> float:
    """Height of the gap between the lips over the width of the mouth."""
    return _ratio(landmarks, [(13, 14), (82, 87), (312, 317)], (78, 308))


def eyes_closed(landmarks: Floats) -> float:
    """0 open .. 1 shut: from the height of the eyes' openings over their widths, both eyes together."""
    left = _ratio(landmarks, [(159, 145), (158, 153), (160, 144)], (33, 133))
    right = _ratio(landmarks, [(386, 374), (385, 380), (387, 373)], (263, 362))
    return float(np.clip(1.0 - ((left + right) / 2 - EYE_SHUT) / (EYE_OPEN - EYE_SHUT), 0, 1))


# Height over width of an eye's opening in the mesh, when it is shut and when it looks straight ahead.
EYE_SHUT, EYE_OPEN = 0.12, 0.30


def difference_hash(grey: Image) -> int:
    """64 bits, each says whether one of 8x8 fields is darker than its right neighbour. grey: uint8 (S, S)."""
    fields = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA)
    bits = (fields[:, 1:] > fields[:, :-1]).reshape(-1)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _ratio(landmarks: Floats, heights: list[tuple[int, int]], width: tuple[int, int]) -> float:
    tall = np.mean([np.linalg.norm(landmarks[a] - landmarks[b]) for a, b in heights])
    return float(tall / max(float(np.linalg.norm(landmarks[width[0]] - landmarks[width[1]])), 1e-6))


def _light_side(grey: Image, mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], in_crop: Floats) -> float:
    middle = float(in_crop[[6, 4, 164], 0].mean())
    columns = np.arange(grey.shape[1])[None, :]
    left, right = mask & (columns < middle), mask & (columns >= middle)
    if not left.any() or not right.any():
        return 0.0
    a, b = float(grey[left].mean()), float(grey[right].mean())
    return (b - a) / max(a + b, 1.0)


def _inside_picture(matrix: Floats, shape: tuple[int, ...], size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """bool (size, size): where the crop shows the picture, not its repeated border."""
    height, width = shape[:2]
    corners = np.array([[-0.5, -0.5], [width - 0.5, -0.5], [width - 0.5, height - 0.5], [-0.5, height - 0.5]])
    canvas = np.zeros((size, size), dtype=np.uint8)
    outline = np.clip(apply(matrix, corners.astype(np.float32)), -1e5, 1e5)
    cv2.fillConvexPoly(canvas, np.round(outline).astype(np.int32), 1)
    return canvas > 0
