"""What is done once for a template, so that films only encode, decode and blend: its faces are followed through every frame, and
what lies round them is measured.

Whoever is seen well and long enough has a role. What is kept of it (`Track`, npz), the crops to learn from (the pack) and a
portrait are encrypted objects. The film is decoded twice, first to follow the faces, then, once their courses are known, to
measure and to cut crops; no picture is held longer than a frame.
"""

import io
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
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
from processing.engine.holding import name_shot, split_by_shot
from processing.engine.identity import group
from processing.engine.media import MediaError
from processing.engine.pack import DescriptorTable, PackWriter, decode_crop, tabulate
from processing.engine.scenery import Scenery, SceneryMeter, dump_scenery, load_scenery
from processing.engine.tracking import fill_gaps, join_track, smooth_landmarks
from templates_library.models import TemplateRevision, TemplateRole
from templates_library.poster import as_jpeg
from templates_library.queries import withdrawn_sentence
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.custody.models import StoredObject
from twinvault.jobs.services import JobRefused

# Version of what is kept. A revision prepared by an older one is prepared again by itself, and is used as it is until then: what
# it lacks is None in its track, and measured by whoever needs it. 2: times of frames, and the scenery. 3: everybody's role.
PREPARATION = 3
FEWEST_FRAMES = 24
FEWEST_TO_LEARN = 600
MOST_TO_LEARN = 1500  # of all roles together
MOST_ROLES = 4
# who is seen less than this beside whoever leads, in frames times the face's size, passes by and has no role
LEAST_BESIDE_LEAD = 0.1


class NoUsableFace(ValueError):
    """The template shows nobody well enough. The message is one sentence for the person."""


@dataclass(frozen=True)
class Track:
    """The face of a role, over all T frames of the template's film, and the N crops of it that are learned from.

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
        return _seen(self.landmarks, self.present)


def _seen(landmarks: NDArray[np.float32], present: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.where(present[:, None, None], landmarks, np.nan).astype(np.float32)


def prepare_revision(revision_id: UUID, work) -> None:
    """Job handler: prepares an approved revision. Running it again replaces what was prepared.

    1. A revision that is not approved, or withdrawn, is not prepared.
    2. Every frame is looked at. Whoever is seen most and largest leads, and others who are seen well have a role too; the tracks
       of each are joined, gaps filled, and smoothed.
    3. Every frame is read once more: light, grain and shots round each face are measured, and crops worth learning from are
       written into an encrypted pack.
    4. The tracks go into objects of their own; one transaction makes the revision ready.

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
        courses = _follow(seen, revision.rate)
        with ExitStack() as packs:
            writers = [packs.enter_context(objects.ObjectWriter(revision.content.keyring, "pack")) for _ in courses]
            measured = _measure(revision, seen, courses, [writer.write for writer in writers], work)
    except (MediaError, NoUsableFace) as error:
        _fail(revision, str(error), "unreadable" if isinstance(error, MediaError) else "no usable face")
        raise JobRefused(str(error)) from error
    packed = [writer.stored for writer in writers]
    try:
        _finish(revision, measured, packed)
    except BaseException:
        for stored in packed:
            objects.erase(stored)
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


_NOBODY = "No face was found in this template: send a film in which one person is seen from near and in good light."
# so many faces are held as objects before they become rows
_FACES_AT_ONCE = 256


def _look(revision: TemplateRevision, work) -> _Seen:
    times: list[float] = []

    def progress(seconds: float, share: float) -> None:
        times.append(seconds)
        if work.report(0.8 * share, f"Following the faces in {revision.template.title}"):
            _refuse_if_withdrawn(revision)

    tables: list[DescriptorTable] = []
    with objects.open_object(revision.content) as source:
        faces = analyse(source, AnalysisSettings(every_frame=True, masks=False), progress)
        bare = (replace(face, crop=face.crop[:0].copy()) for face in faces)
        while some := list(islice(bare, _FACES_AT_ONCE)):
            tables.append(tabulate(some))
    if not tables:
        raise NoUsableFace(_NOBODY)
    return _Seen(DescriptorTable.joined(tables), np.array(times))


@dataclass(frozen=True)
class _Course:
    """One person over the whole film. learned: rows of the table, one a frame in their order, of the crops to learn from."""

    landmarks: NDArray[np.float32]
    present: NDArray[np.bool_]
    embeddings: NDArray[np.float32]
    learned: DescriptorTable


