"""Spots spread over a face: what it shows there, which way it looks, and the colour of a picture there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from processing.engine.arrays import Floats, Image
from processing.engine.canonical import OVAL, canonical_face

RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
RIGHT_BROW = (46, 53, 52, 65, 55, 107, 66, 105, 63, 70)
LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
# The underside of the nose: left, right, bottom, top in centimetres on the canonical face.
NOSTRILS = (-1.8, 1.8, -2.4, -1.0)
# Centimetres: how far skin keeps from eyes, brows and lips, and from the outline of the mesh.
APART, INSIDE = 0.35, 0.6
FOREHEAD_TOP = 6.5  # centimetres on the canonical face; hair falls over what lies higher
GRID = 0.5  # centimetres between spots
# A spot is seen if its normal has at least this share towards the camera: flatter ones are mostly the background.
FACING = 0.25
SURFACE_SIZE = 96


@dataclass(frozen=True)
class Spots:
    """N spots on the face, spread evenly over it, the left half the mirror of the right.

    flat: float32 (N, 2) centimetres on the canonical face, x to the picture's right, y up. corners: int (N, 3), shares:
    float32 (N, 3): a spot is the mean of these three points of the mesh with these weights, sum 1.
    skin, eyes, lips: bool (N,), what the face shows there; neither of them on brows, nostrils and seams.
    mirror: int (N,), the spot on the other side.
    """

    flat: Floats
    corners: NDArray[np.intp]
    shares: Floats
    skin: NDArray[np.bool_]
    eyes: NDArray[np.bool_]
    lips: NDArray[np.bool_]
    mirror: NDArray[np.intp]

    def of(self, values: Floats) -> Floats:
        """float32 (N, C): what is known of the mesh's points, (468, C), at the spots."""
        return np.einsum("nk,nkc->nc", self.shares, values[self.corners])


@lru_cache(maxsize=1)
def spots() -> Spots:
    """A square grid over the canonical face."""
    face = canonical_face()
    flat = face.points[:, :2]
    outline = flat[list(OVAL)]
    half = np.arange(GRID / 2, 9.0, GRID)
    across, up = np.meshgrid(np.concatenate([-half[::-1], half]), np.arange(-9.5, FOREHEAD_TOP, GRID))
    grid = np.stack([across.reshape(-1), up.reshape(-1)], axis=1).astype(np.float32)
    grid = grid[_inside(outline, grid) > INSIDE]
    left, right, bottom, top = NOSTRILS
    nostrils = (grid[:, 0] > left) & (grid[:, 0] < right) & (grid[:, 1] > bottom) & (grid[:, 1] < top)
    in_lips = _inside(flat[list(LIPS)], grid)
    in_eyes = np.maximum(*(_inside(flat[eye], grid) for eye in _both(RIGHT_EYE)))
    in_brows = np.maximum(
        *(_inside(np.asarray(cv2.convexHull(flat[brow]), dtype=np.float32), grid) for brow in _both(RIGHT_BROW))
    )
    corners, shares = _in_triangles(flat, face.points[:, 2], face.triangles, grid)
    mirror = np.abs(grid[None] * [-1, 1] - grid[:, None]).sum(axis=-1).argmin(axis=1)
    return Spots(
        flat=grid,
        corners=corners,
        shares=shares,
        skin=~nostrils & (in_lips < -APART) & (in_eyes < -APART) & (in_brows < -APART),
        eyes=in_eyes >= 0,
        lips=in_lips >= 0,
        mirror=mirror,
    )


def _both(part: tuple[int, ...]) -> tuple[list[int], list[int]]:
    return list(part), [int(canonical_face().mirror[point]) for point in part]


def _inside(outline: Floats, points: Floats) -> Floats:
    """float32 (N,): how far inside an outline each point lies, in its unit; negative outside."""
    loop = outline.reshape(-1, 1, 2).astype(np.float32)
    return np.array([cv2.pointPolygonTest(loop, (float(x), float(y)), True) for x, y in points], dtype=np.float32)


