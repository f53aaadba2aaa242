"""The canonical face, and the crop in which every face lies the same way.

The crop is a square of CROP_SIDE centimetres on a mean face of life size: from half a hand under the chin to the upper
forehead, level eyes, nose in the middle. All parts of the project that speak of a "crop" mean this one, at any number
of pixels; a crop of 192 px resized to 96 px (by area) is the crop of 96 px.

Pixel centres lie at whole numbers (OpenCV's convention), in pictures and in crops.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from processing.engine import models
from processing.engine.arrays import Floats, Image

CROP_SIZE = 192
# Centimetres on the canonical face: the side of the crop, and the height of its centre over the face's origin
# (between the eyes and the tip of the nose). The open mouth needs room under the chin.
CROP_SIDE = 20.0
CROP_CENTRE = -1.8

# How far up the forehead a face that is drawn or learned from reaches: 0 ends at the brows, 1 at the hair, which is nobody's own.
FOREHEAD = 0.7

# Face outline of the 468 mesh points, clockwise in the picture from the top of the forehead.
OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)


@dataclass(frozen=True)
class CanonicalFace:
    """points: float32 (468, 3) centimetres, x to the right of the picture, y up, z to the viewer.

    weights: float32 (468,), how far a point keeps still when the face moves; 0 for most, sum 1.
    mirror: int (468,), the point on the other side of the face. triangles: int (898, 3), the mesh.
    """

    points: Floats
    weights: Floats
    mirror: np.ndarray[tuple[int], np.dtype[np.intp]]
    triangles: np.ndarray[tuple[int, int], np.dtype[np.int32]]


@lru_cache(maxsize=1)
def canonical_face() -> CanonicalFace:
    """MediaPipe's canonical face and its Procrustes basis, read from the geometry file of the face mesh package."""
    vertices: list[float] = []
    indices: list[int] = []
    weights = np.zeros(468, dtype=np.float32)
    for number, content in _protobuf_fields(models.model_bytes(models.GEOMETRY)):
        if number == 1 and isinstance(content, bytes):
            for inner, value in _protobuf_fields(content):
                if inner == 3 and isinstance(value, bytes):
                    vertices.append(struct.unpack("<f", value)[0])
                elif inner == 4 and isinstance(value, int):
                    indices.append(value)
        elif number == 2 and isinstance(content, bytes):
            entry = dict(_protobuf_fields(content))
            point, weight = entry[1], entry[2]
            if isinstance(point, int) and isinstance(weight, bytes):
                weights[point] = struct.unpack("<f", weight)[0]
    points = np.array(vertices, dtype=np.float32).reshape(468, 5)[:, :3]
    mirrored = points * np.array([-1, 1, 1], dtype=np.float32)
    mirror = np.linalg.norm(points[None] - mirrored[:, None], axis=-1).argmin(axis=1)
    triangles = np.array(indices, dtype=np.int32).reshape(-1, 3)
    return CanonicalFace(points, weights / weights.sum(), mirror, triangles)


def _protobuf_fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(field number, value) of a protocol buffer; fixed and nested fields as bytes."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    while at < len(data):
        key = varint()
        kind = key & 7
        if kind == 0:
            yield key >> 3, varint()
            continue
        length = {1: 8, 5: 4}.get(kind)
        if length is None:
            length = varint()
        yield key >> 3, data[at : at + length]
        at += length