def _follow(seen: _Seen, rate: float) -> list[_Course]:
    """Whoever leads, and others who are seen well enough. Raises NoUsableFace if nobody is fit to lead."""
    people = _people(seen.table)
    if not people:
        raise NoUsableFace(_NOBODY)
    courses = [_course(seen, people[0], rate)]
    for rows in people[1:]:
        with suppress(NoUsableFace):
            courses.append(_course(seen, rows, rate))
    most = MOST_TO_LEARN // len(courses)
    return [replace(course, learned=course.learned.rows(_spread(len(course.learned), most))) for course in courses]


def _course(seen: _Seen, rows: NDArray[np.intp], rate: float) -> _Course:
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


@dataclass(frozen=True)
class _Measured:
    """portrait: JPEG of the crop in which the face looks most into the camera."""

    track: Track
    portrait: bytes


class _RoleMeter:
    """What is measured of one role while the film is read. Crops to learn from are given to `write`."""

    def __init__(self, course: _Course, shots: NDArray[np.int32], rate: float, write: Callable[[bytes], object]) -> None:
        self._course, self._pack = course, PackWriter(write)
        self._meter = SceneryMeter(_seen(course.landmarks, course.present), rate, shots)
        learned = course.learned
        self._row_of = {int(index): row for row, index in enumerate(learned.frame_index)}
        self._shown = int(np.argmin(np.abs(learned.yaw) + np.abs(learned.pitch)))
        self._places: list[tuple[int, int]] = []
        self._portrait = b""

    def add(self, index: int, image: NDArray[np.uint8]) -> None:
        self._meter.add(image)
        row = self._row_of.get(index)
        if row is None:
            return
        crop = warp(image, self._course.learned.matrix[row], CROP_SIZE)
        self._places.append(self._pack.add(crop))
        if row == self._shown:
            self._portrait = as_jpeg(crop)

    def finish(self, times: NDArray[np.float64]) -> _Measured:
        course, learned = self._course, self._course.learned
        in_crop = [apply(matrix, face)[:, :2] for matrix, face in zip(learned.matrix, learned.landmarks, strict=True)]
        track = Track(
            landmarks=course.landmarks,
            present=course.present,
            embeddings=course.embeddings,
            offset=np.array([offset for offset, _ in self._places], np.int64),
            length=np.array([length for _, length in self._places], np.int64),
            moment=learned.time,
            in_crop=np.stack(in_crop),
            times=times,
            scenery=self._meter.finish(),
        )
        return _Measured(track, self._portrait)


def _measure(
    revision: TemplateRevision, seen: _Seen, courses: Sequence[_Course], write: Sequence[Callable[[bytes], object]], work
) -> list[_Measured]:
    """Reads every frame once more."""
    frames = len(seen.times)
    shots = _cuts(seen.table, frames)
    meters = [_RoleMeter(course, shots, revision.rate, each) for course, each in zip(courses, write, strict=True)]
    with objects.open_object(revision.content) as source:
        for frame in read_frames(source):
            if work.report(0.8 + 0.18 * min(1.0, frame.index / frames), f"Measuring the light in {revision.template.title}"):
                _refuse_if_withdrawn(revision)
            for meter in meters:
                meter.add(frame.index, frame.image)
    return [meter.finish(seen.times) for meter in meters]


def _cuts(table: DescriptorTable, frames: int) -> NDArray[np.int32]:
    """The number of the shot of each frame, as far as faces tell: a frame without any belongs to the shot before."""
    shots = np.zeros(frames, np.int32)
    shots[table.frame_index] = table.shot
    return np.maximum.accumulate(shots)


def _people(table: DescriptorTable) -> list[NDArray[np.intp]]:
    """For each person, whoever is seen most and largest first, the rows that show them, one a frame, in the order of frames.
    At most MOST_ROLES, none that passes by."""
    tracks, means, _ = track_embeddings(table)
    seen = {track: float(table.size[table.track == track].sum()) for track in tracks}
    left = dict(zip(tracks, group(means).tolist(), strict=True))
    people: list[NDArray[np.intp]] = []
    least = 0.0
    while left and len(people) < MOST_ROLES:
        weights: dict[int, float] = {}
        for track, label in left.items():
            weights[label] = weights.get(label, 0.0) + seen[track]
        heaviest = max(weights, key=weights.__getitem__)
        if weights[heaviest] < least:
            break
        least = least or LEAST_BESIDE_LEAD * weights[heaviest]
        mine = {track for track, label in left.items() if label == heaviest}
        known = table.embedding[np.isin(table.track, list(mine))]
        # complete linkage is strict: a shot in profile may stand apart, and is near enough to one of the others
        mine |= subject_tracks(table, known[np.isfinite(known).all(axis=1)]) & left.keys()
        people.append(_one_a_frame(table, mine))
        left = {track: label for track, label in left.items() if track not in mine}
    return people


