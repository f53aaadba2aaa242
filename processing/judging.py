"""Which faces of the subject may be learned from. Judged life stage by life stage, since near duplicates are.

Only measures are read that were taken when the footage was looked at: after a change of thresholds nothing is looked at again.
"""

from uuid import UUID

import numpy as np

from processing.engine.filtering import Thresholds, Verdict
from processing.engine.filtering import judge as judge_table
from processing.engine.pack import DescriptorTable, load_descriptors
from processing.models import Face, Person, Segment
from twinvault.custody import objects
from twinvault.jobs.services import JobRefused, enqueue
from twinvault.vaults.models import LifeStage, Vault
from twinvault.vaults.services import is_locked

JUDGE = "judge_faces"
# judged while a person waits for the page; more are judged by a worker
AT_ONCE = 3000
ROWS_AN_UPDATE = 5000
BY_HAND = "by_hand"


def judge(life_stage: LifeStage, *, by=None) -> None:
    """Judges the subject's faces of a life stage: now where that is quick, else in a job. Call in a transaction.

    In a sealed safe nothing can be read: it is done when that is opened.
    """
    if is_locked(life_stage.subject.vault):
        return
    if _of_subject(life_stage).count() <= AT_ONCE:
        judge_now(life_stage)
    else:
        vault = life_stage.subject.vault
        enqueue(JUDGE, life_stage.id, queue="cpu", title=f"Choose faces of “{life_stage.name}”", vault=vault, user=by)


def judge_what_waited(vault: Vault, by) -> None:
    """What `judge` could not do while the safe was sealed."""
    for life_stage in vault.subject.life_stages.all():
        judge(life_stage, by=by)


def judge_faces(life_stage_id: UUID, work) -> None:
    """Job handler: see `judge`."""
    life_stage = LifeStage.objects.select_related("subject__vault__keyring__archive").filter(id=life_stage_id).first()
    if life_stage is None:
        raise JobRefused("This life stage was removed before its faces could be chosen.")
    if is_locked(life_stage.subject.vault):
        raise JobRefused("The safe is sealed: its faces are chosen when its owner next unseals it.")
    work.report(0.1, "Comparing faces")
    judge_now(life_stage)


def judge_now(life_stage: LifeStage) -> None:
    """Writes what changes and nothing else. What a person decided by hand stays: what was taken out is nobody's original."""
    faces = list(_of_subject(life_stage).exclude(by_hand=True, state=Face.State.REJECTED).order_by("track__segment_id", "row"))
    if not faces:
        return
    changes: dict[tuple[str, str], list[int]] = {}
    for face, verdict in zip(faces, _verdicts(faces), strict=True):
        after = (Face.State.KEPT, "") if verdict.kept else (Face.State.REJECTED, str(verdict.reason))
        if not face.by_hand and (face.state, face.reason) != after:
            changes.setdefault(after, []).append(face.id)
    for (state, reason), ids in changes.items():
        for start in range(0, len(ids), ROWS_AN_UPDATE):
            Face.objects.filter(id__in=ids[start : start + ROWS_AN_UPDATE]).update(state=state, reason=reason)


def _of_subject(life_stage: LifeStage):
    return Face.objects.filter(
        offset__gte=0, track__person__who=Person.Who.SUBJECT, track__segment__footage__life_stage=life_stage
    ).select_related("track__segment__descriptors__keyring")


def _verdicts(faces: list[Face]) -> list[Verdict]:
    """One for each face; a face that a person wants is the first of those that look alike."""
    tables = []
    for segment, some in by_segment(faces).items():
        table = load_descriptors(objects.read(segment.descriptors)).rows([face.row for face in some])
        wanted = np.array([face.by_hand for face in some])
        table.sharpness[wanted] = np.inf
        tables.append(table)
    return judge_table(DescriptorTable.joined(tables), Thresholds())


def by_segment(faces: list[Face]) -> dict[Segment, list[Face]]:
    """Faces with `track.segment` loaded -> {segment: its faces}, order kept."""
    grouped: dict[Segment, list[Face]] = {}
    for face in faces:
        grouped.setdefault(face.track.segment, []).append(face)
    return grouped
