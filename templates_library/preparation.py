"""What is done once for a template, so that films only encode, decode and blend: its face is followed through every frame.

What is kept of it (`Track`, npz) and the crops to learn from (the pack) are encrypted objects of the revision.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from uuid import UUID

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from processing.datasets import APART, Faces, empty
from processing.engine.analysis import AnalysisSettings, FaceObservation, analyse
from processing.engine.canonical import CROP_SIZE, apply, hull_mask
from processing.engine.filtering import Reason, judge, subject_tracks, track_embeddings
from processing.engine.identity import group
from processing.engine.media import MediaError
from processing.engine.pack import DescriptorTable, PackWriter, decode_crop, tabulate
from processing.engine.tracking import fill_gaps, join_track, smooth_landmarks
from templates_library.models import TemplateRevision
from templates_library.queries import withdrawn_sentence
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.jobs.services import JobRefused

FEWEST_FRAMES = 24
FEWEST_TO_LEARN = 600
MOST_TO_LEARN = 1500


class NoUsableFace(ValueError):
    """The template shows nobody well enough. The message is one sentence for the person."""


@dataclass(frozen=True)
class Track:
    """The face of a template, over all T frames of its film, and the N crops of it that are learned from.

    landmarks: float32 (T, 468, 3), pixels, smoothed; zeros where absent. present: bool (T,), gaps of up to a second filled.
    embeddings: float32 (M, 128), of the actor. offset, length: int64 (N,), bytes of each crop in the pack. moment: float64
    (N,), seconds. in_crop: float32 (N, 468, 2), landmarks as they were seen, in the pixels of the crop.
    """

    landmarks: NDArray[np.float32]
    present: NDArray[np.bool_]
    embeddings: NDArray[np.float32]
    offset: NDArray[np.int64]
    length: NDArray[np.int64]
    moment: NDArray[np.float64]
    in_crop: NDArray[np.float32]


def prepare_revision(revision_id: UUID, work) -> None:
    """Job handler: prepares an approved revision. Running it again replaces what was prepared.

    1. A revision that is not approved, or withdrawn, is not prepared.
    2. Every frame is looked at; crops are kept, encoded, in memory until it is known whose they are.
    3. Whoever is seen most and largest is the actor; their tracks are joined, gaps filled, and smoothed.
    4. Crops worth learning from go into an encrypted pack, the track into another object; one UPDATE makes the revision ready.

    Where nobody is seen well enough, the revision says so and cannot be ordered. JobRefused says the same.
    """
    revision = TemplateRevision.objects.select_related("template", "content__keyring").filter(id=revision_id).first()
    if revision is None:
        raise JobRefused("This template was removed before it could be prepared.")
    if revision.approved_at is None:
        raise JobRefused("A template is prepared once the board has approved it.")
    _refuse_if_withdrawn(revision)
    try:
        seen = _look(revision, work)
        track, crops = _follow(seen, revision.rate)
    except (MediaError, NoUsableFace) as error:
        _fail(revision, str(error), "unreadable" if isinstance(error, MediaError) else "no usable face")
        raise JobRefused(str(error)) from error
    _finish(revision, track, crops)


def _refuse_if_withdrawn(revision: TemplateRevision) -> None:
    revision.template.refresh_from_db(fields=["withdrawn_at"])
    if revision.template.withdrawn_at:
        raise JobRefused(withdrawn_sentence(revision.template))


@dataclass(frozen=True)
class _Seen:
    """Every face of a film: a row of the table and a JPEG each. frames: of the film, counted."""

    table: DescriptorTable
    crops: list[bytes]
    frames: int


def _look(revision: TemplateRevision, work) -> _Seen:
    frames = 0

    def progress(_seconds: float, share: float) -> None:
        nonlocal frames
        frames += 1
        if work.report(0.95 * share, f"Following the face in {revision.template.title}"):
            _refuse_if_withdrawn(revision)

    found: list[FaceObservation] = []
    crops: list[bytes] = []
    pack = PackWriter(crops.append)
    with objects.open_object(revision.content) as source:
        for face in analyse(source, AnalysisSettings(every_frame=True, masks=False), progress):
            pack.add(face.crop)
            found.append(replace(face, crop=face.crop[:0].copy()))
    if not found:
        raise NoUsableFace(
            "No face was found in this template: send a film in which one person is seen from near and in good light."
        )
    return _Seen(tabulate(found), crops, frames)


def _follow(seen: _Seen, rate: float) -> tuple[Track, list[bytes]]:
    """The actor's track over the whole film, and the crops that its rows of `offset` and `length` speak of, in order."""
    rows = _rows_of_actor(seen.table)
    if len(rows) < FEWEST_FRAMES:
        raise NoUsableFace(
            f"The face of this template is seen in {len(rows)} frames only, and {FEWEST_FRAMES} are needed: "
            "send a film in which one person is seen from near and in good light."
        )
    table = seen.table.rows(rows)
    points, present = join_track(table.frame_index.tolist(), list(table.landmarks), seen.frames)
    _, there = fill_gaps(points, present, rate)
    chosen = _worth_learning(table)
    learned = table.rows(chosen)
    crops = [seen.crops[row] for row in rows[chosen]]
    length = np.array([len(crop) for crop in crops], np.int64)
    known = table.embedding[np.isfinite(table.embedding).all(axis=1)]
    track = Track(
        landmarks=smooth_landmarks(points, present, rate),
        present=there,
        embeddings=known,
        offset=np.cumsum(length) - length,
        length=length,
        moment=learned.time,
        in_crop=np.stack([apply(matrix, face)[:, :2] for matrix, face in zip(learned.matrix, learned.landmarks, strict=True)]),
    )
    return track, crops


