"""Whose face goes into whose film: pairs of clips, seen and followed by the same engine as in a vault."""

from __future__ import annotations

import hashlib
import io
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from generator.engine.faceset import FaceSet, FaceSetError, build_faceset
from processing.engine.analysis import AnalysisSettings, FaceObservation, analyse
from processing.engine.canonical import CROP_SIZE, apply
from processing.engine.filtering import Reason, judge, track_embeddings
from processing.engine.holding import name_shot, split_by_shot
from processing.engine.identity import group
from processing.engine.media import MediaError, probe
from processing.engine.pack import DescriptorTable, dump_descriptors, load_descriptors, tabulate
from processing.engine.tracking import fill_gaps, join_track, smooth_landmarks
from worker.bench.clips import Clip, clips
from worker.bench.keeping import keep
from worker.bench.rows import tell

# without FOOTAGE: the demo's two clips, in both directions; the other samples only teach the base
SAMPLES = ("franck", "cap13_edit2")
# seconds: how much of a clip is learned from as a subject, and followed frame by frame as a template
SUBJECT_SECONDS, TEMPLATE_SECONDS = 200.0, 20.0
# seconds under which a subject's clip is looked at frame by frame, too: there is little enough of it
SHORT = 30.0
# one person fills a clip: seen in so many of its frames, so large, and somebody else in so few
SEEN, LARGE, OTHERS = 0.8, 96.0, 0.1
FEWEST, MOST = 60, 1500
# pairs that are tried with every seed and network unless otherwise asked: the samples' in both directions
FULL = 2


@dataclass(frozen=True)
class Seen:
    """The main person of a clip. table: a row a face, one a frame, in their order. crops: uint8 (N, 192, 192, 3). frames: how
    many were looked at. others: in how many of them somebody else was seen who is half as large or more."""

    table: DescriptorTable
    crops: NDArray[np.uint8]
    frames: int
    others: int

    @property
    def embeddings(self) -> NDArray[np.float32]:
        known = self.table.embedding
        return known[np.isfinite(known).all(axis=1)]

    @property
    def fills(self) -> bool:
        """Whether it is a film of one person, seen from near."""
        shown, large = len(self.table) >= SEEN * self.frames, float(np.median(self.table.size)) >= LARGE
        return shown and large and self.others <= OTHERS * self.frames and len(self.embeddings) > 0


@cache
def look(clip: Clip, closely: bool) -> Seen | None:
    """Whoever is seen most and largest; None if nobody is. closely: every frame, as a template is looked at."""
    described = f"{closely} {TEMPLATE_SECONDS} {SUBJECT_SECONDS}".encode() + clip.content
    data = keep("seen", described, lambda: _dumped(_look(clip, closely)))
    if not data:
        return None
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        table = load_descriptors(stored["table"].tobytes())
        return Seen(table, stored["crops"], int(stored["frames"]), int(stored["others"]))


def _dumped(seen: Seen | None) -> bytes:
    if seen is None:
        return b""
    target = io.BytesIO()
    table = np.frombuffer(dump_descriptors(seen.table), np.uint8)
    np.savez(target, allow_pickle=False, table=table, crops=seen.crops, frames=seen.frames, others=seen.others)
    return target.getvalue()


def _look(clip: Clip, closely: bool) -> Seen | None:
    frames = 0

    def looked(_seconds: float, _share: float) -> None:
        nonlocal frames
        frames += 1

    settings = AnalysisSettings(every_frame=closely, masks=False)
    end = TEMPLATE_SECONDS if closely else SUBJECT_SECONDS
    faces: list[FaceObservation] = list(analyse(clip.open(), settings, looked, end=end))
    crops = np.stack([face.crop for face in faces]) if faces else np.zeros((0, CROP_SIZE, CROP_SIZE, 3), np.uint8)
    table = tabulate(replace(face, crop=face.crop[:0].copy()) for face in faces)
    tracks, means, _ = track_embeddings(table)
    if not tracks:
        return None
    people = group(means)
    weight = np.bincount(people, [table.size[table.track == track].sum() for track in tracks])
    mine = [track for track, person in zip(tracks, people, strict=True) if person == weight.argmax()]
    rows = np.flatnonzero(np.isin(table.track, mine))
    rows = rows[np.lexsort((-table.size[rows], table.frame_index[rows]))]
    rows = rows[np.unique(table.frame_index[rows], return_index=True)[1]]
    other = ~np.isin(table.track, mine) & (table.size >= np.median(table.size[rows]) / 2)
    return Seen(table.rows(rows), crops[rows], frames, len(np.unique(table.frame_index[other])))


def worth_learning(seen: Seen, shot: int) -> FaceSet:
    """The faces that a training sees, 192 px: good ones that differ, and where these are few, those that look alike too.

    shot: of `name_shot`, for the whole clip. What is held out of a clip is the same in every training, a base's as a twin's.
    """
    reasons = np.array([verdict.reason for verdict in judge(seen.table)], dtype=object)
    good = np.flatnonzero(reasons == Reason.KEPT)
    if len(good) < 10 * FEWEST:
        good = np.flatnonzero((reasons == Reason.KEPT) | (reasons == Reason.NEAR_DUPLICATE))
    good = good[np.unique(np.linspace(0, len(good) - 1, min(len(good), MOST)).round().astype(int))] if len(good) else good
    split = split_by_shot(np.full(len(good), shot, np.uint64), seen.table.time[good])
    used = split.learn | split.held
    good, held_out = good[used], split.held[used]
    table = seen.table.rows(good)
    points = [apply(matrix, face)[:, :2] for matrix, face in zip(table.matrix, table.landmarks, strict=True)]
    return build_faceset(seen.crops[good], np.array(points, np.float32).reshape(-1, 468, 2), table.time, CROP_SIZE, held_out)


