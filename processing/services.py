"""Verbs on what is seen in footage: look at it, and say who is who."""

from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
from django.db import transaction

from acquisition.models import Footage
from processing import queries
from processing.engine.analysis import FaceObservation, analyse
from processing.engine.canonical import apply
from processing.engine.filtering import judge, track_embeddings
from processing.engine.identity import embed, group
from processing.engine.media import MediaError, MediaInfo, probe
from processing.engine.pack import DescriptorTable, PackWriter, dump_descriptors, load_descriptors, tabulate
from processing.erasure import erase_person
from processing.models import Analysis, Face, Person
from processing.recognition import learn_subject, looks_like, reference
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.custody.models import StoredObject
from twinvault.jobs.models import Job
from twinvault.jobs.services import JobRefused, enqueue
from twinvault.vaults.models import Subject
from twinvault.vaults.services import NotAllowed, require_consent, require_unlocked

ROWS_AN_UPDATE = 5000


def request_analysis(footage: Footage, by) -> Job:
    """Queues footage to be looked at (again). What was said of its people so far is then asked anew. NotAllowed if sealed."""
    require_unlocked(footage.vault)
    return enqueue(
        "analyse_footage",
        footage.id,
        queue="cpu",
        title=f"Looking for faces in {footage.filename}"[:200],
        vault=footage.vault,
        user=by,
    )


@dataclass(frozen=True)
class _Seen:
    """What was found in footage: a table with a row a face, where each face's crop lies, how many frames were looked at, and how
    far into the footage the last of them lies (0..1)."""

    table: DescriptorTable
    places: list[tuple[int, int]]
    pack: StoredObject
    frames: int
    reached: float


def analyse_footage(footage_id: UUID, work) -> None:
    """Job handler: finds the faces in one piece of footage and sorts them into people. Running it again replaces what was found.

    1. Without a consent in force nothing is looked at.
    2. Look at it, frame by frame, through the decrypting reader; crops go straight into a new encrypted pack.
    3. Sort the tracks into people by their embeddings; propose who looks like the subject's confirmed faces.
    4. In one transaction put the new rows and objects in the place of the old. All faces wait until somebody says who they are.

    Footage that cannot be read or shows no face is marked as refused, with the reason. JobRefused says the same.
    """
    footage = Footage.objects.select_related("vault__keyring", "vault__subject", "content__keyring").filter(id=footage_id).first()
    if footage is None:
        raise JobRefused("This footage was removed before it could be looked at.")
    _consent_or_refuse(footage.vault.subject)
    try:
        with objects.open_object(footage.content) as source:
            info = probe(source)
            seen = _look(footage, source, work)
    except MediaError as error:
        _refuse(footage, str(error), "no face" if isinstance(error, _NoFace) else "unreadable")
        raise JobRefused(str(error)) from error
    _keep(footage, info, seen)


def _consent_or_refuse(subject: Subject) -> None:
    try:
        require_consent(subject)
    except NotAllowed as error:
        raise JobRefused(str(error)) from error


class _NoFace(MediaError):
    """The footage can be read, and nobody is in it."""


def _look(footage: Footage, source, work) -> _Seen:
    frames, reached, latest = 0, 0.0, 0.0

    def progress(fraction: float) -> None:
        nonlocal frames, reached, latest
        frames, reached, latest = frames + 1, latest, fraction
        if work.report(0.97 * fraction, f"Looking for faces in {footage.filename}"):
            _consent_or_refuse(footage.vault.subject)

    found: list[FaceObservation] = []
    places: list[tuple[int, int]] = []
    clearest: dict[int, tuple[int, FaceObservation]] = {}
    with objects.ObjectWriter(footage.vault.keyring, "pack") as writer:
        pack = PackWriter(writer.write)
        for face in analyse(source, progress=progress):
            places.append(pack.add(face.crop))
            best = clearest.get(face.track)
            if best is None or face.descriptors.sharpness > best[1].descriptors.sharpness:
                clearest[face.track] = (len(found), face)
            found.append(replace(face, crop=face.crop[:0]))
        if not found:
            raise _NoFace(
                f"No face was found in {footage.filename}: choose footage in which the face is seen from near, "
                "from the front, and in good light."
            )
        _embed_the_rest(found, clearest)
    assert writer.stored is not None
    # after the last frame the engine speaks once more
    return _Seen(tabulate(found), places, writer.stored, max(1, frames - 1), reached)


