"""Rendering: every face of a template drawn again by the subject's decoder.

Set-up and rendering are apart: `Swapper.prepare` reads a shot's crops once and settles what must be steady over time
(light, outline); the `Shot` it gives then lays a face into any of its frames at the cost of a blend.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from processing.engine.canonical import apply, crop_matrix, hull_mask, warp

from . import blend, colour
from .checkpoint import load_weights
from .device import choose_device, keep_freed_memory, mixed_precision
from .faceset import FOREHEAD, opening_mask
from .tone import measure_tone, retone, standard_tone

Floats = NDArray[np.float32]
Images = NDArray[np.uint8]


@dataclass(frozen=True)
class SwapSettings:
    """How a face is laid in. Lengths are parts of the crop's side; times are frames."""

    colour: float = 1.0  # 0 keeps the subject's own tone, 1 takes that of the scene
    colour_spread: float = 12.0  # standard deviation of the smoothing of the scene's tone
    detail: float = 1.5  # the most that fine detail is strengthened, where the scene is crisper than the drawing
    mask_spread: float = 1.5  # the same of the drawn outline
    erosion: float = 0.01
    feather: float = 0.09
    levels: int = 3  # of the Laplacian pyramid
    batch: int = 32  # faces drawn at once


@dataclass(frozen=True)
class Shot:
    """What is laid into the frames of one template, ready made.

    faces: uint8 (N, S, S, 3), masks: uint8 (N, S, S), matrices: float32 (N, 2, 3) frame to crop, has_face: bool (N,).
    """

    faces: Images
    masks: Images
    matrices: Floats
    has_face: NDArray[np.bool_]
    levels: int

    def __len__(self) -> int:
        return len(self.has_face)

    def render(self, index: int, frame: Images) -> tuple[Images, Images]:
        """Frame number `index` with its new face, and uint8 (H, W), 255 where it was touched.

        A frame without a face comes back as it was, with an empty mask.
        """
        if not self.has_face[index]:
            return frame.copy(), np.zeros(frame.shape[:2], np.uint8)
        mask = self.masks[index].astype(np.float32) / 255.0
        return blend.paste(frame, self.faces[index], mask, self.matrices[index], self.levels)


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

    def swap(self, frames: Images, landmarks: Floats) -> tuple[Images, Images]:
        """Swap a whole shot held in memory.

        frames: uint8 (N, H, W, 3) RGB. landmarks: float32 (N, 468, 3) px, smoothed; NaN for a frame without a face.
        -> frames uint8 (N, H, W, 3), and masks uint8 (N, H, W), 255 where a frame was touched.
        """
        shot = self.prepare(frames, landmarks)
        films, masks = zip(*(shot.render(index, frame) for index, frame in enumerate(frames)), strict=True)
        return np.stack(films), np.stack(masks)

    def prepare(self, frames: Iterable[Images], landmarks: Floats) -> Shot:
        """Read every frame once and draw its face. `frames` may be a generator as long as `landmarks`; none is kept.

        Raises ValueError when there are fewer frames than landmarks.
        """
        size = self.size
        has_face = np.asarray(np.isfinite(landmarks).all(axis=(1, 2)), np.bool_)
        matrices = np.zeros((len(landmarks), 2, 3), np.float32)
        matrices[:, :, :2] = np.eye(2)
        matrices[has_face] = [crop_matrix(points, size) for points in landmarks[has_face]]
        crops = np.zeros((len(landmarks), size, size, 3), np.uint8)
        hulls = np.zeros((len(landmarks), size, size), np.uint8)
        openings = np.zeros_like(hulls)
        read = 0
        for index, frame in zip(range(len(landmarks)), frames, strict=False):
            read += 1
            if has_face[index]:
                crops[index] = warp(frame, matrices[index], size)
                points = apply(matrices[index], landmarks[index])
                hulls[index] = hull_mask(points, size, FOREHEAD)
                openings[index] = opening_mask(points, size)
        if read < len(landmarks):
            raise ValueError(f"{len(landmarks)} frames were announced and only {read} came.")

        faces = np.zeros_like(crops)
        masks = np.zeros_like(hulls)
        rows = np.flatnonzero(has_face)
        if len(rows):
            shots = find_shots(landmarks, has_face)
            for shot in np.unique(shots[rows]):
                own = rows[shots[rows] == shot]
                faces[own], masks[own] = self._settle(crops[own], hulls[own], openings[own])
        return Shot(faces, masks, matrices, has_face, self.settings.levels)

    def draw(self, crops: Images, masks: Images, openings: Images, spread: float = 0.0) -> tuple[Images, Floats]:
        """Crops uint8 (N, S, S, 3) of anyone -> the subject doing the same.

        masks: uint8 (N, S, S), 255 on the face, where the light is measured. openings: uint8 (N, S, S), see
        `opening_mask`. spread: frames over which that measure is
        smoothed, when the crops are of one shot. -> uint8 (N, S, S, 3) in about the light of the crops, and the learned
        masks float32 (N, S, S) in 0..1.
        """
        pixels = torch.from_numpy(crops).permute(0, 3, 1, 2)
        tones = measure_tone(pixels, torch.from_numpy(masks)[:, None]).numpy()
        tones = colour.smooth_over_time(tones, np.zeros(len(crops), np.int64), spread)
        faces, learned = [], []
        for first in range(0, len(crops), self.settings.batch):
            some = slice(first, first + self.settings.batch)
            own = torch.from_numpy(tones[some]).to(self.device)
            standard = standard_tone(len(own), self.device)
            with torch.inference_mode(), mixed_precision(self.device):
                toned = retone(pixels[some].to(self.device).float() / 255.0, own, standard)
                opened = torch.from_numpy(openings[some])[:, None].to(self.device).float() / 255.0
                drawn = self.network(torch.cat([toned, opened], dim=1), "subject").float()
            lit = retone(drawn[:, :3], standard, own).clamp(0, 1)
            faces.append((lit * 255.0).round().byte().permute(0, 2, 3, 1).cpu().numpy())
            learned.append(drawn[:, 3].sigmoid().cpu().numpy())
        return np.concatenate(faces), np.concatenate(learned)

    def _settle(self, crops: Images, hulls: Images, openings: Images) -> tuple[Images, Images]:
        """Drawn faces and soft masks of one uncut shot, with what flickers smoothed along it."""
        settings, size = self.settings, self.size
        drawn, learned = self.draw(crops, hulls, openings, settings.colour_spread)
        one_shot = np.zeros(len(crops), np.int64)
        learned = colour.smooth_over_time(learned, one_shot, settings.mask_spread)
        masks = np.clip(learned * 1.5 - 0.25, 0.0, 1.0) * (hulls.astype(np.float32) / 255.0)

        # The statistics leave out the outline, where hair and background would tint the skin.
        inner = np.stack([cv2.erode(mask, np.ones((size // 16 | 1,) * 2)) for mask in masks]).astype(np.float32)
        own_lab = colour.to_lab(drawn)
        scene_lab = colour.to_lab(crops)
        own_lab = colour.match_detail(own_lab, scene_lab, inner, settings.detail)
        scene = colour.statistics(scene_lab, inner)
        own = colour.statistics(own_lab, inner)
        scene = colour.smooth_over_time(scene, one_shot, settings.colour_spread)
        own = colour.smooth_over_time(own, one_shot, settings.colour_spread)
        toned = colour.from_lab(colour.match(own_lab, own, scene, settings.colour))

        erosion, feather = round(settings.erosion * size), max(1, round(settings.feather * size))
        soft = np.stack([blend.soften(mask, erosion, feather) for mask in masks])
        return toned, np.round(soft * 255.0).astype(np.uint8)


def find_shots(landmarks: Floats, has_face: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number the uncut runs of a template, (N,): a cut is where the face is gone, or has leapt by half its width."""
    shots = np.zeros(len(landmarks), np.int64)
    for index in range(1, len(landmarks)):
        shots[index] = shots[index - 1]
        if not has_face[index] or not has_face[index - 1]:
            shots[index] += has_face[index] and not has_face[index - 1]
            continue
        before, after = landmarks[index - 1, :, :2], landmarks[index, :, :2]
        width = max(float(np.ptp(before[:, 0])), 1.0)
        shots[index] += bool(np.linalg.norm(after.mean(0) - before.mean(0)) > width / 2)
    return shots