def joined(sets: list[FaceSet]) -> FaceSet:
    """One set after the other, a minute apart."""
    moments, begins = [], 0.0
    for faces in sets:
        moments.append(begins + faces.moments)
        begins = float(moments[-1].max()) + 60.0
    parts = [[getattr(faces, name) for faces in sets] for name in ("images", "masks", "features", "openings", "held_out")]
    images, masks, features, openings, held_out = (np.concatenate(part) for part in parts)
    return FaceSet(images, masks, np.concatenate(moments), features, openings, held_out)


@dataclass(frozen=True)
class Scene:
    """A clip as a template, ready to be rendered. landmarks: float32 (T, 468, 3) px, smoothed, NaN without a face."""

    content: bytes
    landmarks: NDArray[np.float32]
    rate: float
    width: int
    height: int

    @property
    def present(self) -> NDArray[np.bool_]:
        return np.isfinite(self.landmarks).all(axis=(1, 2))

    def start(self, seconds: float) -> Scene:
        """Its first seconds."""
        return replace(self, landmarks=self.landmarks[: max(1, round(seconds * self.rate))])


class Cast:
    """A clip of one person, in either role."""

    def __init__(self, clip: Clip) -> None:
        self.clip = clip

    def __repr__(self) -> str:
        return self.clip.name

    @cached_property
    def _shot(self) -> int:
        return name_shot(hashlib.sha256(self.clip.content).hexdigest())

    @cached_property
    def as_subject(self) -> Seen:
        seen = look(self.clip, probe(self.clip.open()).seconds < SHORT)
        assert seen is not None
        return seen

    @cached_property
    def as_actor(self) -> Seen:
        seen = look(self.clip, True)
        assert seen is not None
        return seen

    @cached_property
    def subject_faces(self) -> FaceSet:
        return worth_learning(self.as_subject, self._shot)

    @cached_property
    def actor_faces(self) -> FaceSet:
        return worth_learning(self.as_actor, self._shot)

    @cached_property
    def scene(self) -> Scene:
        info, table, frames = probe(self.clip.open()), self.as_actor.table, self.as_actor.frames
        points, present = join_track(table.frame_index.tolist(), list(table.landmarks), frames)
        _, there = fill_gaps(points, present, info.rate)
        smooth = smooth_landmarks(points, present, info.rate)
        smooth[~there] = np.nan
        return Scene(self.clip.content, smooth, info.rate, info.width, info.height)


@dataclass(frozen=True)
class Pair:
    """The subject's face goes into the actor's film. others: clips that do not show the subject, the actor's among them."""

    subject: Cast
    actor: Cast
    others: tuple[Cast, ...]

    def __str__(self) -> str:
        return f"{self.subject} in {self.actor}"

    @property
    def slug(self) -> str:
        """For the names of files."""
        return str(self).replace(" ", "-")


def usable(clip: Clip) -> Cast | None:
    """The clip in both roles, if one person fills it; if not, that is told, and the others do."""
    try:
        seen = look(clip, True)
        if seen is None or not seen.fills or len(seen.table) < FEWEST:
            tell(f"{clip.name} is left out: it is not filled by one person, seen from near")
            return None
        cast = Cast(clip)
        tell(f"{clip.name}: {len(cast.subject_faces)} faces as a subject, {len(cast.actor_faces)} as an actor")
        return cast
    except (MediaError, FaceSetError) as error:
        tell(f"{clip.name} is left out: {error}")
        return None


@cache
def pairs() -> list[Pair]:
    """Ordered pairs of different people. Without FOOTAGE those of SAMPLES; with it, of every clip that one person fills."""
    cast = [one for clip in clips() if (one := usable(clip)) is not None]
    means = [one.as_actor.embeddings.mean(axis=0) for one in cast]
    person = group(np.stack(means)) if means else np.zeros(0, int)
    same = {(a, b): person[i] == person[j] for i, a in enumerate(cast) for j, b in enumerate(cast)}
    chosen = cast
    if not os.environ.get("FOOTAGE"):
        chosen = sorted((one for one in cast if one.clip.name in SAMPLES), key=lambda one: SAMPLES.index(one.clip.name))
    found = [
        Pair(a, b, tuple(other for other in cast if not same[a, other]))
        for a, b in itertools.permutations(chosen, 2)
        if not same[a, b]
    ]
    if not found:
        raise SystemExit("A twin needs two clips of different people, each filled by one; these are none.")
    return found


def chosen_pairs(wanted: str) -> Iterator[tuple[Pair, bool]]:
    """(pair, whether with all seeds).

    wanted: "" for all pairs, of which the first FULL with all seeds; "all" for all with all; "first" for the first alone; or
    names, "subject:actor,...", with all seeds.
    """
    every = pairs()
    names = {f"{pair.subject}:{pair.actor}": pair for pair in every}
    if wanted in ("", "all", "first"):
        for number, pair in enumerate(every[:1] if wanted == "first" else every):
            yield pair, wanted == "all" or number < FULL
        return
    for name in wanted.split(","):
        if name not in names:
            raise SystemExit(f"There is no pair {name}. There are: {', '.join(names)}.")
        yield names[name], True
