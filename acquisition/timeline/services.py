"""What a person says of when footage was filmed, of one piece or of thousands; and taking the last of it back.

Access was checked by the gate before any of them is called. A sealed vault lets dates be said: nothing of the footage is read.
"""

from collections.abc import Callable
from datetime import date, time
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from acquisition.dates import Changes, place, propose, set_when, spans
from acquisition.dating import Dating, Precision, Source
from acquisition.models import Footage, TimelineChange
from twinvault.audit.record import record
from twinvault.vaults.ages import stage_at
from twinvault.vaults.models import LifeStage, Vault

# guesses are made anew, so why they were made is not kept
KEPT = ("life_stage_id", "stage_source", "filmed_on", "filmed_to", "filmed_time", "filmed_precision", "filmed_source")
READ_BACK = {
    "life_stage_id": UUID,
    "filmed_on": date.fromisoformat,
    "filmed_to": date.fromisoformat,
    "filmed_time": time.fromisoformat,
}


def set_date(vault: Vault, rows: QuerySet[Footage], day: date, precision: Precision, *, by) -> int:
    """A person's word on when it was filmed; it moves to the stage of life of that date where no person chose one. How many."""
    known = spans(vault.subject)

    def say(row: Footage) -> None:
        set_when(row, Dating(day, precision, Source.PERSON))
        place(row, known)

    return _change(vault, rows, say, "footage dated", by)


def set_stage(vault: Vault, rows: QuerySet[Footage], stage: LifeStage, *, by) -> int:
    """A person's word on which stage of life it shows, whatever its date says. How many."""

    def say(row: Footage) -> None:
        row.life_stage, row.stage_source = stage, Footage.StageSource.PERSON
        if row.filmed_source != Source.GUESS:
            row.guessed_because = ""

    return _change(vault, rows, say, "footage put into a life stage", by)


def confirm(vault: Vault, rows: QuerySet[Footage], *, by) -> int:
    """A person says that what was guessed is so. How many guesses that were."""
    known = spans(vault.subject)

    def say(row: Footage) -> None:
        if row.filmed_source == Source.GUESS:
            row.filmed_source = Source.PERSON.value
        if row.stage_source == Footage.StageSource.GUESS:
            by_date = row.filmed_on is not None and stage_at(known, row.filmed_on, row.filmed_to) == (row.life_stage, True)
            row.stage_source = Footage.StageSource.DATE if by_date else Footage.StageSource.PERSON
        row.guessed_because = ""

    return _change(vault, rows, say, "guessed dates confirmed", by)


def move(vault: Vault, rows: QuerySet[Footage], *, by) -> int:
    """Puts it where its date says, also what a person had put elsewhere. How many moved."""
    known = spans(vault.subject)

    def say(row: Footage) -> None:
        if row.filmed_on is not None and stage_at(known, row.filmed_on, row.filmed_to)[0] is not None:
            row.stage_source = Footage.StageSource.DATE
            place(row, known)

    return _change(vault, rows, say, "footage moved by its date", by)


@transaction.atomic
def _change(vault: Vault, rows: QuerySet[Footage], say: Callable[[Footage], None], verb: str, by) -> int:
    """Applies `say` to each row, remembers how they were, and guesses anew around them."""
    Vault.objects.select_for_update().get(id=vault.id)
    changes, were = Changes(), {}
    for row in rows.select_related("life_stage").order_by("id"):
        were[row.id] = _columns(row)
        with changes.of(row):
            say(row)
    if changes.rows:
        changes.save()
        kept = {str(row.id): [were[row.id], _columns(row)] for row in changes.rows}
        TimelineChange.objects.update_or_create(vault=vault, user=by, defaults={"changes": kept, "count": len(kept)})
        record(verb, actor=by, vault_id=vault.id, target=vault, count=len(changes.rows))
        propose(vault)
    return len(changes.rows)


def _columns(row: Footage) -> dict[str, str]:
    return {name: "" if getattr(row, name) is None else str(getattr(row, name)) for name in KEPT}


@transaction.atomic
def take_back(vault: Vault, *, by) -> int:
    """Undoes the last change of this person, where nobody has said otherwise since. How many pieces are as they were."""
    Vault.objects.select_for_update().get(id=vault.id)
    last = TimelineChange.objects.filter(vault=vault, user=by).first()
    if last is None:
        return 0
    stages = {str(stage_id) for stage_id in vault.subject.life_stages.values_list("id", flat=True)}
    restored = Changes()
    for row in vault.footage.all():
        before, after = last.changes.get(str(row.id), (None, None))
        if before is not None and after == _columns(row) and before["life_stage_id"] in stages:
            with restored.of(row):
                for name, value in before.items():
                    read_back = READ_BACK.get(name, str)
                    setattr(row, name, (read_back(value) if value or read_back is str else None))
    restored.save()
    last.delete()
    record("timeline change taken back", actor=by, vault_id=vault.id, target=vault, count=len(restored.rows))
    propose(vault)
    return len(restored.rows)