def _embed_the_rest(found: list[FaceObservation], clearest: dict[int, tuple[int, FaceObservation]]) -> None:
    """Every track gets at least one embedding, so that each face can be sorted to somebody."""
    known = {face.track for face in found if face.embedding is not None}
    for track, (row, face) in clearest.items():
        if track not in known:
            found[row] = replace(found[row], embedding=embed(face.crop, apply(face.matrix, face.landmarks)))


def _refuse(footage: Footage, sentence: str, reason: str) -> None:
    """`sentence` is for the person and names the file; `reason`, a word, is for the record, which never does."""
    with transaction.atomic():
        if not Footage.objects.filter(id=footage.id).update(state=Footage.State.REFUSED, refusal=sentence[:500]):
            return
        forget_analysis(footage)
        record("footage refused", vault_id=footage.vault_id, target=footage, reason=reason)


def _keep(footage: Footage, info: MediaInfo, seen: _Seen) -> None:
    """Puts what was seen in the place of what was seen before; if that fails, nothing of it stays behind."""
    fresh = [seen.pack]
    try:
        fresh.append(objects.store(footage.vault.keyring, "descriptors", dump_descriptors(seen.table)))
        with transaction.atomic():
            _replace(footage, info, seen, *fresh)
    except BaseException:
        for stored in fresh:
            objects.erase(stored)
        raise


def _replace(footage: Footage, info: MediaInfo, seen: _Seen, pack: StoredObject, descriptors: StoredObject) -> None:
    if Footage.objects.select_for_update().filter(id=footage.id).first() is None:
        raise JobRefused("This footage was removed while it was looked at.")
    subject = Subject.objects.select_related("reference__keyring").get(vault_id=footage.vault_id)
    _consent_or_refuse(subject)
    forget_analysis(footage)
    analysis = Analysis.objects.create(footage=footage, pack=pack, descriptors=descriptors, frames_seen=seen.frames)
    people = _sort_into_people(seen.table)
    known = reference(subject)
    for number, rows in enumerate(people):
        embeddings = seen.table.embedding[rows]
        embeddings = embeddings[np.isfinite(embeddings).all(axis=1)]
        person = Person.objects.create(analysis=analysis, number=number, proposed=looks_like(embeddings, known))
        Face.objects.bulk_create(
            [Face(person=person, row=int(row), offset=seen.places[row][0], length=seen.places[row][1]) for row in rows]
        )
    Footage.objects.filter(id=footage.id).update(
        state=Footage.State.PROCESSED,
        refusal="",
        note=_note(footage, info, seen.reached),
        kind=info.kind,
        width=info.width,
        height=info.height,
        seconds=info.seconds,
    )
    record("footage analysed", vault_id=footage.vault_id, target=footage, faces=len(seen.places), people=len(people))


def _note(footage: Footage, info: MediaInfo, reached: float) -> str:
    """A sentence where the end of a film is missing, else ''."""
    if info.kind != "video" or not info.seconds or (1 - reached) * info.seconds <= max(1.0, 0.05 * info.seconds):
        return ""
    return (
        f"Only the first {reached * info.seconds:.0f} of {info.seconds:.0f} seconds of {footage.filename} could be read: "
        "it was cut off or is damaged. What could be read is used; send it again if you have the whole of it."
    )


def _sort_into_people(table: DescriptorTable) -> list[np.ndarray]:
    """Rows of the table by person, whoever is seen most often first."""
    tracks, means = track_embeddings(table)
    labels = group(means)
    label_of = dict(zip(tracks, labels.tolist(), strict=True))
    of_row = np.array([label_of[track] for track in table.track.tolist()])
    people = [np.flatnonzero(of_row == label) for label in range(int(labels.max()) + 1)]
    return sorted(people, key=lambda rows: (-len(rows), rows[0]))


def forget_analysis(footage: Footage) -> None:
    """Removes everything that was seen in footage: rows, crops, measures. Call in a transaction."""
    analysis = Analysis.objects.filter(footage_id=footage.id).select_related("pack", "descriptors").first()
    if analysis is not None:
        pack, descriptors = analysis.pack, analysis.descriptors
        analysis.delete()
        objects.erase(pack)
        objects.erase(descriptors)


def forget_footage(footage: Footage) -> None:
    """What acquisition calls when footage is removed: the subject is not known by its faces any more either."""
    confirmed = Person.objects.filter(analysis__footage=footage, who=Person.Who.SUBJECT).exists()
    forget_analysis(footage)
    if confirmed:
        learn_subject(footage.vault.subject)


ERASED = (
    "The pictures of this person were erased when somebody said that it is someone else: "
    "have the footage looked at again to see them."
)
CHANGED = "Somebody has answered this in the meantime, or the footage was looked at again: load the page anew."


