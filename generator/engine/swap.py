"""Rendering: every face of a template drawn again by the subject's decoder.

Set-up and rendering are apart. `Swapper.prepare` settles, from what was measured of the template once and from a face drawn now
and then, whatever must be steady over time: light, crispness, grain. The `Part` it gives draws any stretch of the template in
one pass over its frames, and draws it alike wherever the stretch begins and ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray

from processing.engine.canonical import FOREHEAD, apply, hull_mask, resized, warp
from processing.engine.scenery import Scenery, grain_of, measure_scenery, skin_of

from . import blend, colour
from .checkpoint import load_weights
from .device import choose_device, keep_freed_memory, mixed_precision
from .faceset import opening_mask
from .tone import measure_tone, retone, standard_tone, tone_of

Floats = NDArray[np.float32]
Images = NDArray[np.uint8]

# How far a drawn outline is smoothed to either side, in frames: a stretch must be drawn so much longer than it is shown.
CONTEXT = 3


@dataclass(frozen=True)
class SwapSettings:
    """How a face is laid in. Lengths are parts of the crop's side; times are frames."""

    colour: float = 1.0  # 0 keeps the subject's own tone, 1 takes that of the scene
    colour_spread: float = 12.0  # standard deviation of the smoothing of the scene's tone
    own_spread: float = 25.0  # the same of what the drawing's own tone is off by
    detail: float = 1.5  # the most that fine detail is strengthened, where the scene is crisper than the drawing
    mask_spread: float = 1.5  # of the drawn outline, up to CONTEXT frames away
    erosion: float = 0.0
    feather: float = 0.065  # wider hides more of the subject's own outline, narrower shows the seam
    extend: float = 0.04  # deviation of the mean by which skin is carried on beyond the drawn outline
    levels: int = 3  # of the Laplacian pyramid
    grain: float = 1.0  # share of the scene's noise that is given to the drawing
    most_grain: float = 6.0  # grey levels
    batch: int = 16  # faces drawn at once


@dataclass(frozen=True)
class Shot:
    """One face, ready to be laid into one frame.

    face: uint8 (S, S, 3). mask: uint8 (S, S), soft. matrix: float32 (2, 3), frame to crop. grain: deviation in grey levels.
    seed: of the grain.
    """

    face: Images
    mask: Images
    matrix: Floats
    levels: int
    grain: float
    seed: int


def lay_in(frame: Images, shot: Shot | None) -> Images:
    """Lay a face, if there is one, into `frame`, uint8 (H, W, 3), in place. -> uint8 (H, W), 255 where it was touched."""
    touched = np.zeros(frame.shape[:2], np.uint8)
    if shot is not None:
        blend.paste(frame, touched, shot.face, shot.mask, shot.matrix, shot.levels, shot.grain, shot.seed)
    return touched


@dataclass(frozen=True)
class _Raw:
    """A drawn face before anything is smoothed. lit: float32 (S, S, 3) in 0..1. learned: float32 (S, S), 0..1. hull: uint8 (S,
    S)."""

    lit: Floats
    learned: Floats
    hull: Images


