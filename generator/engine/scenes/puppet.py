"""From a twin and its kept faces to a code book, and from a code book to faces nobody filmed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from processing.engine.mesh import FaceMesh

from ..augment import FaceTensors
from ..checkpoint import load_weights
from ..colour import from_lab, to_lab
from ..device import choose_device, keep_freed_memory, mixed_precision
from ..faceset import FaceSet, opening_mask
from ..tone import retone, standard_tone
from .book import CodeBook, fit
from .drive import AXES, POSE, drive_of, drives_of

Floats = NDArray[np.float32]
Images = NDArray[np.uint8]

APART = 45.0
_DETAIL_SPREAD = 1.2  # pixels of the twin's crop: what is finer is detail
_READ_SIDE = 288  # pixels, in which the mesh reads a drawing
_MOST_GAIN = 1.6  # beyond it codes are of no face
_MOST_DETAIL = 1.6  # the most that a drawing's detail is strengthened


@dataclass(frozen=True)
class Seen:
    """What a code book is made of beside the face set, face by face in its order.

    landmarks: float32 (N, 468, 3), pixels of the pictures. in_crop: float32 (N, 468, 3), parts of the crop's side.
    """

    landmarks: Floats
    in_crop: Floats


def make_book(weights: bytes, faces: FaceSet, seen: Seen, device: torch.device | str | None = None) -> CodeBook:
    """The code book of a twin that has learned. faces: the subject's, of any side, with openings.

    Raises BookError when they are too few, CheckpointError for damaged weights.
    """
    where = choose_device(device)
    network = load_weights(weights).to(where)
    faces = faces.resized(network.config.size)
    codes, tones = [], []
    for first in range(0, len(faces), 32):
        some = FaceTensors.of(faces.take(np.arange(first, min(len(faces), first + 32))), where)
        with torch.inference_mode(), mixed_precision(where):
            codes.append(network.encoder(some.sources()).float().cpu().numpy())
        tones.append(some.tone.cpu().numpy())
    inner = faces.masks.astype(np.float32) / 255.0
    book = fit(
        np.concatenate(codes),
        drives_of(seen.landmarks),
        seen.in_crop,
        sittings(faces.moments),
        np.concatenate(tones),
        _detail(to_lab(faces.images)[..., 0], inner),
    )
    return replace(book, gains=_gains(Puppet(weights, book, where)))


def _gains(puppet: Puppet) -> Floats:
    """How much further each expression must be pushed to be seen as it is asked for: float32 (2, 7), 1 to _MOST_GAIN. The pose is
    left alone. Each end of each axis is drawn and measured against the face at rest; what the mesh cannot read stays as it is."""
    gains = np.ones((2, len(AXES)), np.float32)
    asked = [(end, axis) for axis in range(len(POSE), len(AXES)) for end in (0, 1)]
    parts = np.zeros((len(asked) + 1, len(AXES)), np.float32)
    for row, (end, axis) in enumerate(asked):
        parts[row, axis] = 2 * end - 1
    mesh, seen = FaceMesh(), []
    for face, points in puppet.draw(puppet.book.range.at(parts)):
        scale = _READ_SIDE / puppet.size
        larger = np.asarray(cv2.resize(face, (_READ_SIDE, _READ_SIDE), interpolation=cv2.INTER_CUBIC), np.uint8)
        found = mesh.landmarks(larger, points * np.float32(scale))
        seen.append(None if found is None else puppet.book.range.reach(drive_of(found.points)[None])[0])
    rest = seen.pop()
    for (end, axis), got in zip(asked, seen, strict=True):
        if got is not None and rest is not None:
            shown = float(got[axis] - rest[axis]) * (2 * end - 1)
            gains[end, axis] = np.clip(1.0 / max(shown, 1e-6), 1.0, _MOST_GAIN)
    return gains


def sittings(moments: NDArray[np.floating]) -> NDArray[np.intp]:
    """Faces between which less than APART seconds lie are of one sitting: moments (N,), rising -> int (N,), from 0."""
    return np.cumsum(np.diff(moments, prepend=moments[:1]) > APART)


class Puppet:
    """A twin that does what it is asked to. Raises CheckpointError for damaged weights, BookError for a book of another
    network."""

    def __init__(self, weights: bytes, book: CodeBook, device: torch.device | str | None = None) -> None:
        self.device = choose_device(device)
        self.network = load_weights(weights).to(self.device)
        self.book = book
        keep_freed_memory()
        self._gain = 1.0
        face, _ = next(self.draw(book.base_drive[None]))
        lightness = to_lab(face[None])[..., 0]
        inner = np.zeros(lightness.shape, np.float32)
        edge = self.size // 5
        inner[:, edge:-edge, edge:-edge] = 1.0
        self._gain = float(np.clip(np.sqrt(book.detail / max(_detail(lightness, inner), 1e-6)), 1.0, _MOST_DETAIL))

    @property
    def size(self) -> int:
        """Side in pixels of what it draws."""
        return self.network.config.size

    def draw(self, drives: Floats, batch: int = 32) -> Iterator[tuple[Images, Floats]]:
        """drives: float32 (N, 7), see `drive.AXES`, cut to what was seen -> for each one a crop uint8 (S, S, 3) RGB, and the
        landmarks that were asked for, float32 (468, 3), pixels of the crop."""
        size = self.size
        for first in range(0, len(drives), batch):
            codes, landmarks = self.book.read(drives[first : first + batch])
            points = landmarks * size
            openings = np.stack([opening_mask(one, size) for one in points])
            with torch.inference_mode(), mixed_precision(self.device):
                code = torch.from_numpy(codes).to(self.device).contiguous(memory_format=torch.channels_last)
                opened = torch.from_numpy(openings)[:, None].to(self.device).float() / 255.0
                drawn = self.network.subject(code, opened).float()
            own = torch.from_numpy(self.book.tone).to(self.device).expand(len(drawn), 2, 3)
            lit = retone(drawn[:, :3], standard_tone(len(drawn), self.device), own).clamp(0, 1)
            faces = (lit * 255.0).round().byte().permute(0, 2, 3, 1).cpu().numpy()
            yield from zip(self._crisp(faces), points, strict=True)

    def _crisp(self, faces: Images) -> Images:
        """One gain for all frames, so that nothing flickers."""
        if self._gain <= 1.0:
            return faces
        lab = to_lab(faces)
        lab[..., 0] += (self._gain - 1.0) * (lab[..., 0] - _blurred(lab[..., 0]))
        return from_lab(lab)


def _blurred(lightness: Floats) -> Floats:
    return np.stack([np.asarray(cv2.GaussianBlur(plane, (0, 0), _DETAIL_SPREAD), np.float32) for plane in lightness])


def _detail(lightness: Floats, where: Floats) -> float:
    """Mean square of what is finer than a small blur, in CIE L* squared, over `where`. Both float32 (N, H, W)."""
    fine = np.square(lightness - _blurred(lightness))
    return float((fine * where).sum() / max(float(where.sum()), 1e-6))