def say_who(person: Person, who: str, by) -> None:
    """A person of the family says who somebody in their footage is. NotAllowed where that cannot be said (any more).

    subject: its faces are judged, the good ones are kept for learning, and the subject is known better from now on.
    other:   its pictures and measures are erased at once, for good.
    unknown: takes back that it is the subject; its faces wait again.
    """
    answers = {
        Person.Who.SUBJECT: _is_subject,
        Person.Who.OTHER: _is_someone_else,
        Person.Who.UNKNOWN: _is_not_known,
    }
    rows = Person.objects.select_related("analysis__footage__vault__subject", "analysis__footage__life_stage")
    with transaction.atomic():
        Analysis.objects.select_for_update().filter(id=person.analysis_id).first()
        require_unlocked(person.analysis.footage.vault)
        # the row as it is now: it may have been read before somebody else answered
        current = rows.select_related("analysis__descriptors__keyring").filter(id=person.id).first()
        if current is None:
            raise NotAllowed(CHANGED)
        if current.who != who:
            answers[Person.Who(who)](current, by)
    person.refresh_from_db(fields=["who", "proposed"])


def _turn(person: Person, before: list[Person.Who], after: Person.Who) -> None:
    """Compare and swap: two people who answer at once do not undo each other."""
    if not Person.objects.filter(id=person.id, who__in=before).update(who=after, proposed=False):
        erased = Person.objects.filter(id=person.id, who=Person.Who.OTHER).exists()
        raise NotAllowed(ERASED if erased else CHANGED)


def _is_subject(person: Person, by) -> None:
    footage = person.analysis.footage
    subject = footage.vault.subject
    require_consent(subject)
    _turn(person, [Person.Who.UNKNOWN], Person.Who.SUBJECT)
    rows, verdicts = _judge(person)
    for reason, chosen in _by_reason(rows, verdicts).items():
        state = Face.State.REJECTED if reason else Face.State.KEPT
        for start in range(0, len(chosen), ROWS_AN_UPDATE):
            person.faces.filter(row__in=chosen[start : start + ROWS_AN_UPDATE]).update(state=state, reason=reason)
    learn_subject(subject)
    kept = sum(verdict.kept for verdict in verdicts)
    record(
        "person confirmed as subject",
        actor=by,
        vault_id=footage.vault_id,
        target=person,
        kept=kept,
        rejected=len(verdicts) - kept,
    )


def _judge(person: Person) -> tuple[list[int], list]:
    """(rows of the person's faces, a verdict for each), near duplicates of faces that the life stage has already among them."""
    table = load_descriptors(objects.read(person.analysis.descriptors))
    rows = list(person.faces.order_by("row").values_list("row", flat=True))
    kept = queries.kept_faces(person.analysis.footage.life_stage).exclude(person=person)
    tables = []
    for analysis, faces in queries.by_analysis(kept.select_related("person__analysis__descriptors__keyring")).items():
        other = load_descriptors(objects.read(analysis.descriptors)).rows([face.row for face in faces])
        # what was kept before stays: of two that look alike the sharper one stands, and none is sharper than these
        tables.append(replace(other, sharpness=np.full(len(other), np.inf, np.float32)))
    before = sum(map(len, tables))
    return rows, judge(_joined([*tables, table.rows(rows)]))[before:]


def _joined(tables: list[DescriptorTable]) -> DescriptorTable:
    columns = vars(tables[0])
    return DescriptorTable(**{name: np.concatenate([getattr(table, name) for table in tables]) for name in columns})


def _by_reason(rows: list[int], verdicts: list) -> dict[str, list[int]]:
    grouped: dict[str, list[int]] = {}
    for row, verdict in zip(rows, verdicts, strict=True):
        grouped.setdefault(str(verdict.reason), []).append(row)
    return grouped


def _is_someone_else(person: Person, by) -> None:
    footage = person.analysis.footage
    was_subject = person.who == Person.Who.SUBJECT
    _turn(person, [Person.Who.UNKNOWN, Person.Who.SUBJECT], Person.Who.OTHER)
    erase_person(person)
    if was_subject:
        learn_subject(footage.vault.subject)
    record("person said to be someone else, and erased", actor=by, vault_id=footage.vault_id, target=person)


def _is_not_known(person: Person, by) -> None:
    footage = person.analysis.footage
    _turn(person, [Person.Who.SUBJECT], Person.Who.UNKNOWN)
    person.faces.update(state=Face.State.PENDING, reason="")
    learn_subject(footage.vault.subject)
    record("person taken back", actor=by, vault_id=footage.vault_id, target=person)