class Part:
    """A twin's part in one template: settled, and ready to be drawn into any stretch of it. Made by `Swapper.prepare`.

    landmarks: float32 (T, 468, 3) px of the face that it takes the place of; NaN where that is absent.
    """

    def __init__(self, swapper: Swapper, landmarks: Floats, scenery: Scenery) -> None:
        self._swapper, self._landmarks, self._scenery = swapper, landmarks, scenery
        self._has_face = np.asarray(np.isfinite(landmarks).all(axis=(1, 2)), np.bool_)
        settings, size = swapper.settings, swapper.size
        shots = np.where(self._has_face, scenery.shots, -1)
        self._shots = shots
        tones = tone_of(scenery.mean, scenery.covariance)
        self._tones = colour.smooth_over_time(tones, shots, settings.colour_spread)
        self._wanted = colour.smooth_over_time(scenery.lab, shots, settings.colour_spread)
        self._own, self._crispness, self._grain = self._settle(size)

    def __len__(self) -> int:
        return len(self._landmarks)

    def draw(self, first: int, frames: Sequence[Images]) -> list[_Raw | None]:
        """The faces of frames number `first` and on, as they are drawn; None where there is none."""
        rows = [index for index in range(first, min(first + len(frames), len(self))) if self._has_face[index]]
        raws: list[_Raw | None] = [None] * len(frames)
        if rows:
            size = self._swapper.size
            crops = np.stack([warp(frames[row - first], self._matrix(row), size) for row in rows])
            for row, raw in zip(rows, self._draw(rows, crops), strict=True):
                raws[row - first] = raw
        return raws

    def finish(self, index: int, drawn: dict[int, _Raw]) -> Shot | None:
        """The face of frame `index`, its outline smoothed with those of its neighbours in `drawn`; None without a face."""
        own = drawn.get(index)
        if own is None:
            return None
        settings, size = self._swapper.settings, self._swapper.size
        learned = self._steady(index, drawn)
        mask = np.clip(learned * 1.5 - 0.25, 0.0, 1.0) * own.hull
        soft = blend.soften(
            np.rint(mask).astype(np.uint8), round(settings.erosion * size), max(1, round(settings.feather * size))
        )
        lab = colour.to_lab(own.lit)
        lab = colour.sharpened(lab, float(self._crispness[index]))
        lab = colour.match(lab[None], self._own[index][None], self._wanted[index][None], settings.colour)[0]
        lab = colour.extended(lab, learned, settings.extend * size)
        return Shot(colour.from_lab(lab), soft, self._matrix(index), settings.levels, float(self._grain[index]), index)

    def _matrix(self, index: int) -> Floats:
        return resized(self._scenery.matrix[index], self._swapper.size)

    def _draw(self, rows: Sequence[int], crops: Images) -> list[_Raw]:
        size = self._swapper.size
        points = [apply(self._matrix(row), self._landmarks[row]) for row in rows]
        openings = np.stack([opening_mask(each, size) for each in points])
        lit, learned = self._swapper.draw_toned(crops, openings, self._tones[list(rows)])
        hulls = [hull_mask(each, size, FOREHEAD) for each in points]
        return [_Raw(*each) for each in zip(lit, learned, hulls, strict=True)]

    def _steady(self, index: int, drawn: dict[int, _Raw]) -> Floats:
        spread = self._swapper.settings.mask_spread
        total, weight = drawn[index].learned, 1.0
        if spread > 0:
            total = total.copy()
            for other in range(index - CONTEXT, index + CONTEXT + 1):
                near = drawn.get(other)
                if other != index and near is not None and self._shots[other] == self._shots[index]:
                    share = float(np.exp(-0.5 * ((other - index) / spread) ** 2))
                    total += share * near.learned
                    weight += share
        return total / np.float32(weight)

    def _settle(self, size: int) -> tuple[Floats, Floats, Floats]:
        """For each frame: mean and deviation of the drawing's own LAB (T, 2, 3), how much its detail is strengthened (T,), and
        the deviation of the grain it is given (T,). From the faces of the sampled frames, drawn once."""
        settings, scenery = self._swapper.settings, self._scenery
        rows = [row for row in scenery.sampled.tolist() if self._has_face[row]]
        numbers = [number for number, row in enumerate(scenery.sampled.tolist()) if self._has_face[row]]
        off, energy, grain = np.zeros((len(rows), 2, 3), np.float32), np.zeros((len(rows), 2)), np.zeros(len(rows))
        for start in range(0, len(rows), settings.batch):
            some = rows[start : start + settings.batch]
            crops = np.stack([scenery.sample(number, size) for number in numbers[start : start + settings.batch]])
            for place, (row, crop, raw) in enumerate(zip(some, crops, self._draw(some, crops), strict=True), start=start):
                lab, skin = colour.to_lab(raw.lit), skin_of(raw.hull)
                off[place] = colour.statistics(lab, skin) - self._wanted[row]
                energy[place] = colour.detail_energy(lab, skin), colour.detail_energy(colour.to_lab(crop), skin)
                grain[place] = self._own_grain(row, raw, skin)
        own = self._wanted + colour.spread_over_time(off, np.array(rows), self._shots, settings.own_spread)
        crispness = np.ones(len(self), np.float32)
        noise = np.zeros(len(self), np.float32)
        for shot in np.unique(self._shots[rows]) if rows else ():
            here, of_samples = self._shots == shot, self._shots[rows] == shot
            drawn, scene = energy[of_samples].sum(axis=0)
            crispness[here] = np.clip(np.sqrt(scene / max(drawn, 1e-6)), 1.0, max(1.0, settings.detail))
            scene_grain, own_grain = np.median(scenery.grain[numbers][of_samples]), np.median(grain[of_samples])
            lacking = float(np.sqrt(max(0.0, scene_grain**2 - own_grain**2)))
            noise[here] = settings.grain * min(lacking, settings.most_grain)
        return own, crispness, noise

    def _own_grain(self, row: int, raw: _Raw, skin: Images) -> float:
        """Noise that a drawing has by itself at the size at which it is laid in."""
        face = np.rint(raw.lit * 255.0).astype(np.uint8)
        return grain_of(*blend.back_to_size(face, skin, self._matrix(row)))


