"""Verbs on who is who: name people, put them together, take them apart, decide on single faces, and take any of it back."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from processing.judging import BY_HAND, judge
from processing.models import Change, Face, Person, Track
from processing.recognition import propose
from twinvault.audit.record import record
from twinvault.vaults.consents import require_consent
from twinvault.vaults.models import LifeStage, Vault
from twinvault.vaults.services import NotAllowed, require_unlocked

# how long "someone else" can be taken back before the pictures are erased; erasing them at once can be asked for
ERASED_AFTER = timedelta(hours=1)
TAKEN_BACK_WITHIN = timedelta(days=1)
IDS_AT_ONCE = 5000

ERASED = (
    "The pictures of this person were erased when somebody said that it is someone else: "
    "have the footage looked at again to see them."
)
CHANGED = "Somebody has answered this in the meantime, or the footage was looked at again: load the page anew."

DEEDS = {
    Person.Who.SUBJECT: ("said to be the subject", "people confirmed as subject"),
    Person.Who.OTHER: ("said to be someone else", "people said to be someone else"),
    Person.Who.UNSURE: ("said to be uncertain", "people left uncertain"),
    Person.Who.UNKNOWN: ("not named any more", "people taken back"),
}


@transaction.atomic
def say_who(vault: Vault, people: Iterable[UUID], who: str, by) -> Change | None:
    """Somebody of the family says who some people are. None if that was so already; NotAllowed where it cannot be said any more.

    subject: its faces are judged, the good ones are kept for learning, and the subject is known better from now on.
    other:   it is not learned from, and its pictures and measures are erased for good, unless taken back within the hour.
    unsure:  its faces wait, and it is not proposed again.
    unknown: takes back what was said.
    """
    who = Person.Who(who)
    before = _of_vault(vault, people)
    changing = [person for person in before if person.who != who]
    if not changing:
        return None
    if any(person.erased_at for person in changing):
        raise NotAllowed(ERASED)
    if who == Person.Who.SUBJECT:
        require_consent(vault.subject)
    words, verb = DEEDS[who]
    change = _note(vault, by, _counted(len(changing), words), people=changing)
    Person.objects.filter(id__in=[person.id for person in changing]).update(
        who=who, proposed=False, erase_at=timezone.now() + ERASED_AFTER if who == Person.Who.OTHER else None
    )
    _settle(vault, [person.id for person in changing], by)
    kept = Face.objects.filter(track__person__in=changing, state=Face.State.KEPT).count()
    target = changing[0] if len(changing) == 1 else vault
    record(verb, actor=by, vault_id=vault.id, target=target, people=len(changing), kept=kept)
    return change


@transaction.atomic
def merge(vault: Vault, people: Iterable[UUID], by) -> Person:
    """Makes one person of several, who is whoever of them was named, or else the one seen most. NotAllowed if two were named."""
    together = _of_vault(vault, people)
    if len(together) < 2:
        raise NotAllowed("Choose two or more people to put together.")
    if any(person.erased_at for person in together):
        raise NotAllowed(ERASED)
    named = {person.who for person in together} - {Person.Who.UNKNOWN, Person.Who.UNSURE}
    if len(named) > 1:
        raise NotAllowed("Some of these were said to be the subject and others someone else: say first who they are.")
    size = Counter(Track.objects.filter(person__in=together).values_list("person_id", flat=True))
    into = max(together, key=lambda person: (person.who in named, size[person.id]))
    tracks = Track.objects.filter(person__in=together)
    _note(vault, by, _counted(len(together), "put together"), people=together, tracks=tracks)
    tracks.update(person=into, by_hand=True)
    Person.objects.filter(id__in=[person.id for person in together if person != into]).delete()
    _settle(vault, [into.id], by)
    record("people put together", actor=by, vault_id=vault.id, target=into, people=len(together))
    return into


@transaction.atomic
def split(vault: Vault, tracks: Iterable[UUID], by) -> Person:
    """Makes a person of their own of some tracks of one, not named yet. NotAllowed if that leaves nobody behind."""
    _lock(vault)
    moving = list(Track.objects.filter(person__vault=vault, id__in=list(tracks)).select_related("person"))
    people = {track.person for track in moving}
    if len(people) != 1:
        raise NotAllowed("Choose scenes of one person to take them apart." if moving else CHANGED)
    person = people.pop()
    if person.erased_at:
        raise NotAllowed(ERASED)
    tracks = list(Track.objects.filter(person=person))
    if len(tracks) == len(moving):
        raise NotAllowed("These are all the scenes of this person: leave at least one.")
    apart = Person.objects.create(vault=vault)
    _note(vault, by, _counted(len(moving), "taken apart", "scene", "scenes"), people=[person], tracks=tracks)
    Track.objects.filter(person=person).update(by_hand=True)
    Track.objects.filter(id__in=[track.id for track in moving]).update(person=apart)
    _settle(vault, [person.id, apart.id], by)
    record("people taken apart", actor=by, vault_id=vault.id, target=apart, tracks=len(moving))
    return apart


@transaction.atomic
def decide(vault: Vault, faces: Iterable[int], kept: bool | None, by) -> Change | None:
    """Single faces of the subject: kept, taken out, or (None) as the thresholds say. Returns None if nothing changes."""
    _lock(vault)
    state = Face.State.KEPT if kept else Face.State.REJECTED
    theirs = Face.objects.filter(offset__gte=0, track__person__vault=vault, track__person__who=Person.Who.SUBJECT)
    chosen = theirs.filter(by_hand=True) if kept is None else theirs.exclude(by_hand=True, state=state)
    changing = [face for some in _of(chosen, faces) for face in some]
    if not changing:
        return None
    words = {True: "kept", False: "taken out", None: "left to the thresholds"}[kept]
    change = _note(vault, by, _counted(len(changing), words, "face", "faces"), faces=changing)
    after = {"by_hand": False} if kept is None else {"state": state, "reason": "" if kept else BY_HAND, "by_hand": True}
    ids = [face.id for face in changing]
    for some in _of(Face.objects.all(), ids):
        some.update(**after)
    _judge_again(_stages_of(ids), by)
    record("faces decided on", actor=by, vault_id=vault.id, target=vault, faces=len(changing), kept=bool(kept))
    return change


def last_change(vault: Vault, by) -> Change | None:
    """What `undo` would take back: the last thing this person did here, if that was not long ago and can be taken back still."""
    change = _last(vault, by)
    return None if change is None or _is_gone(change) else change


def _last(vault: Vault, by) -> Change | None:
    recent = Change.objects.filter(vault=vault, made_by=by, undone_at=None, made_at__gte=timezone.now() - TAKEN_BACK_WITHIN)
    return recent.order_by("-made_at", "-id").first()


def _is_gone(change: Change) -> bool:
    """Whether what it was about was erased, or looked at again, since."""
    people, tracks, faces = (change.before[kind] for kind in ("people", "tracks", "faces"))
    there = {str(person.id): person.erased_at for some in _of(Person.objects.all(), people) for person in some}
    # whom a change has put together with somebody is made anew, if their scenes are there
    owners = {owner for owner, _ in tracks.values()}
    return (
        any(there.values())
        or any(person not in there and person not in owners for person in people)
        or _count(Track.objects.filter(person__erased_at=None), tracks) < len(tracks)
        or _count(Face.objects.filter(offset__gte=0), faces) < len(faces)
    )


@transaction.atomic
def undo(vault: Vault, by) -> Change:
    """Takes back the last thing this person did here. NotAllowed if there is none, or if what it was about is gone since."""
    _lock(vault)
    change = _last(vault, by)
    if change is None:
        raise NotAllowed("There is nothing to take back.")
    people, tracks, faces = (change.before[kind] for kind in ("people", "tracks", "faces"))
    if _is_gone(change):
        raise NotAllowed("What this was about was erased or looked at again since: it cannot be taken back any more.")
    there = {person.id for some in _of(Person.objects.filter(vault=vault), people) for person in some}
    gone = set(map(UUID, people)) - there
    Person.objects.bulk_create(Person(id=person_id, vault=vault) for person_id in gone)
    for (who, proposed), ids in _alike(people).items():
        erase_at = timezone.now() + ERASED_AFTER if who == Person.Who.OTHER else None
        for some in _of(Person.objects.all(), ids):
            some.update(who=who, proposed=proposed, erase_at=erase_at)
    emptied = {track.person_id for some in _of(Track.objects.all(), tracks) for track in some}
    for (owner, by_hand), ids in _alike(tracks).items():
        for some in _of(Track.objects.all(), ids):
            some.update(person_id=owner, by_hand=by_hand)
    for (state, reason, by_hand), ids in _alike(faces).items():
        for some in _of(Face.objects.all(), ids):
            some.update(state=state, reason=reason, by_hand=by_hand)
    Person.objects.filter(id__in=emptied, tracks=None).delete()
    if people:
        _settle(vault, [*map(UUID, people), *emptied], by)
    _judge_again(_stages_of(faces), by)
    Change.objects.filter(id=change.id, undone_at=None).update(undone_at=timezone.now())
    record("taken back on the faces page", actor=by, vault_id=vault.id, target=vault)
    return change


def _alike(before: dict[str, list]) -> dict[tuple, list[str]]:
    """What rows were before -> the ids of all that were the same, so that each is written once."""
    found: dict[tuple, list[str]] = {}
    for row, was in before.items():
        found.setdefault(tuple(was), []).append(row)
    return found


def _of(rows: QuerySet, ids: Iterable) -> Iterator[QuerySet]:
    """Those of the rows that have one of these ids, in as many queries as it takes: a database takes so many ids in one."""
    every = list(ids)
    for start in range(0, len(every), IDS_AT_ONCE):
        yield rows.filter(id__in=every[start : start + IDS_AT_ONCE])


def _count(rows: QuerySet, ids: Iterable) -> int:
    return sum(some.count() for some in _of(rows, ids))


def _counted(count: int, words: str, one: str = "person", many: str = "people") -> str:
    return f"{count:,} {one if count == 1 else many} {words}"


def _lock(vault: Vault) -> None:
    """One change of a vault's people at a time; whoever comes second sees what the first did. NotAllowed if it is sealed."""
    Vault.objects.select_for_update().get(id=vault.id)
    require_unlocked(vault)


