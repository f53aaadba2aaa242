"""Confirmed faces as arrays, for learning. They live in memory only."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from processing import counting, queries, scenes, tables
from processing.counting import BUDGET, Counted
from processing.engine import coverage, filtering
from processing.engine.canonical import CROP_SIZE, hull_mask
from processing.engine.canonical import apply as move
from processing.engine.categories import CONDITIONS, condition_of
from processing.engine.corrections import NONE
from processing.engine.corrections import apply as correct
from processing.engine.pack import decode_crop
from processing.engine.segmentation import decode_mask
from processing.engine.selection import pick
from processing.judging import AT_ONCE, judge, thresholds_of
from processing.models import Face
from processing.tables import Seen
from twinvault.custody import objects
from twinvault.vaults.models import LifeStage
from twinvault.vaults.services import NotAllowed

MINIMUM_FACES = 60
CONDITION_NAMES = tuple(one.name for one in CONDITIONS)
# seconds between one piece of footage and the next, so that a split by time never takes two for one scene
APART = 60.0


class NotEnoughFaces(NotAllowed):
    """Too few faces to learn from. The message is one sentence for the person."""


@dataclass(frozen=True)
class Faces:
    """Aligned crops of one face, N of them, in the order in which they were seen.

    images: uint8 (N, 192, 192, 3) RGB. masks: uint8 (N, 192, 192), 255 on the face. moments: float64 (N,), seconds, rising;
    different footage lies at least a minute apart. landmarks: float32 (N, 468, 2), pixels of the crops. held_out: bool (N,), to
    be tried on and never learned from, nowhere True where that is not known. persons: uint8 (N, 192, 192), 0 where there is
    background and 255 elsewhere, or None where it was not asked for.
    """

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    moments: NDArray[np.float64]
    landmarks: NDArray[np.float32]
    held_out: NDArray[np.bool_]
    persons: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.images)


def empty(count: int) -> Faces:
    """Room for `count` faces."""
    return Faces(
        images=np.zeros((count, CROP_SIZE, CROP_SIZE, 3), np.uint8),
        masks=np.zeros((count, CROP_SIZE, CROP_SIZE), np.uint8),
        moments=np.zeros(count, np.float64),
        landmarks=np.zeros((count, 468, 2), np.float32),
        held_out=np.zeros(count, np.bool_),
    )


@dataclass(frozen=True)
class Chosen:
    """Which kept faces of a life stage a model learns from, in the order in which they were seen, and on which of them it is
    tried: held_out, bool (N,), of any light where none of the right one is held back."""

    faces: Seen
    held_out: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.faces)


def dataset(life_stage: LifeStage, condition: str = "", budget: int = BUDGET) -> Chosen:
    """The faces, up to `budget` of them, that differ most from each other; the same for the same kept faces. Which are held
    out hangs on the footage that they are from alone.

    condition: name of one of categories.CONDITIONS, or "" for all light. No picture is read.
    """
    kept = tables.seen(queries.kept_faces(life_stage))
    if not len(kept):
        return Chosen(kept, np.zeros(0, np.bool_))
    table = tables.joined(kept, ["embedding"])
    right = condition_of(table) == number_of(condition) if condition else None
    if right is not None and not right.any():
        return Chosen(kept.take(right), np.zeros(0, np.bool_))
    rows, held_out = pick(table, kept.shot_names, budget, right)
    return Chosen(kept.take(rows), held_out)


def usual_size(life_stage: LifeStage) -> float | None:
    """How wide a kept face usually is, in pixels: of the footage, or of the crop that is stored of it; None without any."""
    kept = tables.seen(queries.kept_faces(life_stage))
    return min(float(np.nanmedian(tables.joined(kept).size)), CROP_SIZE) if len(kept) else None


def number_of(condition: str) -> int:
    """Its place in categories.CONDITIONS. ValueError if there is none of that name."""
    return CONDITION_NAMES.index(condition)


def label_of(condition: str) -> str:
    """Its words for people; "" for all light."""
    return CONDITIONS[number_of(condition)].label if condition else ""


def face_set(
    life_stage: LifeStage,
    condition: str = "",
    budget: int = BUDGET,
    *,
    corrected: bool = True,
    with_persons: bool = False,
) -> Faces:
    """The chosen faces of a life stage. May be empty.

    corrected: with what was measured to help the pictures of each scene; what is stored stays as it is. with_persons: also the
    masks that tell the person from what is behind.
    """
    chosen = dataset(life_stage, condition, budget)
    found = empty(len(chosen))
    found.held_out[:] = chosen.held_out
    persons = np.full(found.masks.shape, 255, np.uint8) if with_persons else None
    helps = scenes.corrections_of(life_stage, tables.seen(queries.kept_faces(life_stage))) if corrected else {}
    begins, latest, seen = 0.0, None, 0.0
    for (segment, _), (some, table) in zip(
        chosen.faces.by_segment(), tables.each(chosen.faces, ["landmarks", "matrix"]), strict=True
    ):
        if latest not in (None, segment.footage_id):
            begins = seen + APART
        latest = segment.footage_id
        with objects.open_object(segment.pack) as pack:
            for row, place in enumerate(range(some.start, some.stop)):
                faces = chosen.faces
                pack.seek(int(faces.offsets[place]))
                picture = decode_crop(pack.read(int(faces.lengths[place])))
                found.images[place] = correct(picture, helps.get((segment.id, int(faces.shots[place])), NONE))
                if persons is not None and faces.mask_lengths[place]:
                    mask = decode_mask(pack.read(int(faces.mask_lengths[place])))
                    persons[place] = cv2.resize(mask, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_LINEAR)
                found.landmarks[place] = move(table.matrix[row], table.landmarks[row])[:, :2]
                found.masks[place] = hull_mask(found.landmarks[place], CROP_SIZE)
                found.moments[place] = seen = begins + float(table.time[row])
    return replace(found, persons=persons)


def subject_embeddings(life_stage: LifeStage) -> NDArray[np.float32]:
    """Embeddings of the kept faces that have one: float32 (M, 128)."""
    embeddings = tables.joined(tables.seen(queries.kept_faces(life_stage)), ["embedding"]).embedding
    return np.asarray(embeddings[np.isfinite(embeddings).all(axis=1)], np.float32)


def duplicates_left(life_stage: LifeStage) -> int:
    """Pairs of near duplicates among the chosen faces, by the vault's own thresholds.

    Two faces that both are kept by hand are no such pair: a person wanted them both. One that is kept by hand and one that is
    not are: the other one should have gone.
    """
    chosen = dataset(life_stage).faces
    if not len(chosen):
        return 0
    table = tables.joined(chosen, ["landmarks", "matrix"])
    thresholds = thresholds_of(life_stage.subject.vault)
    by_hand = filtering.duplicate_pairs(table.rows(chosen.by_hand), thresholds)
    return filtering.duplicate_pairs(table, thresholds) - by_hand


def wanted(life_stage: LifeStage) -> NDArray[np.float32] | None:
    """float32 (9, 5): how much each look is lacked, as `coverage.wanted` tells; None while no face is kept. One small read."""
    found = counting.counted(life_stage)
    return coverage.wanted(found.coverage) if found and found.kept else None


def fresh(life_stage: LifeStage) -> Counted | None:
    """What the faces amount to now; counted again only where others are kept than were counted."""
    if counting.is_up_to_date(life_stage):
        return counting.counted(life_stage)
    return counting.count_again(life_stage, thresholds_of(life_stage.subject.vault))


def bring_up_to_date(life_stage: LifeStage) -> None:
    """Counts again what is kept now: here where that is quick, else in a job."""
    if counting.of_subject(life_stage).count() <= AT_ONCE:
        fresh(life_stage)
    else:
        judge(life_stage)


def require_enough(life_stage: LifeStage, condition: str = "") -> int:
    """How many faces may be learned from. NotEnoughFaces, with what to do about it, below MINIMUM_FACES, or for a condition below
    coverage.FACES_FOR_OWN_MODEL."""
    name = life_stage.subject.name
    needed = coverage.FACES_FOR_OWN_MODEL if condition else MINIMUM_FACES
    if condition:
        found = fresh(life_stage)
        count = found.conditions[condition] if found else 0
    else:
        count = queries.kept_faces(life_stage).count()
    if count >= needed:
        return count
    where = f"{name} in {label_of(condition)}" if condition else name
    raise NotEnoughFaces(
        f"There are {count} faces of {where} to learn from at the life stage “{life_stage.name}”, and {needed} are needed"
        f"{f': {needed - count} more' if condition else ''}. {_what_to_do(life_stage, count, needed, condition)}"
    )


def _what_to_do(life_stage: LifeStage, count: int, needed: int, condition: str) -> str:
    waiting = Face.objects.filter(state=Face.State.PENDING, track__segment__footage__life_stage=life_stage).count()
    if waiting and count + waiting >= needed:
        return f"{waiting} more wait until somebody says on the faces page who they are."
    if condition:
        return f"Add a clip in {label_of(condition)}, or let a twin learn from all light together."
    name = life_stage.subject.name
    return f"Add footage in which {name} is seen from near, sharp and well lit, and says or does different things."
