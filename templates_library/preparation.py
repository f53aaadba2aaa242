"""What is done once for a template, so that films only encode, decode and blend: its face is followed through every frame, and
what lies round it is measured.

What is kept of it (`Track`, npz) and the crops to learn from (the pack) are encrypted objects of the revision. The film is
decoded twice, first to follow the face, then, once its course is known, to measure and to cut crops; no picture is held longer
than a frame.
"""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from itertools import islice
from uuid import UUID

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from processing.datasets import APART, Faces, empty
from processing.engine.analysis import AnalysisSettings, analyse
from processing.engine.canonical import CROP_SIZE, apply, hull_mask, warp
from processing.engine.decoding import read_frames
from processing.engine.filtering import Reason, judge, subject_tracks, track_embeddings
from processing.engine.identity import group
from processing.engine.media import MediaError
from processing.engine.pack import DescriptorTable, PackWriter, decode_crop, tabulate
from processing.engine.scenery import Scenery, SceneryMeter, dump_scenery, load_scenery
from processing.engine.tracking import fill_gaps, join_track, smooth_landmarks
from templates_library.models import TemplateRevision
from templates_library.queries import withdrawn_sentence
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.custody.models import StoredObject
from twinvault.jobs.services import JobRefused

# Version of what is kept. A revision prepared by an older one is prepared again by itself, and is used as it is until then: what
# it lacks is None in its track, and measured by whoever needs it. 2: times of frames, and the scenery.
PREPARATION = 2
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
    (N,), seconds. in_crop: float32 (N, 468, 2), landmarks as they were seen, in the pixels of the crop. times: float64 (T,),
    seconds of each frame, and scenery: what was measured round the face, both None where the preparation is older.
    """

    landmarks: NDArray[np.float32]
    present: NDArray[np.bool_]
    embeddings: NDArray[np.float32]
    offset: NDArray[np.int64]
    length: NDArray[np.int64]
    moment: NDArray[np.float64]
    in_crop: NDArray[np.float32]
    times: NDArray[np.float64] | None = None
    scenery: Scenery | None = None

    @property
    def seen(self) -> NDArray[np.float32]:
        """The landmarks with NaN where the face is absent."""
        return np.where(self.present[:, None, None], self.landmarks, np.nan).astype(np.float32)


def prepare_revision(revision_id: UUID, work) -> None:
    """Job handler: prepares an approved revision. Running it again replaces what was prepared.

    1. A revision that is not approved, or withdrawn, is not prepared.
    2. Every frame is looked at. Whoever is seen most and largest is the actor; their tracks are joined, gaps filled, and
    smoothed. 3. Every frame is read once more: light, grain and shots round the face are measured, and crops worth learning from
    are
       written into an encrypted pack.
    4. The track goes into another object; one UPDATE makes the revision ready.

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
        course = _follow(seen, revision.rate)
        with objects.ObjectWriter(revision.content.keyring, "pack") as writer:
            track = _measure(revision, seen, course, writer.write, work)
    except (MediaError, NoUsableFace) as error:
        _fail(revision, str(error), "unreadable" if isinstance(error, MediaError) else "no usable face")
        raise JobRefused(str(error)) from error
    try:
        _finish(revision, track, writer.stored)
    except BaseException:
        objects.erase(writer.stored)
        raise


def _refuse_if_withdrawn(revision: TemplateRevision) -> None:
    revision.template.refresh_from_db(fields=["withdrawn_at"])
    if revision.template.withdrawn_at:
        raise JobRefused(withdrawn_sentence(revision.template))


@dataclass(frozen=True)
class _Seen:
    """Every face of a film, a row of the table each. times: float64 (T,), seconds of every frame of the film."""

    table: DescriptorTable
    times: NDArray[np.float64]


# so many faces are held as objects before they become rows
_FACES_AT_ONCE = 256


def _look(revision: TemplateRevision, work) -> _Seen:
    times: list[float] = []

    def progress(seconds: float, share: float) -> None:
        times.append(seconds)
        if work.report(0.8 * share, f"Following the face in {revision.template.title}"):
            _refuse_if_withdrawn(revision)

    tables: list[DescriptorTable] = []
    with objects.open_object(revision.content) as source:
        faces = analyse(source, AnalysisSettings(every_frame=True, masks=False), progress)
        bare = (replace(face, crop=face.crop[:0].copy()) for face in faces)
        while some := list(islice(bare, _FACES_AT_ONCE)):
            tables.append(tabulate(some))
    if not tables:
        raise NoUsableFace(
            "No face was found in this template: send a film in which one person is seen from near and in good light."
        )
    return _Seen(DescriptorTable.joined(tables), np.array(times))


@dataclass(frozen=True)
class _Course:
    """The actor over the whole film. learned: rows of the table, one a frame in their order, of the crops to learn from."""

    landmarks: NDArray[np.float32]
    present: NDArray[np.bool_]
    embeddings: NDArray[np.float32]
    learned: DescriptorTable


