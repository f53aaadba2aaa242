"""What would help the pictures of each scene: measured on a few kept faces of a shot, kept encrypted, applied to copies only.

What was measured stays valid while the same faces of the scene speak for it, so new footage costs its own scenes and no others.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from uuid import UUID

import numpy as np

from processing import counting, queries, tables
from processing.engine.corrections import NONE, SAMPLES, Corrections, apply, measure
from processing.engine.pack import decode_crop, encode_crop
from processing.models import Face, Segment
from processing.tables import Seen
from twinvault.custody import objects
from twinvault.jobs.services import JobRefused, JobStopped
from twinvault.vaults.consents import has_consent
from twinvault.vaults.models import LifeStage
from twinvault.vaults.services import is_locked

MEASURE = "measure_corrections"


@dataclass(frozen=True)
class Scene:
    """One shot of one segment. rows: of the segment's table, the faces that speak for it, rising."""

    segment: UUID
    shot: int
    rows: tuple[int, ...]


def measure_corrections(life_stage_id: UUID, work) -> None:
    """Job handler: measures what would help each scene of a life stage, where that is not known yet.

    It keeps nobody from sealing the safe or from withdrawing a consent: it ends then, and is asked for again when the safe is
    opened, or somebody consents anew.
    """
    life_stage = LifeStage.objects.select_related("subject__vault__keyring").filter(id=life_stage_id).first()
    if life_stage is None:
        raise JobRefused("This life stage was removed before its pictures could be measured.")
    vault = life_stage.subject.vault

    def measured(share: float) -> None:
        work.report(share, "Looking at the light")
        if is_locked(vault) or not has_consent(life_stage.subject, life_stage):
            raise JobStopped

    if has_consent(life_stage.subject, life_stage) and not is_locked(vault):
        corrections_of(life_stage, tables.seen(queries.kept_faces(life_stage)), measured)


def stored(life_stage: LifeStage) -> dict[Scene, Corrections]:
    """What was measured so far, also where nothing helps."""
    row = counting.rows_of(life_stage)
    if row is None or row.corrections is None:
        return {}
    scenes = json.loads(objects.read(row.corrections))
    return {
        Scene(UUID(segment), shot, tuple(rows)): Corrections(**found) if found else NONE for segment, shot, rows, found in scenes
    }


def corrections_of(
    life_stage: LifeStage, kept: Seen, progress: Callable[[float], object] = lambda _share: None
) -> dict[tuple[UUID, int], Corrections]:
    """(segment, shot) -> what helps its faces, for every scene of the kept faces. What is not known is measured, and kept."""
    known = stored(life_stage)
    scenes = dict(_scenes(kept))
    found = {scene: known[scene] for scene in scenes if scene in known}
    fresh = [scene for scene in scenes if scene not in known]
    for number, scene in enumerate(fresh):
        progress(number / len(fresh))
        found[scene] = _measure(kept.take(scenes[scene]))
    if found != known:
        rows = [
            [str(scene.segment), scene.shot, scene.rows, None if helps == NONE else asdict(helps)]
            for scene, helps in found.items()
        ]
        counting.keep(life_stage, "corrections", json.dumps(rows).encode())
    return {(scene.segment, scene.shot): helps for scene, helps in found.items()}


def _scenes(kept: Seen) -> Iterator[tuple[Scene, np.ndarray]]:
    """Each scene of some faces, and the places of the faces that speak for it, intp, rising."""
    numbers = kept.scenes
    order = np.argsort(numbers, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1) if len(kept) else []:
        some = members[np.unique(np.linspace(0, len(members) - 1, min(SAMPLES, len(members))).round().astype(int))]
        segment = kept.segments[kept.segment[some[0]]]
        yield Scene(segment.id, int(kept.shots[some[0]]), tuple(kept.rows[some].tolist())), some


def _measure(some: Seen) -> Corrections:
    """some: faces of one scene."""
    segment = some.segments[0]
    with objects.open_object(segment.pack) as pack:
        crops = []
        for offset, length in zip(some.offsets.tolist(), some.lengths.tolist(), strict=True):
            pack.seek(offset)
            crops.append(decode_crop(pack.read(length)))
    return measure(np.stack(crops), tables.joined(some, ["landmarks", "matrix"]))


def corrected(face: Face, picture: bytes) -> bytes:
    """The face's picture as a model would learn from it, JPEG; the same bytes where nothing helps. `track.segment` is loaded."""
    segment = face.track.segment
    for scene, helps in stored(segment.footage.life_stage).items():
        if (scene.segment, scene.shot) == (segment.id, face.track.shot) and helps != NONE:
            return encode_crop(apply(decode_crop(picture), helps))
    return picture


@dataclass(frozen=True)
class Help:
    """One kind of correction where it helps. films: pieces of footage. face: one that shows it best, or None if it is gone."""

    label: str
    why: str
    films: int
    face: Face | None


def helps(life_stage: LifeStage) -> list[Help]:
    """What was measured to help, the kind that helps most footage first. Two queries and a small read."""
    found: dict[tuple[str, str], list[tuple[float, Scene]]] = {}
    for scene, corrections in stored(life_stage).items():
        for label, why, size in _kinds(corrections):
            found.setdefault((label, why), []).append((size, scene))
    segments = {scene.segment for those in found.values() for _, scene in those}
    footage = dict(Segment.objects.filter(id__in=segments).values_list("id", "footage_id"))
    best = {kind: max(those, key=lambda one: one[0])[1] for kind, those in found.items()}
    faces = _faces_of(best.values())
    shown = []
    for kind, those in found.items():
        films = {footage[scene.segment] for _, scene in those if scene.segment in footage}
        shown.append(Help(*kind, len(films), faces.get(best[kind])))
    return sorted((one for one in shown if one.films), key=lambda one: (-one.films, one.label))


def _faces_of(scenes: Iterable[Scene]) -> dict[Scene, Face]:
    """The face in the middle of those that speak for each scene, where its picture is still there. One query."""
    row_of = {scene: scene.rows[len(scene.rows) // 2] for scene in scenes}
    segments = {scene.segment for scene in row_of}
    there = Face.objects.filter(offset__gte=0, track__segment__in=segments, row__in=set(row_of.values()))
    faces = {(face.track.segment_id, face.row): face for face in there.select_related("track")}
    return {scene: faces[scene.segment, row] for scene, row in row_of.items() if (scene.segment, row) in faces}


def _kinds(found: Corrections) -> Iterator[tuple[str, str, float]]:
    """(label, why, how much) of each correction that is made."""
    if (found.red, found.green, found.blue) != (1.0, 1.0, 1.0):
        cast = math.log(found.blue / found.red)
        yield "White balance", "warm light, as of a lamp" if cast > 0 else "cool light, as of the evening", abs(cast)
    if found.exposure != 1.0:
        yield "Exposure", "too dark" if found.exposure > 1 else "too bright", abs(math.log(found.exposure))
    if found.denoise:
        yield "Less noise", "grainy pictures", found.denoise
    if found.sharpen:
        yield "Sharpening", "soft pictures", found.sharpen
