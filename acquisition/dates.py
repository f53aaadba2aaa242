"""When footage was filmed, and in which stage of life that puts it.

1. `note_when`, when footage arrives: what its name, its folder and the files beside it say.
2. `date_footage`, when it is looked at: what the tags in it say.
3. `propose`, after each of them: a guess for what lies beside it and has no date.

A person's word is never touched by any of these; nor is a stage of life that a person chose.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import BinaryIO
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from acquisition.dating import Dating, Precision, Source, best, read
from acquisition.dating.datings import last_day
from acquisition.dating.guessing import Guess, Neighbour, guess, series_of
from acquisition.dating.names import of_folder, of_name
from acquisition.dating.sidecars import beginning_of, belongs, name_of
from acquisition.models import Filmed, Footage, Sidecar
from acquisition.moving import choose_anew
from twinvault.vaults.ages import Span, spans_of, stage_at
from twinvault.vaults.models import Subject, Vault

WHEN = ["filmed_on", "filmed_to", "filmed_time", "filmed_precision", "filmed_source"]
COLUMNS = [*WHEN, "life_stage_id", "stage_source", "guessed_because"]
FROM_TAGS = {Source.EXIF, Source.QUICKTIME, Source.XMP, Source.AVI, Source.CONTAINER, Source.DIGITISED}
ROWS_AN_UPDATE = 500


class Changes:
    """What becomes of the columns of many rows, and is then written with one UPDATE for all that change alike."""

    def __init__(self) -> None:
        self.rows: list[Footage] = []
        self._alike: dict[tuple, list[UUID]] = {}
        self._stages: set[UUID] = set()

    @contextmanager
    def of(self, row: Footage) -> Iterator[None]:
        """Notes which columns of a row are others at the end of the block."""
        before = {name: getattr(row, name) for name in COLUMNS}
        yield
        new = tuple((name, getattr(row, name)) for name in COLUMNS if getattr(row, name) != before[name])
        if new:
            self.rows.append(row)
            self._alike.setdefault(new, []).append(row.id)
        if row.life_stage_id != before["life_stage_id"]:
            self._stages |= {row.life_stage_id, before["life_stage_id"]}

    def save(self) -> None:
        for new, ids in self._alike.items():
            for start in range(0, len(ids), ROWS_AN_UPDATE):
                Footage.objects.filter(id__in=ids[start : start + ROWS_AN_UPDATE]).update(**dict(new))
        choose_anew(self._stages)


def date_footage(footage: Footage, source: BinaryIO) -> None:
    """Notes what the tags in the bytes say. `source` is a seekable reader of them, and is left at its beginning."""
    found = read(source, timezone.localdate())
    source.seek(0)
    note_when(footage, found)


@transaction.atomic
def note_when(footage: Footage, found: Iterable[Dating] = ()) -> None:
    """Takes the date that is trusted most of what was found, what is known by now, and what names and sidecars say."""
    # one after the other, as each looks at the others
    Vault.objects.select_for_update().get(id=footage.vault_id)
    row = Footage.objects.select_related("vault__subject", "life_stage").filter(id=footage.id).first()
    if row is None:
        return
    if row.filmed_source != Source.PERSON:
        today = timezone.localdate()
        said = [dating.in_zone(timezone.get_current_timezone()) for dating in found]
        if row.filmed_source in FROM_TAGS:
            said.append(_known(row))
        said += of_name(row.filename, today) + of_folder(row.folder, today) + sidecars_say(row)
        chosen = best(said)
        if chosen:
            changes = Changes()
            with changes.of(row):
                set_when(row, chosen)
                place(row, spans(row.vault.subject))
            changes.save()
    propose(row.vault, around=row)
    footage.refresh_from_db(fields=[*WHEN, "life_stage", "stage_source", "guessed_because"])


def _known(row: Filmed) -> Dating:
    assert row.filmed_on is not None
    return Dating(row.filmed_on, Precision(row.filmed_precision), Source(row.filmed_source), row.filmed_time)


def set_when(row: Filmed, dating: Dating | None) -> None:
    """Writes a date into the columns of a row, which is not saved; None empties them."""
    row.filmed_on, row.filmed_to = (dating.day, dating.last) if dating else (None, None)
    row.filmed_time = dating.at if dating else None
    row.filmed_precision, row.filmed_source = (dating.precision.value, dating.source.value) if dating else ("", "")


def sidecars_say(footage: Footage) -> list[Dating]:
    """What files beside it have said. Nothing where two of a name are of different days, or two pieces of footage share one."""
    near = Sidecar.objects.filter(
        vault=footage.vault_id, folder=footage.folder, filename__startswith=beginning_of(footage.filename)
    )
    fitting = [sidecar for sidecar in near if belongs(name_of(sidecar.filename), footage.filename)]
    own = [sidecar for sidecar in fitting if sidecar.batch == footage.batch]
    if not own and fitting:
        alike = Footage.objects.filter(vault=footage.vault_id, folder=footage.folder, filename=footage.filename)
        own = [] if alike.exclude(id=footage.id).exists() else fitting
    ways = {sidecar.filmed_source: [one for one in own if one.filmed_source == sidecar.filmed_source] for sidecar in own}
    return [_known(alike[0]) for alike in ways.values() if len({one.filmed_on for one in alike}) == 1]


def spans(subject: Subject) -> list[Span]:
    """The days of the stages of life that have bounds."""
    return spans_of(subject.life_stages.all(), subject.born, subject.born_on)


def place(row: Footage, known: list[Span]) -> None:
    """Puts a dated row into the stage of life of its date, unless a person chose one; the row is not saved."""
    if row.filmed_source != Source.GUESS:
        row.guessed_because = ""
    if row.stage_source == Footage.StageSource.PERSON or row.filmed_on is None:
        return
    stage, certain = stage_at(known, row.filmed_on, row.filmed_to)
    if stage is not None:
        row.life_stage = stage
    row.stage_source = Footage.StageSource.DATE if certain else Footage.StageSource.GUESS
    # a guessed date makes a guessed stage, and has said why
    if row.filmed_source == Source.GUESS:
        row.stage_source = Footage.StageSource.GUESS
    elif stage is None:
        row.guessed_because = "Its date lies in no stage of life."
    elif not certain:
        row.guessed_because = "Its date is not exact enough to tell two stages of life apart."


@transaction.atomic
def propose(vault: Vault, around: Footage | None = None) -> None:
    """Guesses anew for what has no date of its own: in the whole vault, or only for what lies near a piece of footage."""
    rows = list(_near(vault, around).select_related("life_stage"))
    guesses = guess(_neighbour(row) for row in rows)
    stages = _stages_around(rows)
    known, first = spans(vault.subject), vault.subject.life_stages.first()
    changes = Changes()
    for row in rows:
        if row.filmed_source in ("", Source.GUESS):
            with changes.of(row):
                _guess(row, guesses.get(row.id), known, stages.get(row.folder or row.batch), first)
    changes.save()


def _near(vault: Vault, around: Footage | None):
    rows = vault.footage.order_by("added_at", "id")
    if around is None:
        return rows
    near = Q(id=around.id)
    if around.folder:
        near |= Q(folder=around.folder)
    if around.batch:
        near |= Q(batch=around.batch)
    elif not around.folder and (series := series_of(around.filename)):
        near |= Q(folder="", batch=None, filename__startswith=series)
    return rows.filter(near)


def _neighbour(row: Footage) -> Neighbour:
    certain = row.filmed_source not in ("", Source.GUESS)
    return Neighbour(
        row.id, row.filename, row.folder, row.batch, row.filmed_on if certain else None, row.filmed_to if certain else None
    )


def _stages_around(rows: list[Footage]) -> dict:
    """{folder or batch: the one stage of life of all in it that are placed for certain}."""
    found: dict = {}
    for row in rows:
        if row.stage_source != Footage.StageSource.GUESS and (row.folder or row.batch):
            found.setdefault(row.folder or row.batch, set()).add(row.life_stage)
    return {where: next(iter(stages)) for where, stages in found.items() if len(stages) == 1}


def _guess(row: Footage, proposal: Guess | None, known: list[Span], beside, first) -> None:
    """Writes a proposal into a row. A date that would lie outside of the stage that a person chose is none."""
    chosen = row.stage_source == Footage.StageSource.PERSON
    if proposal and chosen and _contradicts(row, proposal, known):
        proposal = None
    if proposal:
        set_when(row, Dating(proposal.day, proposal.precision, Source.GUESS))
        row.guessed_because = proposal.reason
        place(row, known)
        return
    set_when(row, None)
    if chosen:
        row.guessed_because = ""
        return
    row.stage_source = Footage.StageSource.GUESS
    row.life_stage = beside or first or row.life_stage
    row.guessed_because = "It lies beside footage of this stage of life." if beside else "Nothing says when it was filmed."


def _contradicts(row: Footage, proposal: Guess, known: list[Span]) -> bool:
    last: date = last_day(proposal.day, proposal.precision)
    return any(span.stage == row.life_stage and (last < span.first or span.last < proposal.day) for span in known)