def _follow(seen: _Seen, rate: float) -> _Course:
    rows = _rows_of_actor(seen.table)
    if len(rows) < FEWEST_FRAMES:
        raise NoUsableFace(
            f"The face of this template is seen in {len(rows)} frames only, and {FEWEST_FRAMES} are needed: "
            "send a film in which one person is seen from near and in good light."
        )
    table = seen.table.rows(rows)
    points, present = join_track(table.frame_index.tolist(), list(table.landmarks), len(seen.times))
    _, there = fill_gaps(points, present, rate)
    return _Course(
        landmarks=smooth_landmarks(points, present, rate),
        present=there,
        embeddings=table.embedding[np.isfinite(table.embedding).all(axis=1)],
        learned=table.rows(_worth_learning(table)),
    )


def _measure(revision: TemplateRevision, seen: _Seen, course: _Course, write: Callable[[bytes], object], work) -> Track:
    """Reads every frame once more. Crops to learn from are given to `write`."""
    frames, learned = len(seen.times), course.learned
    row_of = {int(index): row for row, index in enumerate(learned.frame_index)}
    landmarks = np.where(course.present[:, None, None], course.landmarks, np.nan).astype(np.float32)
    meter = SceneryMeter(landmarks, revision.rate, _cuts(seen.table, frames))
    pack = PackWriter(write)
    places: list[tuple[int, int]] = []
    with objects.open_object(revision.content) as source:
        for frame in read_frames(source):
            if work.report(0.8 + 0.18 * min(1.0, frame.index / frames), f"Measuring the light in {revision.template.title}"):
                _refuse_if_withdrawn(revision)
            meter.add(frame.image)
            if frame.index in row_of:
                places.append(pack.add(warp(frame.image, learned.matrix[row_of[frame.index]], CROP_SIZE)))
    return Track(
        landmarks=course.landmarks,
        present=course.present,
        embeddings=course.embeddings,
        offset=np.array([offset for offset, _ in places], np.int64),
        length=np.array([length for _, length in places], np.int64),
        moment=learned.time,
        in_crop=np.stack([apply(matrix, face)[:, :2] for matrix, face in zip(learned.matrix, learned.landmarks, strict=True)]),
        times=seen.times,
        scenery=meter.finish(),
    )


def _cuts(table: DescriptorTable, frames: int) -> NDArray[np.int32]:
    """The number of the shot of each frame, as far as faces tell: a frame without any belongs to the shot before."""
    shots = np.zeros(frames, np.int32)
    shots[table.frame_index] = table.shot
    return np.maximum.accumulate(shots)


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
    """`sentence` is for the person; `reason`, a word, is for the record, which holds no content. What an older preparation made
    of the revision stays in use."""
    with transaction.atomic():
        TemplateRevision.objects.filter(id=revision.id, track=None).update(
            preparation=TemplateRevision.Preparation.FAILED, preparation_error=sentence[:500]
        )
        record("template could not be prepared", target=revision, reason=reason)


def _finish(revision: TemplateRevision, track: Track, pack: StoredObject) -> None:
    with transaction.atomic():
        current = (
            TemplateRevision.objects.select_for_update(of=("self",))
            .select_related("template", "track", "pack")
            .get(id=revision.id)
        )
        if current.template.withdrawn_at:
            raise JobRefused(withdrawn_sentence(current.template))
        old = [current.track, current.pack]
        current.pack = pack
        current.track = objects.store(revision.content.keyring, "track", dump_track(track))
        current.frames = len(track.present)
        current.faces = int(track.present.sum())
        current.preparation, current.prepared_by = TemplateRevision.Preparation.READY, PREPARATION
        current.preparation_error = ""
        current.save(update_fields=["pack", "track", "frames", "faces", "preparation", "prepared_by", "preparation_error"])
        for stored in old:
            objects.erase(stored)
        record("template prepared", target=revision, frames=current.frames, faces=current.faces)


_ARRAYS = [field.name for field in fields(Track) if field.name != "scenery"]
_SCENERY = "scenery_"


def dump_track(track: Track) -> bytes:
    """As .npz; `load_track` reads it. Arrays that are None are left out."""
    arrays = {name: getattr(track, name) for name in _ARRAYS if getattr(track, name) is not None}
    if track.scenery is not None:
        arrays |= {_SCENERY + name: array for name, array in dump_scenery(track.scenery).items()}
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    return content.getvalue()


def load_track(revision: TemplateRevision) -> Track:
    """What was prepared of a revision whose preparation is ready."""
    if revision.track is None:
        raise ValueError(f"{revision} is not prepared")
    with np.load(io.BytesIO(objects.read(revision.track)), allow_pickle=False) as stored:
        around = {name.removeprefix(_SCENERY): stored[name] for name in stored.files if name.startswith(_SCENERY)}
        arrays = {name: stored[name] for name in _ARRAYS if name in stored.files}
    return Track(**arrays, scenery=load_scenery(around) if around else None)


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
