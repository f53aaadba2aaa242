"""Which faces are worth learning from, and why the others are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from processing.engine.analysis import FaceObservation
from processing.engine.arrays import Floats
from processing.engine.duplicates import find_distinct, looks, squared_limit
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
    """The table that faces are judged by. A face is put aside where a measure is beyond its bound.

    | field | measure | unit |
    |---|---|---|
    | same_person | median distance of a track's embeddings to the nearest known one of the subject | dlib's space |
    | min_size | side of the standard crop | pixels of the picture |
    | max_yaw, max_pitch | how far the head is turned, to either side | degrees |
    | min_exposure, max_exposure | mean lightness of the face | 0..255 |
    | min_sharpness | a good 480p face has 0.4, the same blurred by 2 pixels of its 192 px crop 0.24 | 0..1 |
    | max_occlusion | share of the face that something hides; both eyes are a quarter | 0..1 |
    | min_score | trust in the landmarks; it falls where something hides the face | 0..1 |
    | duplicate_shape | root mean square by which landmarks differ in the crop: half a pixel of 192 | share of its side |
    | duplicate_bits | bits by which difference hashes differ | of 64 |

    Two faces are near duplicates when their landmarks differ by less than `duplicate_shape` *and* their hashes by
    `duplicate_bits` or fewer: nine in ten frames of a copy of a film, compressed anew or of another size, are within.
    """

    same_person: float = SAME_PERSON
    min_size: float = 56.0
    max_yaw: float = 65.0
    max_pitch: float = 45.0
    min_exposure: float = 32.0
    max_exposure: float = 225.0
    min_sharpness: float = 0.20
    max_occlusion: float = 0.20
    min_score: float = 0.75
    duplicate_shape: float = 0.0025
    duplicate_bits: int = 4


@dataclass(frozen=True)
class Verdict:
    """kept, or put aside for one reason, the first that holds in the order of Reason."""

    kept: bool
    reason: Reason


def judge(
    faces: Sequence[FaceObservation] | DescriptorTable,
    thresholds: Thresholds = Thresholds(),
    subject: Floats | None = None,
    kept: DescriptorTable | None = None,
) -> list[Verdict]:
    """Judge each face, in the order given.

    faces: of one film or of all films of one subject; for several films give tracks that differ. subject: float32
    (K, 128), embeddings known to show the subject, or None if all faces do. A track belongs to the subject if the
    median distance of its embeddings to their nearest known one is under `same_person`; a track without an embedding
    cannot be told and counts as someone else. kept: faces of the same life stage that are kept already; they stay, and
    what looks like one of them is a near duplicate. Among the new ones the sharpest is kept.
    """
    table = faces if isinstance(faces, DescriptorTable) else tabulate(faces)
    reasons = faults(table, thresholds, subject)
    good = np.flatnonzero(reasons == Reason.KEPT)
    reasons[good[~distinct(table.rows(good), thresholds, kept)]] = Reason.NEAR_DUPLICATE
    return [Verdict(reason == Reason.KEPT, Reason(reason)) for reason in reasons]


def faults(table: DescriptorTable, thresholds: Thresholds, subject: Floats | None = None) -> NDArray[np.object_]:
    """object (N,): the Reason of each face but for near duplicates: the first that holds. A measure that is not known, NaN,
    is held against nobody."""
    turned = (np.abs(table.yaw) > thresholds.max_yaw) | (np.abs(table.pitch) > thresholds.max_pitch)
    tests: list[tuple[Reason, NDArray[np.bool_]]] = [
        (Reason.SOMEONE_ELSE, _strangers(table, subject, thresholds.same_person)),
        (Reason.TOO_SMALL, table.size < thresholds.min_size),
        (Reason.EXTREME_POSE, turned),
        (Reason.DARK, table.exposure < thresholds.min_exposure),
        (Reason.BRIGHT, table.exposure > thresholds.max_exposure),
        (Reason.BLURRED, table.sharpness < thresholds.min_sharpness),
        (Reason.OCCLUDED, (table.occlusion > thresholds.max_occlusion) | (table.score < thresholds.min_score)),
    ]
    reasons = np.full(len(table), Reason.KEPT, dtype=object)
    for reason, holds in reversed(tests):
        reasons[holds] = reason
    return reasons


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


def track_embeddings(table: DescriptorTable) -> tuple[list[int], Floats, Floats]:
    """(track numbers, float32 (T, 128) mean embeddings, float32 (T,) faces of each) of the tracks that have any."""
    numbers: list[int] = []
    means: list[Floats] = []
    looks: list[int] = []
    for track in np.unique(table.track):
        faces = table.embedding[table.track == track]
        seen = faces[~np.isnan(faces).any(axis=1)]
        if len(seen):
            numbers.append(int(track))
            means.append(seen.mean(axis=0))
            looks.append(len(faces))
    width = table.embedding.shape[1]
    return numbers, np.array(means, dtype=np.float32).reshape(-1, width), np.array(looks, np.float32)


def distinct(
    table: DescriptorTable, thresholds: Thresholds = Thresholds(), kept: DescriptorTable | None = None
) -> NDArray[np.bool_]:
    """bool (N,): False for faces that look like a sharper one that is True, or like one of `kept`.

    No two faces that are True, and none of them and of `kept`, are near duplicates of each other.
    """
    order = np.argsort(-table.sharpness, kind="stable")
    chosen = np.zeros(len(table), dtype=np.bool_)
    known = None if kept is None or not len(kept) else looks(kept)
    chosen[order] = find_distinct(looks(table).rows(order), thresholds.duplicate_shape, thresholds.duplicate_bits, known)
    return chosen


def duplicate_pairs(table: DescriptorTable, thresholds: Thresholds = Thresholds()) -> int:
    """How many pairs of these faces are near duplicates: each is compared with each, by nothing but the definition."""
    shapes = looks(table).shapes.reshape(len(table), 936).astype(np.int64)
    limit = squared_limit(thresholds.duplicate_shape)
    pairs = 0
    for row in range(len(table) - 1):
        bits = np.bitwise_count(table.dhash[row + 1 :] ^ table.dhash[row])
        alike = row + 1 + np.flatnonzero(bits <= thresholds.duplicate_bits)
        pairs += int((np.square(shapes[alike] - shapes[row]).sum(axis=1) < limit).sum())
    return pairs


def _strangers(table: DescriptorTable, subject: Floats | None, limit: float) -> NDArray[np.bool_]:
    if subject is None:
        return np.zeros(len(table), dtype=np.bool_)
    return ~np.isin(table.track, sorted(subject_tracks(table, subject, limit)))