def _rows_of_actor(table: DescriptorTable) -> NDArray[np.intp]:
    """Rows that show whoever is seen most and largest, one a frame, in the order of frames."""
    tracks, means = track_embeddings(table)
    labels = group(means)
    weight = np.zeros(int(labels.max()) + 1)
    for track, label in zip(tracks, labels, strict=True):
        weight[label] += float(table.size[table.track == track].sum())
    mine = [track for track, label in zip(tracks, labels, strict=True) if label == weight.argmax()]
    known = table.embedding[np.isin(table.track, mine)]
    # complete linkage is strict: a shot in profile may stand apart, and is near enough to one of the others
    mine = sorted(set(mine) | subject_tracks(table, known[np.isfinite(known).all(axis=1)]))
    rows = np.flatnonzero(np.isin(table.track, mine))
    largest_first = rows[np.lexsort((-table.size[rows], table.frame_index[rows]))]
    _, first = np.unique(table.frame_index[largest_first], return_index=True)
    return largest_first[first]


def _worth_learning(table: DescriptorTable) -> NDArray[np.intp]:
    """Rows to learn from, spread over the film: good ones that differ, and where these are few, those that look alike too."""
    reasons = np.array([verdict.reason for verdict in judge(table)], dtype=object)
    good = np.flatnonzero(reasons == Reason.KEPT)
    if len(good) < FEWEST_TO_LEARN:
        good = np.flatnonzero((reasons == Reason.KEPT) | (reasons == Reason.NEAR_DUPLICATE))
    if len(good) < FEWEST_FRAMES:
        raise NoUsableFace(
            "The face of this template is too small, too dark, blurred, or turned away in nearly all frames: "
            "send a film in which one person is seen from near and in good light."
        )
    return good[np.unique(np.linspace(0, len(good) - 1, min(len(good), MOST_TO_LEARN)).round().astype(int))]


def _fail(revision: TemplateRevision, sentence: str, reason: str) -> None:
    """`sentence` is for the person; `reason`, a word, is for the record, which holds no content."""
    with transaction.atomic():
        TemplateRevision.objects.filter(id=revision.id).update(
            preparation=TemplateRevision.Preparation.FAILED, preparation_error=sentence[:500]
        )
        record("template could not be prepared", target=revision, reason=reason)


def _finish(revision: TemplateRevision, track: Track, crops: list[bytes]) -> None:
    keyring = revision.content.keyring
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **{field.name: getattr(track, field.name) for field in fields(Track)})
    with transaction.atomic():
        current = (
            TemplateRevision.objects.select_for_update(of=("self",))
            .select_related("template", "track", "pack")
            .get(id=revision.id)
        )
        if current.template.withdrawn_at:
            raise JobRefused(withdrawn_sentence(current.template))
        old = [current.track, current.pack]
        with objects.ObjectWriter(keyring, "pack") as pack:
            for crop in crops:
                pack.write(crop)
        current.pack = pack.stored
        current.track = objects.store(keyring, "track", content.getvalue())
        current.frames = len(track.present)
        current.faces = int(track.present.sum())
        current.preparation = TemplateRevision.Preparation.READY
        current.preparation_error = ""
        current.save(update_fields=["pack", "track", "frames", "faces", "preparation", "preparation_error"])
        for stored in old:
            objects.erase(stored)
        record("template prepared", target=revision, frames=current.frames, faces=current.faces)


def load_track(revision: TemplateRevision) -> Track:
    """What was prepared of a revision whose preparation is ready."""
    if revision.track is None:
        raise ValueError(f"{revision} is not prepared")
    with np.load(io.BytesIO(objects.read(revision.track)), allow_pickle=False) as stored:
        return Track(**{field.name: stored[field.name] for field in fields(Track)})


def library_face_set(revisions: Iterable[TemplateRevision]) -> Faces:
    """The actors' faces of prepared revisions, one template after the other, at least a minute apart in `moments`."""
    opened = [(revision, load_track(revision)) for revision in revisions]
    faces = empty(sum(len(track.offset) for _, track in opened))
    place, begins = 0, 0.0
    for revision, track in opened:
        with objects.open_object(revision.pack) as pack:
            for offset, length, moment, points in zip(
                track.offset.tolist(), track.length.tolist(), track.moment.tolist(), track.in_crop, strict=True
            ):
                pack.seek(offset)
                faces.images[place] = decode_crop(pack.read(length))
                faces.masks[place] = hull_mask(points, CROP_SIZE)
                faces.landmarks[place] = points
                faces.moments[place] = begins + moment
                place += 1
        begins += float(track.moment[-1]) + APART
    return faces
