"""What people said of a piece of footage is remembered when it is looked at again.

1. The faces of the last look are found in the new one, by when and where they were seen.
2. A new track is of whoever most of its faces were of, where that was said: by naming them, or by putting scenes together or
   taking them apart.
3. A face that was kept or taken out by hand is so again, if it is still the subject's.
"""

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.db.models import Q
from numpy.typing import NDArray

from acquisition.models import Footage
from processing.engine.matching import Places, match
from processing.engine.pack import load_descriptors
from processing.models import Face, Person, Segment, Track
from twinvault.custody import objects


@dataclass
class Before:
    """The faces of the last look, one a row. tracks: of which each is; decided: (state, reason) of those decided by hand."""

    places: Places
    tracks: list[Track]
    decided: list[tuple[str, str] | None]


def faces_before(footage: Footage) -> Before:
    """What was seen in footage, if anybody said anything of it. The tracks come with their people."""
    said = Q(by_hand=True) | ~Q(person__who=Person.Who.UNKNOWN)
    seen = Track.objects.filter(segment__footage=footage, segment__analysis__isnull=False, person__erased_at=None)
    times: list[float] = []
    boxes: list[NDArray[np.float32]] = []
    before = Before(Places(np.zeros(0), np.zeros((0, 4), np.float32)), [], [])
    if not seen.filter(said).exists():
        return before
    tracks = {track.id: track for track in seen.select_related("person")}
    segments = Segment.objects.filter(tracks__in=seen, descriptors__isnull=False).select_related("descriptors__keyring")
    for segment in segments.distinct():
        table = load_descriptors(objects.read(segment.descriptors), ["box"])
        rows = Face.objects.filter(track__segment=segment, offset__gte=0).order_by("id")
        for track, row, state, reason, by_hand in rows.values_list("track_id", "row", "state", "reason", "by_hand"):
            if track in tracks:
                times.append(float(table.time[row]))
                boxes.append(table.box[row])
                before.tracks.append(tracks[track])
                before.decided.append((state, reason) if by_hand else None)
    before.places = Places(np.array(times), np.array(boxes, np.float32).reshape(-1, 4))
    return before


def recall(before: Before, places: Places, tracks: list[Track], faces: list[Face]) -> dict[UUID, Person]:
    """Track id -> the person whom somebody said that it is. Notes in the tracks what was said by hand.

    places, faces: the new look's, in the same order; tracks: all of its tracks.
    """
    votes: dict[UUID, Counter[Person | None]] = {}
    by_hand: set[tuple[UUID, Person]] = set()
    for old, found in zip(before.tracks, match(before.places, places).tolist(), strict=True):
        if found >= 0:
            said = old.by_hand or old.person.who != Person.Who.UNKNOWN
            votes.setdefault(faces[found].track_id, Counter())[old.person if said else None] += 1
            if old.by_hand:
                by_hand.add((faces[found].track_id, old.person))
    told: dict[UUID, Person] = {}
    for track in tracks:
        person = votes[track.id].most_common(1)[0][0] if track.id in votes else None
        if person is not None:
            told[track.id] = person
            track.by_hand = (track.id, person) in by_hand
    return told


def decide_again(before: Before, places: Places, faces: list[Face]) -> None:
    """What was decided by hand of single faces holds of the same ones, where they are the subject's. Their tracks have people."""
    chosen = [at for at, decision in enumerate(before.decided) if decision is not None]
    there = Places(before.places.times[chosen], before.places.boxes[chosen])
    for at, found in zip(chosen, match(there, places).tolist(), strict=True):
        if found >= 0 and faces[found].track.person.who == Person.Who.SUBJECT:
            faces[found].state, faces[found].reason = before.decided[at]
            faces[found].by_hand = True