def similarity(source: Floats, target: Floats, weights: Floats | None = None) -> Floats:
    """The rotation, scale and shift that brings points nearest to others (Umeyama 1991, weighted, no mirroring).

    source, target: (N, 2); weights: (N,) or None for equal. -> float32 (2, 3), target = M @ [source, 1].
    """
    share = np.full(len(source), 1.0 / len(source)) if weights is None else weights / weights.sum()
    a, b = np.asarray(source, np.float64), np.asarray(target, np.float64)
    centre_a, centre_b = share @ a, share @ b
    a, b = a - centre_a, b - centre_b
    u, stretch, vt = np.linalg.svd((b * share[:, None]).T @ a)
    sign = np.array([1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * sign) @ vt
    scale = (stretch * sign).sum() / max(float(share @ (a**2).sum(axis=1)), 1e-12)
    matrix = np.empty((2, 3), dtype=np.float32)
    matrix[:, :2] = scale * rotation
    matrix[:, 2] = centre_b - scale * rotation @ centre_a
    return matrix


@lru_cache(maxsize=32)
def _stable_targets(size: int, coverage: float) -> tuple[np.ndarray[tuple[int], np.dtype[np.intp]], Floats, Floats]:
    """The points that alignment rests on, where they belong in a crop, and their weights."""
    face = canonical_face()
    chosen = np.flatnonzero(face.weights)
    across = face.points[chosen, 0] / (CROP_SIDE * coverage)
    down = (CROP_CENTRE - face.points[chosen, 1]) / (CROP_SIDE * coverage)
    target = (np.stack([across, down], axis=1) + 0.5) * size - 0.5
    # Square roots flatten the published weights: their sum rests on few points, and jitter falls with many.
    return chosen, target.astype(np.float32), np.sqrt(face.weights[chosen])


def crop_matrix(landmarks: Floats, size: int = CROP_SIZE, coverage: float = 1.0) -> Floats:
    """Similarity transform that takes picture pixels to crop pixels.

    landmarks: float32 (468, 3) or (468, 2), pixels. size: side of the crop in pixels. coverage: 1.0 is the standard
    crop; 1.3 shows a square 1.3 times as wide around the same centre. -> float32 (2, 3).
    """
    chosen, target, weights = _stable_targets(size, coverage)
    return similarity(landmarks[chosen, :2], target, weights)


def scale_of(matrix: Floats) -> float:
    """Crop pixels for one pixel of the picture. matrix: (2, 3) as from `crop_matrix`."""
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def warp(image: Image, matrix: Floats, size: int, fast: bool = False) -> Image:
    """Cut a crop out of a picture, without aliasing however large the picture is.

    image: uint8 (H, W, 3) or (H, W). matrix: (2, 3) as from `crop_matrix`. -> uint8 (size, size, 3) or (size, size);
    what lies outside the picture repeats its border. fast: straight lines between pixels instead of cubic curves.
    """
    scale = scale_of(matrix)
    if scale >= 0.8:
        return _warp(image, matrix, size, fast)
    # First shrink the region by area to the crop's own scale, then turn and shift what is left.
    corners = apply(invert(matrix), np.array([[0, 0], [size, 0], [0, size], [size, size]], dtype=np.float32))
    margin = 3 / scale
    height, width = image.shape[:2]
    left, top = np.clip(np.floor(corners.min(axis=0) - margin), 0, [width - 1, height - 1]).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(axis=0) + margin), [left + 1, top + 1], [width, height]).astype(int)
    region = image[top:bottom, left:right]
    small_size = (max(1, round(region.shape[1] * scale)), max(1, round(region.shape[0] * scale)))
    small = np.asarray(cv2.resize(region, small_size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    # small x -> picture x: (x + 1/2) * ratio - 1/2 + left
    ratio = np.array([region.shape[1] / small_size[0], region.shape[0] / small_size[1]])
    remaining = np.empty((2, 3), dtype=np.float32)
    remaining[:, :2] = matrix[:, :2] * ratio
    remaining[:, 2] = matrix[:, 2] + matrix[:, :2] @ (0.5 * ratio - 0.5 + [left, top])
    return _warp(small, remaining, size, fast)


def _warp(image: Image, matrix: Floats, size: int, fast: bool) -> Image:
    warped = cv2.warpAffine(
        image, matrix, (size, size), flags=cv2.INTER_LINEAR if fast else cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, dtype=np.uint8)


def invert(matrix: Floats) -> Floats:
    """The transform back: float32 (2, 3) -> float32 (2, 3)."""
    return np.asarray(cv2.invertAffineTransform(matrix), dtype=np.float32)


def resized(matrix: Floats, size: int, before: int = CROP_SIZE) -> Floats:
    """The transform to a crop of another size: (2, 3) to `before` pixels -> float32 (2, 3) to `size` pixels. Stacks too, (...,
    2, 3)."""
    ratio = size / before
    scaled = np.asarray(matrix, np.float32) * np.float32(ratio)
    scaled[..., 2] += np.float32(0.5 * ratio - 0.5)
    return scaled


def apply(matrix: Floats, points: Floats) -> Floats:
    """Move points: matrix (2, 3), points (N, 2) or (N, 3) -> float32 of the same shape; z is scaled with x and y."""
    moved = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    if points.shape[1] == 3:
        moved = np.concatenate([moved, points[:, 2:] * scale_of(matrix)], axis=1)
    return np.asarray(moved, dtype=np.float32)


# Points of the outline over the brows, each with the brow point under it: the mesh's outline climbs to the hair.
_FOREHEAD = {
    10: 9,
    338: 336,
    297: 296,
    332: 334,
    284: 293,
    251: 300,
    109: 107,
    67: 66,
    103: 105,
    54: 63,
    21: 70,
}


def hull_mask(landmarks_in_crop: Floats, size: int = CROP_SIZE, forehead: float = 0.5) -> Image:
    """The face in a crop, filled: chin, jaws, and the forehead up to a share of the way from brows to hair.

    landmarks_in_crop: (468, 2 or 3) crop pixels. forehead: 0 ends at the brows, 1 at the hair.
    -> uint8 (size, size), 255 inside, 0 outside, smooth at the edge.
    """
    outline = np.array(landmarks_in_crop[list(OVAL), :2], dtype=np.float32)
    for row, point in enumerate(OVAL):
        if point in _FOREHEAD:
            brow = landmarks_in_crop[_FOREHEAD[point], :2]
            outline[row] = brow + forehead * (outline[row] - brow)
    mask = np.zeros((size, size), dtype=np.uint8)
    hull = cv2.convexHull(np.round(outline * 16).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 255, lineType=cv2.LINE_AA, shift=4)
    return mask