def _of_vault(vault: Vault, people: Iterable[UUID]) -> list[Person]:
    """The people as they are now, locked. NotAllowed if one of them is not there any more."""
    _lock(vault)
    wanted = set(people)
    found = list(Person.objects.filter(vault=vault, id__in=wanted))
    if len(found) < len(wanted):
        raise NotAllowed(CHANGED)
    return found


def _note(vault: Vault, by, deed: str, people=(), tracks=(), faces=()) -> Change:
    """Writes down what is there before it changes."""
    before = {
        "people": {str(person.id): [person.who, person.proposed] for person in people},
        "tracks": {str(track.id): [str(track.person_id), track.by_hand] for track in tracks},
        "faces": {str(face.id): [face.state, face.reason, face.by_hand] for face in faces},
    }
    return Change.objects.create(vault=vault, made_by=by, deed=deed, before=before)


def _settle(vault: Vault, people: list[UUID], by) -> None:
    """Makes the states of faces follow from who their people are, and proposes anew who looks like the subject."""
    faces = Face.objects.filter(track__person__in=people, offset__gte=0)
    waiting = faces.filter(track__person__who__in=[Person.Who.UNKNOWN, Person.Who.UNSURE])
    waiting.exclude(state=Face.State.PENDING).update(state=Face.State.PENDING, reason="", by_hand=False)
    faces.filter(track__person__who=Person.Who.OTHER).update(state=Face.State.REJECTED, reason="someone_else", by_hand=False)
    _judge_again(LifeStage.objects.filter(footage__segments__tracks__person__in=people), by)
    propose(vault.subject)


def _stages_of(faces: Iterable) -> QuerySet[LifeStage]:
    """The life stages that some faces, told by their ids, are of."""
    column = "track__segment__footage__life_stage"
    found = {
        stage for some in _of(Face.objects.all(), faces) for stage in some.order_by().values_list(column, flat=True).distinct()
    }
    return LifeStage.objects.filter(id__in=found)


def _judge_again(life_stages: QuerySet[LifeStage], by) -> None:
    for life_stage in life_stages.select_related("subject__vault").distinct():
        judge(life_stage, by=by)
