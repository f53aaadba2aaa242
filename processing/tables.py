"""Faces of many segments with their measures as one table. What is read of a face is chosen: its landmarks weigh most."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

from processing.engine.holding import name_shot
from processing.engine.pack import DescriptorTable, dump_descriptors, load_descriptors
from processing.models import Face, Segment
from processing.queries import AS_SEEN
from twinvault.custody import objects

# tracks of different segments are different tracks; no segment has so many
TRACKS_A_SEGMENT = 2**20


@dataclass(frozen=True)
class Seen:
    """N faces as columns, in the order in which they were seen: segment after segment, row after row.

    segments: where they were seen, each once. ids, rows: int64 (N,), of Face. offsets, lengths, mask_lengths: int64 (N,), bytes
    in the segment's pack. segment: intp (N,), place in `segments`. shots: int64 (N,), number of the shot in its segment.
    kept, by_hand: bool (N,). states: list of (state, reason).
    """

    segments: list[Segment]
    ids: NDArray[np.int64]
    rows: NDArray[np.int64]
    offsets: NDArray[np.int64]
    lengths: NDArray[np.int64]
    mask_lengths: NDArray[np.int64]
    segment: NDArray[np.intp]
    shots: NDArray[np.int64]
    by_hand: NDArray[np.bool_]
    states: list[tuple[str, str]]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def kept(self) -> NDArray[np.bool_]:
        return np.array([state == Face.State.KEPT for state, _ in self.states], dtype=np.bool_)

    @property
    def scenes(self) -> NDArray[np.intp]:
        """intp (N,): a number for each shot of each segment; shots are numbered anew in each."""
        pairs = np.stack([self.segment, self.shots], axis=1) if len(self) else np.zeros((0, 2), np.int64)
        return np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1)

    @property
    def shot_names(self) -> NDArray[np.uint64]:
        """uint64 (N,): what `holding.split_by_shot` knows each face's shot by; the same for the same bytes of footage."""
        pairs, of_face = np.unique(np.stack([self.segment, self.shots], axis=1), axis=0, return_inverse=True)
        names = [
            name_shot(self.segments[segment].footage.fingerprint, self.segments[segment].starts, shot)
            for segment, shot in pairs.tolist()
        ]
        return np.array(names, np.uint64)[of_face.reshape(-1)]

    @property
    def footage(self) -> NDArray[np.intp]:
        """intp (N,): a number for each piece of footage, in order."""
        numbers = {footage: number for number, footage in enumerate(dict.fromkeys(one.footage_id for one in self.segments))}
        return np.array([numbers[one.footage_id] for one in self.segments], dtype=np.intp)[self.segment]

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.integer]) -> "Seen":
        """Some of them, in their order: a mask, or rising places."""
        places = np.arange(len(self))[chosen]
        used, segment = np.unique(self.segment[places], return_inverse=True)
        columns = {
            name: getattr(self, name)[places]
            for name in ("ids", "rows", "offsets", "lengths", "mask_lengths", "shots", "by_hand")
        }
        return Seen(
            segments=[self.segments[place] for place in used.tolist()],
            segment=segment.reshape(-1),
            states=[self.states[place] for place in places.tolist()],
            **columns,
        )

    def by_segment(self) -> Iterator[tuple[Segment, slice]]:
        """Each segment, and which faces were seen in it."""
        starts = np.searchsorted(self.segment, np.arange(len(self.segments) + 1)).tolist()
        for number, segment in enumerate(self.segments):
            yield segment, slice(starts[number], starts[number + 1])


def seen(faces: QuerySet[Face]) -> Seen:
    """Faces that still have pictures. Two queries, however many they are."""
    columns = "id", "row", "offset", "length", "mask_length", "track__shot", "by_hand", "state", "reason", "track__segment_id"
    found = list(faces.filter(offset__gte=0).order_by(*AS_SEEN).values_list(*columns))
    ids, rows, offsets, lengths, masks, shots, by_hand, states, reasons, of_segment = (
        zip(*found, strict=True) if found else [()] * 10
    )
    order: dict[UUID, int] = {}
    segment = [order.setdefault(one, len(order)) for one in of_segment]
    return Seen(
        segments=_segments(list(order)),
        ids=np.array(ids, np.int64),
        rows=np.array(rows, np.int64),
        offsets=np.array(offsets, np.int64),
        lengths=np.array(lengths, np.int64),
        mask_lengths=np.array(masks, np.int64),
        segment=np.array(segment, np.intp),
        shots=np.array(shots, np.int64),
        by_hand=np.array(by_hand, np.bool_),
        states=list(zip(states, reasons, strict=True)),
    )


def _segments(ids: list[UUID]) -> list[Segment]:
    related = "descriptors__keyring__archive", "pack__keyring__archive", "footage"
    there = {}
    for start in range(0, len(ids), 500):
        there |= Segment.objects.select_related(*related).in_bulk(ids[start : start + 500])
    return [there[one] for one in ids]


def each(faces: Seen, columns: Iterable[str] = ()) -> Iterator[tuple[slice, DescriptorTable]]:
    """The measures of the faces of each segment, one segment in memory at a time; `columns` as for `load_descriptors`."""
    wanted = tuple(columns)
    for segment, some in faces.by_segment():
        yield some, load_descriptors(objects.read(segment.descriptors), wanted).rows(faces.rows[some])


def joined(faces: Seen, columns: Iterable[str] = ()) -> DescriptorTable:
    """The measures of all of them, a row a face; tracks are numbered over all segments."""
    tables = []
    for number, (_, table) in enumerate(each(faces, columns)):
        tables.append(replace(table, track=table.track.astype(np.int64) + number * TRACKS_A_SEGMENT))
    return DescriptorTable.joined(tables) if tables else load_descriptors(dump_descriptors([]), columns)