def _one_a_frame(table: DescriptorTable, tracks: set[int]) -> NDArray[np.intp]:
    """Rows of these tracks in the order of frames, the largest of each frame."""
    rows = np.flatnonzero(np.isin(table.track, list(tracks)))
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
    return good[_spread(len(good), MOST_TO_LEARN)]


def _spread(count: int, most: int) -> NDArray[np.intp]:
    """At most `most` of `count` places, evenly."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.intp))


def _fail(revision: TemplateRevision, sentence: str, reason: str) -> None:
    """`sentence` is for the person; `reason`, a word, is for the record, which holds no content. What an older preparation made
    of the revision stays in use."""
    with transaction.atomic():
        TemplateRevision.objects.filter(id=revision.id, roles=None).update(
            preparation=TemplateRevision.Preparation.FAILED, preparation_error=sentence[:500]
        )
        record("template could not be prepared", target=revision, reason=reason)


def _finish(revision: TemplateRevision, measured: Sequence[_Measured], packs: Sequence[StoredObject]) -> None:
    keyring = revision.content.keyring
    with transaction.atomic():
        current = TemplateRevision.objects.select_for_update(of=("self",)).select_related("template").get(id=revision.id)
        if current.template.withdrawn_at:
            raise JobRefused(withdrawn_sentence(current.template))
        former = {role.number: role for role in current.roles.select_related("track", "pack", "portrait")}
        old = [stored for role in former.values() for stored in (role.track, role.pack, role.portrait)]
        for number, (one, pack) in enumerate(zip(measured, packs, strict=True)):
            # films refer to roles: the row of a number stays, and leads before as after
            role = former.pop(number, None) or TemplateRole(revision=current, number=number)
            role.track, role.pack = objects.store(keyring, "track", dump_track(one.track)), pack
            role.portrait = objects.store(keyring, "portrait", one.portrait, "image/jpeg")
            role.faces = int(one.track.present.sum())
            role.save()
        for role in former.values():
            role.delete()
        current.frames = len(measured[0].track.present)
        current.preparation, current.prepared_by = TemplateRevision.Preparation.READY, PREPARATION
        current.preparation_error = ""
        current.save(update_fields=["frames", "preparation", "prepared_by", "preparation_error"])
        for stored in old:
            objects.erase(stored)
        record("template prepared", target=revision, frames=current.frames, roles=len(measured))


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


def load_track(role: TemplateRole) -> Track:
    """What was prepared of a role."""
    with np.load(io.BytesIO(objects.read(role.track)), allow_pickle=False) as stored:
        around = {name.removeprefix(_SCENERY): stored[name] for name in stored.files if name.startswith(_SCENERY)}
        arrays = {name: stored[name] for name in _ARRAYS if name in stored.files}
    return Track(**arrays, scenery=load_scenery(around) if around else None)


def library_face_set(revisions: Iterable[TemplateRevision]) -> Faces:
    """The faces of all roles of prepared revisions, one role after the other, at least a minute apart in `moments`.

    Which are held out hangs on the template and the role alone, so that they are the same for every base and twin that learns
    with it; those in a pause round them are left out.
    """
    roles = TemplateRole.objects.filter(revision__in=[revision.id for revision in revisions])
    roles = roles.select_related("revision", "track__keyring", "pack__keyring")
    opened = []
    for role in roles.order_by("revision__created_at", "revision", "number"):
        track = load_track(role)
        name = np.full(len(track.moment), name_shot(role.revision.template_id, role.number), np.uint64)
        opened.append((role, track, split_by_shot(name, track.moment)))
    faces = empty(sum(int((split.learn | split.held).sum()) for _, _, split in opened))
    place, begins = 0, 0.0
    for role, track, split in opened:
        with objects.open_object(role.pack) as pack:
            for row in np.flatnonzero(split.learn | split.held):
                pack.seek(int(track.offset[row]))
                faces.images[place] = decode_crop(pack.read(int(track.length[row])))
                faces.masks[place] = hull_mask(track.in_crop[row], CROP_SIZE)
                faces.landmarks[place] = track.in_crop[row]
                faces.moments[place] = begins + track.moment[row]
                faces.held_out[place] = split.held[row]
                place += 1
        begins += float(track.moment[-1]) + APART
    return faces
