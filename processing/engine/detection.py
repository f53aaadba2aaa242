"""Finding faces in a picture: BlazeFace (Bazarevsky et al. 2019) in its short-range and full-range forms.

The short-range network sees faces that fill a good part of the picture (a person before a camera), the full-range
network smaller ones. A search of a key frame asks MTCNN too; a thorough one also looks into overlapping tiles. Both look at
the picture turned on its sides where nothing else is found, and at a brightened copy of a dark one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

from processing.engine import models
from processing.engine.arrays import Floats, Image

if TYPE_CHECKING:
    from processing.engine.mtcnn import MtcnnDetector


@dataclass(frozen=True)
class Detection:
    """One face.

    box: float32 (4,) x0, y0, x1, y1 in pixels. score: 0..1. keypoints: float32 (6, 2) pixels: the eye on the left
    of an upright picture, the eye on its right, tip of the nose, mouth, the ear on the left, the ear on the right. exact:
    seen by MTCNN, whose scores tell faces from other things also where the mesh cannot say. agreed: seen by MTCNN and by
    BlazeFace, too: what both take for a face is one, however little either is sure of it.
    """

    box: Floats
    score: float
    keypoints: Floats
    exact: bool = False
    agreed: bool = False


@dataclass(frozen=True)
class _Range:
    """How one of the two networks lays its anchors: (cell size in input pixels, anchors in each cell)."""

    model: str
    grids: tuple[tuple[int, int], ...]
    threshold: float


# Short range: grids of stride 8 with 2 anchors and stride 16 with 6; full range: stride 4 with 1. The centre of a
# cell is the anchor, its size is fixed to the whole input, so sizes are decoded without anchor scale.
SHORT = _Range(models.DETECTOR_SHORT, ((8, 2), (16, 6)), 0.5)
FULL = _Range(models.DETECTOR_FULL, ((4, 1),), 0.6)
# MTCNN looks at a still in so many pixels: of a film there are other frames, of a still there is one.
STILL_SIDE = 1280
# A picture turned head down is full of things that look a little like a face.
TURNED_THRESHOLD = 0.7
# Median grey level, without what is quite black (bars round a picture), under which a picture is dark.
DARK, BLACK = 32, 2
# How far a dark picture's contrast may be raised, and in how many tiles a side (CLAHE, Zuiderveld 1994).
CONTRAST, TILES = 3.0, 8


@cache
def anchor_centres(size: int, grids: tuple[tuple[int, int], ...]) -> Floats:
    """float32 (A, 2): x, y of every anchor in 0..1, row by row, grid by grid, anchors of one cell together."""
    layers = []
    for stride, per_cell in grids:
        steps = (np.arange(size // stride, dtype=np.float32) + 0.5) * stride / size
        x, y = np.meshgrid(steps, steps)
        layers.append(np.repeat(np.stack([x, y], axis=-1).reshape(-1, 2), per_cell, axis=0))
    return np.concatenate(layers).astype(np.float32)


def overlap(a: Floats, b: Floats) -> Floats:
    """Intersection over union of boxes: a float32 (N, 4), b float32 (M, 4) -> float32 (N, M)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=-1)
    area_a = np.clip(a[:, 2:] - a[:, :2], 0, None).prod(axis=-1)
    area_b = np.clip(b[:, 2:] - b[:, :2], 0, None).prod(axis=-1)
    union = area_a[:, None] + area_b[None, :] - common
    return np.asarray(common / np.maximum(union, 1e-9), dtype=np.float32)


def suppress(found: list[Detection], threshold: float = 0.3) -> list[Detection]:
    """Merge detections of one face into one: each group is averaged by score around its best (weighted NMS)."""
    merged: list[Detection] = []
    rest = sorted(found, key=lambda face: -face.score)
    while rest:
        boxes = np.stack([face.box for face in rest])
        same = overlap(boxes[:1], boxes)[0] > threshold
        same |= _contained(boxes[0], boxes) > 0.8
        same[0] = True
        group = [face for face, is_same in zip(rest, same, strict=True) if is_same]
        rest = [face for face, is_same in zip(rest, same, strict=True) if not is_same]
        weights = np.array([face.score for face in group], dtype=np.float32)
        weights *= overlap(boxes[:1], np.stack([face.box for face in group]))[0] > threshold
        weights[0] = group[0].score
        weights /= weights.sum()
        box = np.tensordot(weights, np.stack([face.box for face in group]), 1)
        keypoints = np.tensordot(weights, np.stack([face.keypoints for face in group]), 1)
        merged.append(Detection(box.astype(np.float32), group[0].score, keypoints.astype(np.float32)))
    return merged


