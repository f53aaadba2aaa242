"""Which faces are worth learning from, and why the others are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from processing.engine.analysis import FaceObservation
from processing.engine.arrays import Floats
from processing.engine.canonical import CROP_SIZE
from processing.engine.identity import SAME_PERSON
from processing.engine.pack import DescriptorTable, tabulate


class Reason(StrEnum):
    """Why a face was put aside; KEPT is the empty string."""

    KEPT = ""
    SOMEONE_ELSE = "someone_else"
    TOO_SMALL = "too_small"
    EXTREME_POSE = "extreme_pose"
    DARK = "dark"
    BRIGHT = "bright"
    BLURRED = "blurred"
    OCCLUDED = "occluded"
    NEAR_DUPLICATE = "near_duplicate"


@dataclass(frozen=True)
class Thresholds:
    """The table that faces are judged by.

    min_size: side of the standard crop in pixels of the picture. max_yaw, max_pitch: degrees to either side.
    min_exposure, max_exposure: mean lightness of the face, 0..255. min_sharpness: 0..1; a good 480p face has 0.4, the
    same blurred by 2 pixels of its 192 px crop 0.24. min_score: trust in the landmarks, 0..1; it falls where
    something hides the face.
    duplicate_shape: share of the crop's side by which landmarks differ (root mean square) in two faces that are still
    the same look; duplicate_bits: of 64, by which their difference hashes differ. Both must be under for a duplicate.
    same_person: distance of embeddings under which a track shows the subject.
    """

    min_size: float = 56.0
    max_yaw: float = 65.0
    max_pitch: float = 45.0
    min_exposure: float = 32.0
    max_exposure: float = 225.0
    min_sharpness: float = 0.20
    min_score: float = 0.75
    duplicate_shape: float = 0.0015
    duplicate_bits: int = 2
    same_person: float = SAME_PERSON


@dataclass(frozen=True)
class Verdict:
    """kept, or put aside for one reason, the first that holds in the order of Reason."""

    kept: bool
    reason: Reason


def judge(
    faces: Sequence[FaceObservation] | DescriptorTable,
    thresholds: Thresholds = Thresholds(),
    subject: Floats | None = None,
) -> list[Verdict]:
    """Judge each face, in the order given.

    faces: of one film or of all films of one subject; for several films give tracks that differ. subject: float32
    (K, 128), embeddings known to show the subject, or None if all faces do. A track belongs to the subject if the
    median distance of its embeddings to their nearest known one is under `same_person`; a track without an embedding
    cannot be told and counts as someone else.
    Of near duplicates the sharpest is kept.
    """
    table = faces if isinstance(faces, DescriptorTable) else tabulate(faces)
    count = len(table)
    tests: list[tuple[Reason, NDArray[np.bool_]]] = [
        (Reason.SOMEONE_ELSE, _strangers(table, subject, thresholds.same_person)),
        (Reason.TOO_SMALL, table.size < thresholds.min_size),
        (
            Reason.EXTREME_POSE,
            (np.abs(table.yaw) > thresholds.max_yaw) | (np.abs(table.pitch) > thresholds.max_pitch),
        ),
        (Reason.DARK, table.exposure < thresholds.min_exposure),
        (Reason.BRIGHT, table.exposure > thresholds.max_exposure),
        (Reason.BLURRED, table.sharpness < thresholds.min_sharpness),
        (Reason.OCCLUDED, table.score < thresholds.min_score),
    ]
    reasons = np.full(count, Reason.KEPT, dtype=object)
    for reason, holds in reversed(tests):
        reasons[holds] = reason
    good = np.flatnonzero(reasons == Reason.KEPT)
    for row in good[~_distinct(table.rows(good), thresholds)]:
        reasons[row] = Reason.NEAR_DUPLICATE
    return [Verdict(reason == Reason.KEPT, Reason(reason)) for reason in reasons]


def subject_tracks(table: DescriptorTable, subject: Floats, limit: float = SAME_PERSON) -> set[int]:
    """The tracks that show the person of `subject`, float32 (K, 128) embeddings."""
    known = np.asarray(subject, dtype=np.float64).reshape(-1, table.embedding.shape[1])
    mine: set[int] = set()
    for track in np.unique(table.track):
        seen = table.embedding[table.track == track]
        seen = seen[~np.isnan(seen).any(axis=1)]
        if len(seen) and len(known):
            nearest = np.linalg.norm(seen[:, None].astype(np.float64) - known[None], axis=-1).min(axis=1)
            if float(np.median(nearest)) < limit:
                mine.add(int(track))
    return mine


def track_embeddings(table: DescriptorTable) -> tuple[list[int], Floats]:
    """(track numbers, float32 (T, 128) mean embeddings) of the tracks that have any."""
    numbers: list[int] = []
    means: list[Floats] = []
    for track in np.unique(table.track):
        seen = table.embedding[table.track == track]
        seen = seen[~np.isnan(seen).any(axis=1)]
        if len(seen):
            numbers.append(int(track))
            means.append(seen.mean(axis=0))
    width = table.embedding.shape[1]
    return numbers, np.array(means, dtype=np.float32).reshape(-1, width)


def _strangers(table: DescriptorTable, subject: Floats | None, limit: float) -> NDArray[np.bool_]:
    if subject is None:
        return np.zeros(len(table), dtype=np.bool_)
    return ~np.isin(table.track, sorted(subject_tracks(table, subject, limit)))


def _distinct(table: DescriptorTable, thresholds: Thresholds) -> NDArray[np.bool_]:
    """bool (N,): False for faces that look like a sharper one that is kept."""
    count = len(table)
    distinct = np.zeros(count, dtype=np.bool_)
    shapes = _shapes_in_crop(table)
    kept_shapes = np.empty_like(shapes)
    kept_hashes = np.empty(count, dtype=np.uint64)
    kept = 0
    limit = thresholds.duplicate_shape**2
    for row in np.argsort(-table.sharpness, kind="stable"):
        bits = np.bitwise_count(kept_hashes[:kept] ^ table.dhash[row])
        near = np.flatnonzero(bits <= thresholds.duplicate_bits)
        apart = np.square(kept_shapes[near] - shapes[row]).sum(axis=(1, 2)) / shapes.shape[1]
        if not (apart < limit).any():
            kept_shapes[kept], kept_hashes[kept] = shapes[row], table.dhash[row]
            kept += 1
            distinct[row] = True
    return distinct


def _shapes_in_crop(table: DescriptorTable) -> Floats:
    """float32 (N, 468, 2): where the landmarks lie in the crop, as shares of its side."""
    moved = np.einsum("nij,npj->npi", table.matrix[:, :, :2], table.landmarks[:, :, :2]) + table.matrix[:, None, :, 2]
    return np.asarray(moved / CROP_SIZE, dtype=np.float32)
