"""The end of a look at footage: what its segments hold becomes tracks and faces, and the tracks are sorted into people."""

from uuid import UUID, uuid4

import numpy as np

from acquisition.models import Footage
from processing import remembered
from processing.engine.frames import MediaInfo
from processing.engine.matching import Places
from processing.engine.pack import DescriptorTable, load_descriptors
from processing.engine.sorting import NOBODY_SAID, NONE, Known, Likeness, seen_at_once, sort
from processing.erasure import forget_analysis, forget_nobodies
from processing.judging import judge
from processing.models import Analysis, Face, Person, Segment, Track
from processing.recognition import Index, Mean, candidates, index_of, keep_index, mean_of, propose
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.vaults.models import Subject

ROWS_AT_ONCE = 2000


def join(footage: Footage, info: MediaInfo, subject: Subject) -> Analysis:
    """Puts the segments that were looked at in the place of what was seen before. Call in a transaction.

    Who was named in the same footage before keeps the name: it is asked anew only of those who are new.
    """
    index = index_of(subject)
    seen_before = remembered.faces_before(footage)
    before = dict(Track.objects.filter(segment__footage=footage).values_list("id", "person_id"))
    segments = list(footage.segments.filter(analysis=None).select_related("descriptors__keyring").order_by("number"))
    analysis = Analysis(footage=footage, frames_seen=sum(segment.frames_seen for segment in segments))
    found = _Found()
    for segment in segments:
        if segment.descriptors is not None:
            found.add(segment, load_descriptors(objects.read(segment.descriptors), ["embedding", "box"]))
    told = remembered.recall(seen_before, found.places, found.tracks, found.faces)
    people = _sort(found, subject, index, before, told)
    for track in found.tracks:
        track.person = people[track.id]
    remembered.decide_again(seen_before, found.places, found.faces)
    _save(found, people)
    index.tracks |= found.means
    propose(subject, index)
    forget_analysis(footage)
    analysis.save(force_insert=True)
    footage.segments.filter(analysis=None).update(analysis=analysis, places=None)
    keep_index(subject, Index({track: mean for track, mean in index.tracks.items() if track not in before}))
    forget_nobodies(footage.vault_id)
    judge(footage.life_stage)
    _describe(footage, info, segments)
    seen = {"faces": len(found.faces), "people": len(set(people.values()))}
    record("footage analysed", vault_id=footage.vault_id, target=footage, **seen)
    return analysis


class _Found:
    """Tracks and faces that are not saved yet, with what the tracks look like and when they were seen."""

    def __init__(self) -> None:
        self.tracks: list[Track] = []
        self.faces: list[Face] = []
        self.means: dict[UUID, Mean] = {}
        self._places: list[Places] = []

    @property
    def places(self) -> Places:
        """Where the faces were seen, in their order."""
        return Places.joined(self._places)

    def add(self, segment: Segment, table: DescriptorTable) -> None:
        for number in np.unique(table.track):
            rows = np.flatnonzero(table.track == number)
            times = table.time[rows]
            shot = int(table.shot[rows[0]])
            track = Track(id=uuid4(), segment=segment, number=int(number), shot=shot, starts=times.min(), ends=times.max())
            self.tracks.append(track)
            self._places.append(Places(table.time[rows], table.box[rows]))
            for row in rows.tolist():
                offset, length, mask_length = segment.places[row]
                self.faces.append(Face(track=track, row=row, offset=offset, length=length, mask_length=mask_length))
            mean = mean_of(table.embedding[rows])
            if mean is not None:
                self.means[track.id] = mean


def _sort(
    found: _Found, subject: Subject, index: Index, before: dict[UUID, UUID], told: dict[UUID, Person]
) -> dict[UUID, Person]:
    """Track id -> its person: first the tracks of this footage among themselves, then each group with who is in the vault.

    before: track id -> person id of what was seen in this footage before. told: track id -> who somebody said that it is.
    """
    known = [track for track in found.tracks if track.id in found.means]
    here = Index(found.means).of(track.id for track in known)
    named, others = _named(index, before), candidates(subject, index)
    there = list({**named, **others} | dict.fromkeys(told.values()))
    place = {person: at for at, person in enumerate(there)}
    said = np.array([place[told[track.id]] if track.id in told else NOBODY_SAID for track in known], np.intp)
    numbers = sort(here, _seen_at_once(known), [Known(others.get(one, NONE), named.get(one, NONE)) for one in there], said)
    there += [Person(vault_id=subject.vault_id) for _ in range(len(there), int(numbers.max(initial=-1)) + 1)]
    people = {track.id: there[number] for track, number in zip(known, numbers.tolist(), strict=True)}
    # a face of which no embedding could be made stands for itself
    rest = [track.id for track in found.tracks if track.id not in people]
    return people | {track: told.get(track) or Person(vault_id=subject.vault_id) for track in rest}


def _named(index: Index, before: dict[UUID, UUID]) -> dict[Person, Likeness]:
    """Who was named when the same footage was looked at before -> what they looked like in it."""
    tracks: dict[UUID, list[UUID]] = {}
    for track, owner in before.items():
        tracks.setdefault(owner, []).append(track)
    people = Person.objects.filter(id__in=tracks, erased_at=None).exclude(who=Person.Who.UNKNOWN)
    return {person: index.of(tracks[person.id]) for person in people}


def _seen_at_once(tracks: list[Track]) -> list[tuple[int, int]]:
    columns = zip(*((track.starts, track.ends, track.segment_id) for track in tracks), strict=True)
    return seen_at_once(*columns) if tracks else []


def _save(found: _Found, people: dict[UUID, Person]) -> None:
    fresh = {person.id: person for person in people.values() if person._state.adding}
    Person.objects.bulk_create(fresh.values(), batch_size=ROWS_AT_ONCE)
    for face in found.faces:
        if face.track.person.who == Person.Who.OTHER:
            face.state, face.reason = Face.State.REJECTED, "someone_else"
    Track.objects.bulk_create(found.tracks, batch_size=ROWS_AT_ONCE)
    Face.objects.bulk_create(found.faces, batch_size=ROWS_AT_ONCE)


def _describe(footage: Footage, info: MediaInfo, segments: list[Segment]) -> None:
    Footage.objects.filter(id=footage.id).update(
        state=Footage.State.PROCESSED,
        refusal="",
        note=_note(footage, info, max(segment.reached for segment in segments)),
        kind=info.kind,
        width=info.width,
        height=info.height,
        seconds=info.seconds,
    )


def _note(footage: Footage, info: MediaInfo, reached: float) -> str:
    """A sentence where the end of a film is missing, else ''. reached: seconds."""
    if info.kind != "video" or not info.seconds or info.seconds - reached <= max(1.0, 0.05 * info.seconds):
        return ""
    return (
        f"Only the first {reached:.0f} of {info.seconds:.0f} seconds of {footage.filename} could be read: "
        "it was cut off or is damaged. What could be read is used; send it again if you have the whole of it."
    )
