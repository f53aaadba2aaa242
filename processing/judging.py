"""Which faces of the subject may be learned from. Judged life stage by life stage, since near duplicates are.

Only measures are read that were taken when the footage was looked at: after a change of thresholds nothing is looked at again.
"""

from collections.abc import Mapping
from uuid import UUID

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from processing import counting, tables
from processing.engine.bounds import BoundError, moved, thresholds_with, within
from processing.engine.duplicates import Looks, find_distinct, looks
from processing.engine.filtering import Reason, Thresholds, faults
from processing.models import Face, Judging
from processing.scenes import MEASURE
from processing.tables import Seen
from twinvault.audit.record import record
from twinvault.jobs.services import JobRefused, enqueue
from twinvault.vaults.consents import has_consent, require_consent, why_none
from twinvault.vaults.models import LifeStage, Vault
from twinvault.vaults.services import NotAllowed, is_locked, require_unlocked

JUDGE = "judge_faces"
# judged while a person waits for the page; more are judged by a worker
AT_ONCE = 3000
ROWS_AN_UPDATE = 5000
BY_HAND = "by_hand"


def thresholds_of(vault: Vault) -> Thresholds:
    """By what the faces of a vault are judged: the usual bounds, and those that its family moved."""
    row = Judging.objects.filter(vault_id=vault.id).first()
    return thresholds_with(within(row.thresholds)) if row else Thresholds()


@transaction.atomic
def set_thresholds(vault: Vault, changes: Mapping[str, float | None], by) -> Thresholds:
    """Moves some bounds, by their names in `Thresholds`; None puts one back. All faces of the vault are judged again by what
    was measured of them, and nothing is looked at again. NotAllowed, in one sentence, for what makes no sense."""
    Vault.objects.select_for_update().get(id=vault.id)
    require_consent(vault.subject)
    require_unlocked(vault)
    before = thresholds_of(vault)
    wanted = moved(before) | dict(changes)
    try:
        after = thresholds_with({name: value for name, value in wanted.items() if value is not None})
    except BoundError as error:
        raise NotAllowed(str(error)) from error
    if after == before:
        return before
    Judging.objects.update_or_create(vault=vault, defaults={"thresholds": moved(after)})
    record("thresholds changed", actor=by, vault_id=vault.id, target=vault, **moved(after))
    for life_stage in LifeStage.objects.filter(subject__vault=vault).select_related("subject__vault__keyring"):
        judge(life_stage, by=by)
    return after


def judge(life_stage: LifeStage, *, by=None) -> None:
    """Judges the subject's faces of a life stage: now where that is quick, else in a job. Call in a transaction.

    What would help the pictures of those that are kept is measured later, by a worker. In a sealed safe nothing can be read:
    it is done when that is opened, and what was counted is forgotten, for it may be of faces that are gone.
    """
    vault = life_stage.subject.vault
    if is_locked(vault):
        counting.forget(life_stage)
        return
    if counting.of_subject(life_stage).count() > AT_ONCE:
        enqueue(JUDGE, life_stage.id, queue="cpu", title=f"Choose faces of “{life_stage.name}”", vault=vault, user=by)
    else:
        _judge_and_measure(life_stage)


def judge_what_waited(vault: Vault, by) -> None:
    """What `judge` could not do while the safe was sealed, or no consent was in force."""
    for life_stage in vault.subject.life_stages.all():
        judge(life_stage, by=by)


def judge_faces(life_stage_id: UUID, work) -> None:
    """Job handler: see `judge`."""
    life_stage = LifeStage.objects.select_related("subject__vault__keyring__archive").filter(id=life_stage_id).first()
    if life_stage is None:
        raise JobRefused("This life stage was removed before its faces could be chosen.")
    vault = life_stage.subject.vault
    if not has_consent(life_stage.subject, life_stage):
        raise JobRefused(why_none(life_stage.subject, life_stage))
    if is_locked(vault):
        raise JobRefused("The safe is sealed: its faces are chosen when its owner next unseals it.")
    work.report(0.1, "Comparing faces")
    _judge_and_measure(life_stage)


def _judge_and_measure(life_stage: LifeStage) -> None:
    if judge_now(life_stage):
        title = f"See what would help the faces of “{life_stage.name}”"
        enqueue(MEASURE, life_stage.id, queue="cpu", title=title, vault=life_stage.subject.vault)


def judge_now(life_stage: LifeStage) -> bool:
    """Writes what changes and nothing else; whether any face is kept. What a person decided by hand stays.

    1. Every face is compared with the bounds.
    2. The near duplicates of a face that a person wants, and then those of a sharper one, are put aside.
    3. What is kept is counted.
    """
    seen = tables.seen(counting.of_subject(life_stage))
    if not len(seen):
        counting.forget(life_stage)
        return False
    thresholds = thresholds_of(life_stage.subject.vault)
    table = tables.joined(seen, ["embedding"])
    reasons = faults(table, thresholds)
    good = np.flatnonzero((reasons == Reason.KEPT) & ~seen.by_hand)
    order = good[np.argsort(-table.sharpness[good], kind="stable")]
    different = _different(seen, order, np.flatnonzero(seen.by_hand), thresholds)
    reasons[order[~different]] = Reason.NEAR_DUPLICATE
    reasons[seen.by_hand] = Reason.KEPT
    _write(seen, reasons)
    counting.count(life_stage, seen, table, np.asarray(reasons == Reason.KEPT, np.bool_), thresholds)
    return bool((reasons == Reason.KEPT).any())


def _different(seen: Seen, order: NDArray[np.intp], wanted: NDArray[np.intp], thresholds: Thresholds) -> NDArray[np.bool_]:
    """bool, one for each of `order`: like none before it, and like none of those that are wanted anyway."""
    found = _looks(seen, np.concatenate([wanted, order]))
    known = Looks(found.shapes[: len(wanted)], found.hashes[: len(wanted)])
    others = Looks(found.shapes[len(wanted) :], found.hashes[len(wanted) :])
    return find_distinct(others, thresholds.duplicate_shape, thresholds.duplicate_bits, known if len(known) else None)


def _looks(seen: Seen, places: NDArray[np.intp]) -> Looks:
    """The looks of some faces, in the order of `places`; the landmarks of one segment are in memory at a time."""
    target = np.full(len(seen), -1)
    target[places] = np.arange(len(places))
    found = Looks(np.empty((len(places), 468, 2), np.int32), np.empty(len(places), np.uint64))
    for some, table in tables.each(seen, ["landmarks", "matrix"]):
        to = target[some]
        part = looks(table.rows(to >= 0))
        found.shapes[to[to >= 0]] = part.shapes
        found.hashes[to[to >= 0]] = part.hashes
    return found


def _write(seen: Seen, reasons: NDArray[np.object_]) -> None:
    changes: dict[tuple[str, str], list[int]] = {}
    for face, before, reason in zip(seen.ids.tolist(), seen.states, reasons.tolist(), strict=True):
        after = (Face.State.REJECTED, str(reason)) if reason else (Face.State.KEPT, "")
        if before != after:
            changes.setdefault(after, []).append(face)
    for (state, reason), ids in changes.items():
        for start in range(0, len(ids), ROWS_AN_UPDATE):
            Face.objects.filter(id__in=ids[start : start + ROWS_AN_UPDATE]).update(state=state, reason=reason)