def _contained(box: Floats, boxes: Floats) -> Floats:
    """Share of each of `boxes` that lies in `box`: a face found again as a part of itself."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    area = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=-1)
    return np.asarray(np.clip(high - low, 0, None).prod(axis=-1) / np.maximum(area, 1e-9), dtype=np.float32)


class FaceDetector:
    """Finds faces. The networks are loaded once; keep one detector for each thread.

    `search`, `search_near` and thorough searches call MTCNN only where `use_mtcnn` is true.
    """

    def __init__(self, threads: int = 1, use_mtcnn: bool = True) -> None:
        self._networks = [(kind, models.Model(kind.model, threads)) for kind in (SHORT, FULL)]
        self._use_mtcnn = use_mtcnn

    def detect(self, image: Image, thorough: bool = False) -> list[Detection]:
        """Faces in `image`, uint8 (H, W, 3), the largest first.

        thorough: look also into tiles of a large picture, with MTCNN, and, where that finds nothing, at the picture on
        its sides and head down; some 20 to 200 times slower, for stills.
        """
        if thorough:
            return self._search(image, self._search_tiles(image), STILL_SIDE)
        return _largest_first([face for copy in _copies(image) for face in self._quick(copy)], [])

    def search(self, image: Image) -> list[Detection]:
        """As `detect`, but with MTCNN, and turned where that finds nothing: some 10 times slower, for key frames of a film."""
        return self._search(image, [], None)

    def search_near(self, image: Image, box: Floats) -> list[Detection]:
        """Faces about as large as `box`, float32 (4,), and not far from it, by MTCNN; a few milliseconds."""
        if not self._use_mtcnn:
            return []
        return self._mtcnn.search_near(image, box)

    def _search(self, image: Image, found: list[Detection], max_side: int | None) -> list[Detection]:
        """found: by BlazeFace already."""
        exact: list[Detection] = []
        for copy in _copies(image):
            found = found + self._quick(copy)
            more = self._mtcnn.detect(copy, max_side=max_side) if self._use_mtcnn else []
            exact = _surest(exact, more) if exact else more
        return _largest_first(found if found or exact else self._search_turned(image), exact)

    @cached_property
    def _mtcnn(self) -> MtcnnDetector:
        from processing.engine.mtcnn import MtcnnDetector  # brings torch: only where it is needed

        return MtcnnDetector()

    def _quick(self, image: Image) -> list[Detection]:
        small = shrunk(image, 2 * max(network.size for _, network in self._networks))
        return [face for kind, network in self._networks for face in _run(kind, network, small, image.shape)]

    def _search_tiles(self, image: Image) -> list[Detection]:
        height, width = image.shape[:2]
        short_side = min(height, width)
        side = max(320, short_side // 2)
        if short_side < 1.2 * side and max(height, width) < 1.6 * short_side:
            return []
        side = min(side, short_side)
        kind, network = self._networks[1]
        found = []
        for top in _starts(height, side):
            for left in _starts(width, side):
                tile = image[top : top + side, left : left + side]
                for face in _run(kind, network, tile):
                    # A face cut by the tile's edge is seen whole in the next one or in the whole picture.
                    inside = (face.box[:2] > 2).all() and (face.box[2:] < side - 2).all()
                    at_border = face.box + np.array([left, top, left, top], dtype=np.float32)
                    if inside or _touches(at_border, width, height):
                        shift = np.array([left, top], dtype=np.float32)
                        found.append(Detection(at_border, face.score, face.keypoints + shift))
        return found

    def _search_turned(self, image: Image) -> list[Detection]:
        height, width = image.shape[:2]
        found = []
        for turns in (1, 3, 2):
            turned = np.ascontiguousarray(np.rot90(image, turns))
            for kind, network in self._networks:
                for face in _run(kind, network, turned):
                    if face.score < TURNED_THRESHOLD:
                        continue
                    corners = _turn_back(face.box.reshape(2, 2), turns, width, height)
                    box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
                    found.append(Detection(box, face.score, _turn_back(face.keypoints, turns, width, height)))
            if found:
                break
        return found


def near(box: Floats, other: Floats) -> bool:
    """True for two boxes of one face: they overlap, or one lies in the middle of the other and is not of quite another size."""
    if float(overlap(box[None], other[None])[0, 0]) > 0.3:
        return True
    middle = (box[:2] + box[2:]) / 2
    size, other_size = float(np.prod(box[2:] - box[:2])), float(np.prod(other[2:] - other[:2]))
    return bool((middle > other[:2]).all() and (middle < other[2:]).all() and 0.25 * other_size < size < 4 * other_size)


def is_dark(image: Image) -> bool:
    """Whether more of a picture, uint8 (H, W, 3), may be seen in a brightened copy."""
    grey = image[::8, ::8, 1]
    seen = grey[grey > BLACK]
    return bool(len(seen)) and float(np.median(seen)) < DARK


def brightened(image: Image) -> Image:
    """A copy, uint8 (H, W, 3), in which what lies in the dark has contrast; colours stay what they are."""
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
    luma[..., 0] = cv2.createCLAHE(CONTRAST, (TILES, TILES)).apply(luma[..., 0])
    return np.asarray(cv2.cvtColor(luma, cv2.COLOR_YCrCb2RGB), dtype=np.uint8)


def _copies(image: Image) -> list[Image]:
    """A picture as it is, and, if it is dark, brightened."""
    return [image, brightened(image)] if is_dark(image) else [image]


def _surest(exact: list[Detection], more: list[Detection]) -> list[Detection]:
    """MTCNN's faces in a picture and in its brightened copy: each once, as it is surest of it."""
    kept: list[Detection] = []
    for face in sorted([*exact, *more], key=lambda face: -face.score):
        if not any(near(face.box, better.box) for better in kept):
            kept.append(face)
    return kept


