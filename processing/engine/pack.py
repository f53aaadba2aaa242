"""How crops and what is known of them are stored: one run of JPEGs and masks, and one table of arrays.

Both are bytes in memory; whoever stores them encrypts them first, for both show a face.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray

from processing.engine.analysis import FaceObservation
from processing.engine.arrays import Floats, Image
from processing.engine.descriptors import HASHES, Descriptors, Measures
from processing.engine.identity import DIMENSIONS
from processing.engine.segmentation import encode_mask

JPEG_QUALITY = 95
# columns of more than one number a face
BROAD = ("box", "landmarks", "matrix", "embedding")


class PackWriter:
    """Writes crops one after the other through `write`, and tells where each lies."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._offset = 0

    def add(self, crop: Image) -> tuple[int, int]:
        """Append one crop, uint8 (S, S, 3) RGB, as JPEG without colour subsampling -> (offset, length) in bytes."""
        return self._append(encode_crop(crop))

    def add_masked(self, crop: Image, mask: Image | None) -> tuple[int, int, int]:
        """Append one crop, and behind it the mask of its person, uint8 (M, M) -> (offset, length, mask_length) in bytes.

        `offset` and `length` are those of the crop; the mask lies at offset + length, and is 0 bytes long where there is none.
        """
        offset, length = self.add(crop)
        return offset, length, 0 if mask is None else self._append(encode_mask(mask))[1]

    def _append(self, data: bytes) -> tuple[int, int]:
        offset = self._offset
        self._write(data)
        self._offset += len(data)
        return offset, len(data)


def encode_crop(crop: Image) -> bytes:
    """uint8 (H, W, 3) RGB -> JPEG."""
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    done, data = cv2.imencode(".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise ValueError(f"no JPEG can be made of an array of shape {crop.shape}")
    return data.tobytes()


def decode_crop(data: bytes) -> Image:
    """JPEG -> uint8 (H, W, 3) RGB. Raises ValueError if it is damaged."""
    image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("this stored crop is damaged: it is no JPEG")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


@dataclass(frozen=True, kw_only=True)
class DescriptorTable(Measures[Floats, NDArray[np.uint64]]):
    """What is known of N faces, a row a face: their measures, float32 (N,), hashes uint64 (N,), and where they were seen.

    frame_index, track, shot: int32 (N,). time: float64 (N,) seconds. score: float32 (N,). box: float32 (N, 4). landmarks:
    float32 (N, 468, 3) pixels. matrix: float32 (N, 2, 3). embedding: float32 (N, 128), NaN where none was made.
    """

    frame_index: NDArray[np.int32]
    time: NDArray[np.float64]
    track: NDArray[np.int32]
    shot: NDArray[np.int32]
    score: Floats
    box: Floats
    landmarks: Floats
    matrix: Floats
    embedding: Floats

    def __len__(self) -> int:
        return len(self.frame_index)

    @classmethod
    def joined(cls, tables: list[DescriptorTable]) -> DescriptorTable:
        """The rows of one table behind those of the other; at least one table."""
        return cls(**{f.name: np.concatenate([getattr(table, f.name) for table in tables]) for f in fields(cls)})

    def rows(self, chosen: NDArray[np.bool_] | NDArray[np.integer] | list[int]) -> DescriptorTable:
        """The table of some rows: a bool mask (N,) or row numbers."""
        pick = np.asarray(chosen, dtype=None if len(chosen) else np.intp)
        return DescriptorTable(**{f.name: getattr(self, f.name)[pick] for f in fields(self)})


def tabulate(observations: Iterable[FaceObservation]) -> DescriptorTable:
    """The observations, in their order, as one table; their crops are not in it."""
    faces = list(observations)
    count = len(faces)
    unknown = np.full(DIMENSIONS, np.nan, dtype=np.float32)

    def column(values: list[object], shape: tuple[int, ...], kind: type) -> NDArray[np.generic]:
        return np.array(values, dtype=kind).reshape(count, *shape)

    columns: dict[str, NDArray[np.generic]] = {
        "frame_index": column([f.frame_index for f in faces], (), np.int32),
        "time": column([f.time for f in faces], (), np.float64),
        "track": column([f.track for f in faces], (), np.int32),
        "shot": column([f.shot for f in faces], (), np.int32),
        "score": column([f.score for f in faces], (), np.float32),
        "box": column([f.box for f in faces], (4,), np.float32),
        "landmarks": column([f.landmarks for f in faces], (468, 3), np.float32),
        "matrix": column([f.matrix for f in faces], (2, 3), np.float32),
        "embedding": column([unknown if f.embedding is None else f.embedding for f in faces], (DIMENSIONS,), np.float32),
    }
    for field in fields(Descriptors):
        kind: type = np.uint64 if field.name in HASHES else np.float32
        columns[field.name] = column([getattr(f.descriptors, field.name) for f in faces], (), kind)
    return DescriptorTable(**columns)  # type: ignore[arg-type]  # each column was made with its field's type


def dump_descriptors(observations: Iterable[FaceObservation] | DescriptorTable) -> bytes:
    """The table of some faces as a compressed .npz."""
    table = observations if isinstance(observations, DescriptorTable) else tabulate(observations)
    target = io.BytesIO()
    columns = {field.name: getattr(table, field.name) for field in fields(table)}
    np.savez_compressed(target, allow_pickle=False, **columns)
    return target.getvalue()


def load_descriptors(data: bytes, columns: Iterable[str] = BROAD) -> DescriptorTable:
    """The table from `dump_descriptors`. Raises ValueError or KeyError if `data` is something else.

    columns: which of BROAD to read; the others come as (N, 0), which costs neither time nor memory. A measure that did
    not exist when the table was made is NaN, a hash or the number of a shot 0.
    """
    wanted, measures = set(columns), {field.name for field in fields(Measures)}
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        count = len(stored["yaw"])
        table: dict[str, NDArray[np.generic]] = {}
        for field in fields(DescriptorTable):
            if field.name in BROAD and field.name not in wanted:
                table[field.name] = np.zeros((count, 0), dtype=np.float32)
            elif field.name == "shot" and field.name not in stored:
                table[field.name] = np.zeros(count, dtype=np.int32)
            elif field.name in measures and field.name not in stored:
                table[field.name] = np.zeros(count, np.uint64) if field.name in HASHES else np.full(count, np.nan, np.float32)
            else:
                table[field.name] = stored[field.name]
    return DescriptorTable(**table)  # type: ignore[arg-type]  # each column was stored with its field's type