def draw_along(
    parts: Sequence[Part], frames: Iterable[Images], first: int = 0, show_from: int = 0, batch: int = 16
) -> Iterator[tuple[int, Images, list[Shot | None]]]:
    """All faces of a stretch of a film, in one pass: (number, frame, the face of each part) for every frame from `show_from` on.

    frames: uint8 (H, W, 3), number `first`, `first + 1` and so on. So that a stretch looks as it does in the whole, it must begin
    CONTEXT frames before what is shown, and go on as long after it; what comes then is given too.
    """
    drawn: list[dict[int, _Raw]] = [{} for _ in parts]
    waiting: deque[tuple[int, Images]] = deque()
    stream, reached = iter(frames), first
    while some := list(islice(stream, batch)):
        for part, faces in zip(parts, drawn, strict=True):
            faces.update((reached + place, raw) for place, raw in enumerate(part.draw(reached, some)) if raw is not None)
        waiting.extend(enumerate(some, start=reached))
        reached += len(some)
        yield from _ready(parts, drawn, waiting, show_from, reached - CONTEXT)
    yield from _ready(parts, drawn, waiting, show_from, reached)


def _ready(
    parts: Sequence[Part],
    drawn: list[dict[int, _Raw]],
    waiting: deque[tuple[int, Images]],
    show_from: int,
    until: int,
) -> Iterator[tuple[int, Images, list[Shot | None]]]:
    while waiting and waiting[0][0] < until:
        index, frame = waiting.popleft()
        if index >= show_from:
            yield index, frame, [part.finish(index, faces) for part, faces in zip(parts, drawn, strict=True)]
        for faces in drawn:
            faces.pop(index - CONTEXT, None)


class Swapper:
    """A twin that draws.

    weights: bytes as `train` gives them; they carry their configuration. Raises CheckpointError when they are damaged.
    """

    def __init__(self, weights: bytes, device: torch.device | str | None = None, settings: SwapSettings | None = None) -> None:
        self.device = choose_device(device)
        self.network = load_weights(weights).to(self.device)
        self.settings = settings or SwapSettings()
        keep_freed_memory()

    @property
    def size(self) -> int:
        """Side in pixels of the crop that this twin reads and draws."""
        return self.network.config.size

    def prepare(self, landmarks: Floats, scenery: Scenery) -> Part:
        """A part in the template of which `scenery` was measured round `landmarks`, float32 (T, 468, 3) px, NaN without a
        face."""
        return Part(self, landmarks, scenery)

    def swap(self, frames: Images, landmarks: Floats, rate: float = 25.0) -> tuple[Images, Images]:
        """Swap a whole film held in memory.

        frames: uint8 (N, H, W, 3) RGB. landmarks: float32 (N, 468, 3) px, smoothed; NaN for a frame without a face. rate: frames
        a second. -> frames uint8 (N, H, W, 3), and masks uint8 (N, H, W), 255 where a frame was touched. Raises ValueError
        when there are fewer frames than landmarks.
        """
        part = self.prepare(landmarks, measure_scenery(frames, landmarks, rate))
        films, masks = [], []
        for _, frame, (shot,) in draw_along([part], frames, batch=self.settings.batch):
            films.append(frame.copy())
            masks.append(lay_in(films[-1], shot))
        return np.stack(films), np.stack(masks)

    def draw(self, crops: Images, masks: Images, openings: Images) -> tuple[Images, Floats]:
        """Crops uint8 (N, S, S, 3) of anyone -> the subject doing the same.

        masks: uint8 (N, S, S), 255 on the face, where the light is measured. openings: uint8 (N, S, S), see `opening_mask`.
        -> uint8 (N, S, S, 3) in the light of the crops, and the learned masks float32 (N, S, S) in 0..1.
        """
        tones = measure_tone(torch.from_numpy(crops).permute(0, 3, 1, 2), torch.from_numpy(masks)[:, None]).numpy()
        lit, learned = self.draw_toned(crops, openings, tones)
        return np.rint(lit * 255.0).astype(np.uint8), learned

    def draw_toned(self, crops: Images, openings: Images, tones: Floats) -> tuple[Floats, Floats]:
        """As `draw`, with the tone of each crop given, float32 (N, 2, 3); faces come as float32 (N, S, S, 3) in 0..1."""
        faces, learned = [], []
        for first in range(0, len(crops), self.settings.batch):
            some = slice(first, first + self.settings.batch)
            own = torch.from_numpy(np.ascontiguousarray(tones[some])).to(self.device)
            standard = standard_tone(len(own), self.device)
            with torch.inference_mode():
                pixels = torch.from_numpy(crops[some]).to(self.device).permute(0, 3, 1, 2).float() / 255.0
                opened = torch.from_numpy(openings[some]).to(self.device)[:, None].float() / 255.0
                sources = torch.cat([retone(pixels, own, standard), opened], dim=1)
                with mixed_precision(self.device):
                    drawn = self.network(sources.contiguous(memory_format=torch.channels_last), "subject").float()
                lit = retone(drawn[:, :3], standard, own).clamp(0, 1).permute(0, 2, 3, 1)
                faces.append(lit.cpu().contiguous().numpy())
                learned.append(drawn[:, 3].sigmoid().cpu().numpy())
        return np.concatenate(faces), np.concatenate(learned)