def _in_triangles(flat: Floats, depth: Floats, triangles: NDArray[np.int32], points: Floats) -> tuple[NDArray[np.intp], Floats]:
    """The corners (N, 3) of the foremost triangle over each point and the point's shares (N, 3) of them."""
    a, b, c = (flat[triangles[:, k]].astype(np.float64) for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    area = np.where(np.abs(area) < 1e-9, np.inf, area)
    x, y = points[:, None, 0], points[:, None, 1]
    of_b = ((x - a[:, 0]) * (c[:, 1] - a[:, 1]) - (y - a[:, 1]) * (c[:, 0] - a[:, 0])) / area
    of_c = ((b[:, 0] - a[:, 0]) * (y - a[:, 1]) - (b[:, 1] - a[:, 1]) * (x - a[:, 0])) / area
    shares = np.stack([1 - of_b - of_c, of_b, of_c], axis=-1)
    # The point lies in the triangle of which its smallest share is not negative; where several lie over each other,
    # such as at the wings of the nose, in the foremost.
    holds = shares.min(axis=-1) > -1e-4
    chosen = np.where(holds, depth[triangles].mean(axis=1)[None], -np.inf).argmax(axis=1)
    return triangles[chosen].astype(np.intp), shares[np.arange(len(points)), chosen].astype(np.float32)


@lru_cache(maxsize=1)
def _meeting() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The triangles that meet at point 0, then those at point 1, and so on; and where each point's begin among them."""
    corners = canonical_face().triangles.reshape(-1)
    order = np.argsort(corners, kind="stable")
    return order // 3, np.searchsorted(corners[order], np.arange(468))


def normals(landmarks: Floats) -> Floats:
    """float32 (468, 3), length 1: which way the skin looks at each point, x to the picture's right, y up, z to the viewer.

    landmarks: float32 (468, 3) pixels. The mean of the triangles that meet there, large ones counting for more.
    """
    triangles = canonical_face().triangles
    seen = landmarks * np.array([1, -1, -1], dtype=np.float32)
    a, b, c = seen[triangles[:, 0]], seen[triangles[:, 1]], seen[triangles[:, 2]]
    u, v = (b - a).T, (c - a).T
    crosses = np.stack([u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]], axis=1)
    order, starts = _meeting()
    total = np.add.reduceat(crosses[order], starts, axis=0)
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9), dtype=np.float32)


@dataclass(frozen=True)
class Surface:
    """The face in one picture, at its N spots.

    picture: uint8 (S, S, 3), the crop at SURFACE_SIZE pixels. mesh: float32 (468, 3), the landmarks in it, points:
    float32 (N, 3), the spots. colours: float32 (N, 3), 0..255, each the mean of 3x3 pixels. normals: float32 (N, 3),
    see `normals`. seen: bool (N,), the spot looks to the camera and lies in the picture. skin: bool (N,), it is seen
    and shows plain skin.
    """

    picture: Image
    mesh: Floats
    points: Floats
    colours: Floats
    normals: Floats
    seen: NDArray[np.bool_]
    skin: NDArray[np.bool_]


def read_surface(image: Image, landmarks: Floats, crop: Image, in_crop: Floats) -> Surface:
    """image: uint8 (H, W, 3). landmarks: float32 (468, 3), its pixels. crop: uint8 (S, S, 3). in_crop: float32
    (468, 3), the same landmarks in the crop.
    """
    face = spots()
    picture = np.asarray(cv2.resize(crop, (SURFACE_SIZE, SURFACE_SIZE), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    smooth = np.asarray(cv2.blur(picture, (3, 3)), dtype=np.float32)
    mesh = (in_crop + 0.5) * (SURFACE_SIZE / crop.shape[0]) - 0.5
    places = face.of(np.concatenate([landmarks, mesh, normals(landmarks)], axis=1))
    height, width = image.shape[:2]
    inside = (places[:, 0] > -0.5) & (places[:, 1] > -0.5) & (places[:, 0] < width - 0.5) & (places[:, 1] < height - 0.5)
    seen = inside & (places[:, 8] > FACING)
    points = places[:, 3:6]
    return Surface(
        picture=picture,
        mesh=mesh,
        points=points,
        colours=at(smooth, points),
        normals=places[:, 6:9],
        seen=seen,
        skin=seen & face.skin,
    )


def at(picture: Floats, points: Floats) -> Floats:
    """float32 (N, ...): the value of a picture, (H, W, ...), in the pixel under each point, (N, 2 or 3)."""
    height, width = picture.shape[:2]
    columns = np.clip(np.rint(points[:, 0]), 0, width - 1).astype(np.intp)
    rows = np.clip(np.rint(points[:, 1]), 0, height - 1).astype(np.intp)
    return picture[rows, columns]
