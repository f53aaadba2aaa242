"""Confirmed faces as arrays, for learning. They live in memory only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from processing import queries
from processing.engine.canonical import CROP_SIZE, apply, hull_mask
from processing.engine.pack import decode_crop, load_descriptors
from processing.judging import by_segment
from processing.models import Face, Segment
from twinvault.custody import objects
from twinvault.vaults.models import LifeStage
from twinvault.vaults.services import NotAllowed

MINIMUM_FACES = 60
# seconds between one piece of footage and the next, so that a split by time never takes two for one scene
APART = 60.0


class NotEnoughFaces(NotAllowed):
    """Too few faces to learn from. The message is one sentence for the person."""


@dataclass(frozen=True)
class Faces:
    """Aligned crops of one face, N of them, in the order in which they were seen.

    images: uint8 (N, 192, 192, 3) RGB. masks: uint8 (N, 192, 192), 255 on the face. moments: float64 (N,), seconds, rising;
    different footage lies at least a minute apart. landmarks: float32 (N, 468, 2), pixels of the crops.
    """

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    moments: NDArray[np.float64]
    landmarks: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.images)


def empty(count: int) -> Faces:
    """Room for `count` faces."""
    return Faces(
        images=np.zeros((count, CROP_SIZE, CROP_SIZE, 3), np.uint8),
        masks=np.zeros((count, CROP_SIZE, CROP_SIZE), np.uint8),
        moments=np.zeros(count, np.float64),
        landmarks=np.zeros((count, 468, 2), np.float32),
    )


def face_set(life_stage: LifeStage) -> Faces:
    """The kept faces of all footage of a life stage. May be empty."""
    grouped = _kept_by_segment(life_stage)
    faces = empty(sum(map(len, grouped.values())))
    place, begins, seen = 0, 0.0, 0.0
    latest = None
    for segment, rows in grouped.items():
        if latest is not None and latest.footage_id != segment.footage_id:
            begins = seen + APART
        latest = segment
        table = load_descriptors(objects.read(segment.descriptors))
        with objects.open_object(segment.pack) as pack:
            for face in rows:
                pack.seek(face.offset)
                faces.images[place] = decode_crop(pack.read(face.length))
                faces.landmarks[place] = apply(table.matrix[face.row], table.landmarks[face.row])[:, :2]
                faces.masks[place] = hull_mask(faces.landmarks[place], CROP_SIZE)
                faces.moments[place] = seen = begins + float(table.time[face.row])
                place += 1
    return faces


def subject_embeddings(life_stage: LifeStage) -> NDArray[np.float32]:
    """Embeddings of the kept faces that have one: float32 (M, 128)."""
    found = [np.zeros((0, 128), np.float32)]
    for segment, rows in _kept_by_segment(life_stage).items():
        embeddings = load_descriptors(objects.read(segment.descriptors)).embedding[[face.row for face in rows]]
        found.append(embeddings[np.isfinite(embeddings).all(axis=1)])
    return np.concatenate(found).astype(np.float32)


def _kept_by_segment(life_stage: LifeStage) -> dict[Segment, list[Face]]:
    related = "track__segment__pack__keyring", "track__segment__descriptors__keyring"
    return by_segment(list(queries.kept_faces(life_stage).select_related(*related)))


def require_enough(life_stage: LifeStage) -> int:
    """How many faces may be learned from. NotEnoughFaces, with what to do about it, below MINIMUM_FACES."""
    count = queries.kept_faces(life_stage).count()
    if count >= MINIMUM_FACES:
        return count
    name = life_stage.subject.name
    waiting = Face.objects.filter(state=Face.State.PENDING, track__segment__footage__life_stage=life_stage).count()
    if count + waiting >= MINIMUM_FACES:
        advice = f"{waiting} more wait until somebody says on the faces page who they are."
    else:
        advice = f"Add footage in which {name} is seen from near, sharp and well lit, and says or does different things."
    raise NotEnoughFaces(
        f"There are {count} faces of {name} to learn from at the life stage “{life_stage.name}”, and {MINIMUM_FACES} are needed. "
        + advice
    )
