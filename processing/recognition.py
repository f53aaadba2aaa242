"""Who is who over all footage of a vault: one embedding a track, kept encrypted, and what follows from their distances.

The index holds the mean embedding of every track of the vault that has one. It is all that is read to sort new tracks, however
much footage there is. Tracks of people who were erased are not in it.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from processing.engine.identity import DIMENSIONS
from processing.engine.pack import load_descriptors
from processing.engine.sorting import ALIKE_BELOW, Likeness, mean_distances
from processing.models import Face, Person, Segment, Track
from twinvault.custody import objects
from twinvault.vaults.models import Subject


class Mean(NamedTuple):
    """What a track looks like: float32 (128,), the mean of its embeddings, and how many faces it has."""

    embedding: NDArray[np.float32]
    looks: int


@dataclass
class Index:
    """Track id -> what it looks like, of those tracks of which an embedding could be made."""

    tracks: dict[UUID, Mean] = field(default_factory=dict)

    def of(self, tracks: Iterable[UUID]) -> Likeness:
        """What those of these tracks look like that are in the index."""
        found = [self.tracks[track] for track in tracks if track in self.tracks]
        embeddings = np.array([mean.embedding for mean in found], np.float32).reshape(-1, DIMENSIONS)
        return Likeness(embeddings, np.array([mean.looks for mean in found], np.float32))

    def dump(self) -> bytes:
        content = io.BytesIO()
        tracks = np.array([track.bytes for track in self.tracks], "V16")
        embeddings, looks = self.of(self.tracks)
        np.savez(content, allow_pickle=False, tracks=tracks, embeddings=embeddings, looks=looks)
        return content.getvalue()


def index_of(subject: Subject) -> Index:
    """The index as it is stored just now; made anew from the footage where none is."""
    current = Subject.objects.select_related("reference__keyring").get(id=subject.id)
    if current.reference is not None:
        stored = np.load(io.BytesIO(objects.read(current.reference)), allow_pickle=False)
        # before there were tracks the object held one array, the subject's embeddings alone, and then no looks
        if isinstance(stored, np.lib.npyio.NpzFile) and "looks" in stored:
            keys = (UUID(bytes=track.tobytes()) for track in stored["tracks"])
            means = map(Mean, stored["embeddings"], stored["looks"].astype(int).tolist())
            return Index(dict(zip(keys, means, strict=True)))
    return _made_anew(subject)


def _made_anew(subject: Subject) -> Index:
    made = Index()
    segments = Segment.objects.filter(analysis__footage__vault_id=subject.vault_id, descriptors__isnull=False)
    for segment in segments.select_related("descriptors__keyring"):
        embedding = load_descriptors(objects.read(segment.descriptors), ["embedding"]).embedding
        rows: dict[UUID, list[int]] = {}
        for track, row in Face.objects.filter(track__segment=segment, offset__gte=0).values_list("track_id", "row"):
            rows.setdefault(track, []).append(row)
        made.tracks |= {track: mean for track, some in rows.items() if (mean := mean_of(embedding[some])) is not None}
    return made


def mean_of(embeddings: NDArray[np.float32]) -> Mean | None:
    """What the track looks like whose faces have these embeddings, (N, 128); None if none of them has one."""
    seen = embeddings[np.isfinite(embeddings).all(axis=1)]
    return Mean(seen.mean(axis=0).astype(np.float32), len(embeddings)) if len(seen) else None


def keep_index(subject: Subject, index: Index) -> None:
    """Puts the index in the place of the stored one, which is erased. Call in a transaction."""
    current = Subject.objects.select_for_update(of=("self",)).select_related("vault__keyring", "reference").get(id=subject.id)
    old = current.reference
    current.reference = objects.store(current.vault.keyring, "reference", index.dump()) if index.tracks else None
    current.save(update_fields=["reference"])
    objects.erase(old)
    subject.reference = current.reference


def forget_tracks(subject: Subject, tracks: Iterable[UUID]) -> None:
    """Takes tracks out of the index. Call in a transaction, before their rows go."""
    index = index_of(subject)
    gone = set(tracks) & index.tracks.keys()
    if gone:
        keep_index(subject, Index({track: mean for track, mean in index.tracks.items() if track not in gone}))


def reference(subject: Subject, index: Index | None = None) -> Likeness:
    """What the subject is known by: the confirmed tracks, those with a face good enough to keep if there is one; empty where
    nobody was confirmed yet."""
    confirmed = Track.objects.filter(person__vault_id=subject.vault_id, person__who=Person.Who.SUBJECT)
    good = Face.objects.filter(track__in=confirmed, state=Face.State.KEPT).values("track_id").distinct()
    index = index or index_of(subject)
    known = index.of(good.values_list("track_id", flat=True))
    return known if len(known) else index.of(confirmed.values_list("id", flat=True))


def propose(subject: Subject, index: Index | None = None) -> None:
    """Marks whoever is not named yet and looks like the subject, and only those. In a transaction."""
    index = index or index_of(subject)
    known = reference(subject, index)
    unknown = tracks_by_person(subject, [Person.Who.UNKNOWN])
    pairs = [(place, track) for place, some in enumerate(unknown.values()) for track in some if track in index.tracks]
    alike = []
    if len(known) and pairs:
        places, tracks = zip(*pairs, strict=True)
        theirs = index.of(tracks)
        looks = np.bincount(places, theirs.looks, len(unknown))
        away = np.bincount(places, theirs.looks * mean_distances(theirs.means, known), len(unknown))
        alike = [person for person, near in zip(unknown, away < ALIKE_BELOW * looks, strict=True) if near]
    people = Person.objects.filter(vault_id=subject.vault_id)
    people.filter(proposed=True).exclude(id__in=alike).update(proposed=False)
    people.filter(id__in=alike, proposed=False).update(proposed=True)


def tracks_by_person(subject: Subject, who: list[Person.Who]) -> dict[UUID, list[UUID]]:
    """Person id -> track ids, of those people of the vault that are one of `who`."""
    found: dict[UUID, list[UUID]] = {}
    rows = Track.objects.filter(person__vault_id=subject.vault_id, person__who__in=who).order_by("segment_id", "number")
    for person, track in rows.values_list("person_id", "id"):
        found.setdefault(person, []).append(track)
    return found


def candidates(subject: Subject, index: Index) -> dict[Person, Likeness]:
    """Who is not named for certain -> what their tracks look like: whoever is new may be one of them."""
    tracks = tracks_by_person(subject, [Person.Who.UNKNOWN, Person.Who.UNSURE])
    people = Person.objects.filter(vault_id=subject.vault_id).in_bulk(list(tracks))
    return {people[person]: index.of(some) for person, some in tracks.items()}
