"""Who a face belongs to: dlib's 128 numbers a face (King 2017), nearer than 0.6 for one person."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import dlib
import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist, squareform

from processing.engine.arrays import Floats, Image
from processing.engine.canonical import apply, crop_matrix, warp

SAME_PERSON = 0.6
DIMENSIONS = 128
# Farther than any two embeddings are.
NEVER = 1e3

# The wide crop from which dlib cuts its own 150 px chip: large enough that its whole-pixel points do no harm.
PATCH_SIZE = 320
PATCH_COVERAGE = 1.35
# dlib's five points on the mesh: outer and inner corner of the eye on the picture's right, of the other, base of the nose.
FIVE_POINTS = (263, 362, 33, 133, 2)


class WeightsMissing(RuntimeError):
    """The identity network's weights are not installed; the message says what to type."""


@lru_cache(maxsize=1)
def _network() -> Any:
    spec = find_spec("face_recognition_models")
    if spec is None or not spec.submodule_search_locations:
        raise WeightsMissing("The identity network is not installed: type `pip install -r requirements.txt`.")
    weights = Path(spec.submodule_search_locations[0]) / "models" / "dlib_face_recognition_resnet_model_v1.dat"
    return dlib.face_recognition_model_v1(str(weights))


def identity_patch(image: Image, landmarks: Floats) -> tuple[Image, Floats]:
    """What `embed_patch` needs of a picture: (uint8 (320, 320, 3), float32 (5, 2)), so the picture can be let go."""
    matrix = crop_matrix(landmarks, PATCH_SIZE, PATCH_COVERAGE)
    return warp(image, matrix, PATCH_SIZE), apply(matrix, landmarks[list(FIVE_POINTS), :2])


def embed_patch(patch: Image, five_points: Floats) -> Floats:
    """The embedding of a face cut out by `identity_patch`: float32 (128,), about 80 ms."""
    points = [dlib.point(round(float(x)), round(float(y))) for x, y in five_points]
    shape = dlib.full_object_detection(dlib.rectangle(0, 0, PATCH_SIZE, PATCH_SIZE), points)
    chip = dlib.get_face_chip(np.ascontiguousarray(patch), shape, 150, 0.25)
    return np.array(_network().compute_face_descriptor(chip), dtype=np.float32)


def embed(image: Image, landmarks: Floats) -> Floats:
    """Who is this: image uint8 (H, W, 3), landmarks float32 (468, 3) pixels -> float32 (128,), about 80 ms."""
    return embed_patch(*identity_patch(image, landmarks))


def distance(a: Floats, b: Floats) -> float:
    """Euclidean distance of two embeddings; under SAME_PERSON they show one person."""
    return float(np.linalg.norm(np.asarray(a, np.float64) - np.asarray(b, np.float64)))


def group(
    embeddings: Floats, limit: float = SAME_PERSON, apart: Iterable[tuple[int, int]] = ()
) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Sort embeddings (one or a mean one for each track) into people, by complete linkage.

    embeddings: float32 (N, 128). limit: no two of one group are farther apart. apart: pairs of rows that cannot be one
    person, for they were seen at one time. -> int (N,), 0 for the largest group, 1 for the next; equal ones in the order
    in which they first appear.
    """
    count = len(embeddings)
    if count < 2:
        return np.zeros(count, dtype=np.intp)
    away = squareform(pdist(np.asarray(embeddings, np.float64)))
    for a, b in apart:
        if a != b:
            away[a, b] = away[b, a] = NEVER
    raw = fcluster(linkage(squareform(away, checks=False), "complete"), limit, "distance")
    names, first, sizes = np.unique(raw, return_index=True, return_counts=True)
    order = sorted(range(len(names)), key=lambda at: (-sizes[at], first[at]))
    rank = {names[at]: place for place, at in enumerate(order)}
    return np.array([rank[name] for name in raw], dtype=np.intp)