def _largest_first(found: list[Detection], exact: list[Detection]) -> list[Detection]:
    """All faces; of two that are one, the exact one."""
    exact = [replace(face, agreed=any(near(face.box, other.box) for other in found)) for face in exact]
    others = [face for face in suppress(found) if not any(near(face.box, better.box) for better in exact)]
    return sorted([*exact, *others], key=lambda face: -float(np.prod(face.box[2:] - face.box[:2])))


def shrunk(image: Image, side: float) -> Image:
    """The picture at a whole fraction of its size (which is quick to make), its longer side still `side` pixels or more."""
    height, width = image.shape[:2]
    parts = int(max(height, width) / side + 1e-6)
    if parts < 2 or min(height, width) < parts:
        return image
    whole = image[: height // parts * parts, : width // parts * parts]
    return np.asarray(cv2.resize(whole, (width // parts, height // parts), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _run(kind: _Range, network: models.Model, image: Image, shape: tuple[int, ...] | None = None) -> list[Detection]:
    """One network on one picture, letterboxed to its square input. shape: of the picture that `image` is a small copy of."""
    height, width = image.shape[:2]
    scale = network.size / max(height, width)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, inner, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    left, top = (network.size - inner[0]) // 2, (network.size - inner[1]) // 2
    square = np.zeros((network.size, network.size, 3), dtype=np.float32)
    square[top : top + inner[1], left : left + inner[0]] = small
    raw, logits = network(square / 127.5 - 1.0)

    scores = 1.0 / (1.0 + np.exp(-np.clip(logits[0, :, 0], -60, 60)))
    chosen = np.flatnonzero(scores > kind.threshold)
    if not len(chosen):
        return []
    centres = anchor_centres(network.size, kind.grids)[chosen]
    # 16 numbers an anchor, in input pixels: centre offset, size, then six key points as offsets.
    values = raw[0, chosen].reshape(-1, 8, 2) / network.size
    values[:, 0] += centres
    values[:, 2:] += centres[:, None]
    # a small copy may lack the last few rows and columns: its pixels are whole numbers of the picture's
    part = 1.0 if shape is None else float(max(1, shape[0] // height, shape[1] // width))
    back = np.array([part * width / inner[0], part * height / inner[1]], dtype=np.float32)
    offset = np.array([left, top], dtype=np.float32)
    middle = (values[:, 0] * network.size - offset) * back
    half = values[:, 1] * network.size * back / 2
    keypoints = (values[:, 2:] * network.size - offset) * back
    boxes = np.concatenate([middle - half, middle + half], axis=1)
    # Pixel centres lie at whole numbers, as in OpenCV's warps: hence the half.
    return suppress(
        [
            Detection((box - 0.5).astype(np.float32), float(score), (points - 0.5).astype(np.float32))
            for box, score, points in zip(boxes, scores[chosen], keypoints, strict=True)
        ]
    )


def _starts(length: int, side: int) -> list[int]:
    """Beginnings of tiles of `side` that cover `length` and overlap by a third or more."""
    count = 1 if length <= side else int(np.ceil((length - side) / (side * 2 / 3))) + 1
    return [round(at) for at in np.linspace(0, length - side, count)]


def _touches(box: Floats, width: int, height: int) -> bool:
    return bool((box[:2] <= 2).any() or box[2] >= width - 2 or box[3] >= height - 2)


def _turn_back(points: Floats, turns: int, width: int, height: int) -> Floats:
    """Points of a picture turned by `turns` quarter turns (np.rot90) -> points of the picture as it was."""
    x, y = points[:, 0], points[:, 1]
    if turns == 1:
        x, y = width - 1 - y, x
    elif turns == 2:
        x, y = width - 1 - x, height - 1 - y
    elif turns == 3:
        x, y = y, height - 1 - x
    return np.stack([x, y], axis=1).astype(np.float32)
