"""Setting drawn faces before a background: as a portrait cut out along the person, or as an oval medallion.

A crop ends at the upper forehead and a hand under the chin, so a portrait is a close-up, square, whose frame ends where the crop
does. Where the outline of the person is not known well enough, the oval of a locket hides what lies round the face instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from .motion import Motion

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]
Framing = Literal["portrait", "medallion"]
FRAMINGS: tuple[Framing, ...] = ("portrait", "medallion")

_RATIO: dict[Framing, float] = {"portrait": 1.0, "medallion": 4 / 3}  # width over height
_CROP: dict[Framing, float] = {"portrait": 1.1, "medallion": 1.02}  # side of the crop over the frame's height
_OVAL = (0.345, 0.44)  # half axes of the medallion over the frame's height
_NECK = (0.5, 1.0)  # where a head tilts, in parts of the crop
_TURN, _NOD = 0.28, 0.12  # how far a face moves aside, up and down when the head turns, over the crop's side and the angle's sine
_SCALE, _LEAST, _MOST = 3.75, 240, 720  # height of the film over the side of what a twin draws, and its bounds in pixels


@dataclass(frozen=True)
class Stage:
    """A background of the film's own size, uint8 (H, W, 3), and how the face is set before it."""

    background: Picture
    framing: Framing

    @property
    def width(self) -> int:
        return int(self.background.shape[1])

    @property
    def height(self) -> int:
        return int(self.background.shape[0])


def film_size(framing: Framing, size: int) -> tuple[int, int]:
    """(width, height) in pixels, both even, of a film by a twin that draws crops of side `size`."""
    height = int(np.clip(round(_SCALE * size), _LEAST, _MOST)) // 2 * 2
    return round(height * _RATIO[framing] / 2) * 2, height


def backdrop(colour: tuple[int, int, int], width: int, height: int) -> Picture:
    """A painted ground of one colour, lighter behind the head: uint8 (height, width, 3)."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    away = np.hypot((x / max(1, width - 1) - 0.5) * 1.3, y / max(1, height - 1) - 0.4)
    light = (1.18 - 0.55 * np.clip(away, 0.0, 1.0) ** 1.3)[..., None]
    # Faint fixed grain keeps the ground from banding once encoded.
    grain = np.random.default_rng(5).uniform(-1.2, 1.2, (height, width, 1)).astype(np.float32)
    return np.clip(np.round(np.array(colour, np.float32) * light + grain), 0, 255).astype(np.uint8)


def fill(picture: Picture, width: int, height: int) -> Picture:
    """A picture, uint8 (H, W, 3), scaled and cut at its longer ends so that it fills the frame, and a little out of focus, as
    what is behind a face is."""
    scale = max(width / picture.shape[1], height / picture.shape[0])
    size = (max(width, round(picture.shape[1] * scale)), max(height, round(picture.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(picture, size, interpolation=how)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    cut = np.ascontiguousarray(scaled[top : top + height, left : left + width])
    return np.asarray(cv2.GaussianBlur(cut, (0, 0), height / 160), np.uint8)


def placements(motion: Motion, size: int, stage: Stage) -> Floats:
    """Where each crop lies: float32 (T, 2, 3), crop pixels to frame pixels. The head tilts about the neck, which stays where it
    is while the face turns."""
    side = _CROP[stage.framing] * stage.height
    yaw, pitch = np.sin(np.deg2rad(motion.drives[:, 0])), np.sin(np.deg2rad(motion.drives[:, 1]))
    room = 0.45 * (side - min(stage.height, side * 0.9))
    aside = _TURN * side * (yaw - float(np.median(yaw)))
    up = np.clip(_NOD * side * (pitch - float(np.median(pitch))), -room, room)
    if stage.framing == "medallion":
        aside = np.clip(aside, -0.05 * side, 0.05 * side)
    roll = np.deg2rad(motion.roll)
    scale = side / size
    matrices = np.empty((len(motion), 2, 3), np.float32)
    matrices[:, 0, 0] = matrices[:, 1, 1] = scale * np.cos(roll)
    matrices[:, 0, 1], matrices[:, 1, 0] = -scale * np.sin(roll), scale * np.sin(roll)
    pivot = np.array(_NECK, np.float32) * size - 0.5
    goal = np.array([stage.width / 2, stage.height / 2 + side / 2], np.float32) - 0.5
    moved = np.einsum("nij,j->ni", matrices[:, :, :2], pivot)
    matrices[:, :, 2] = goal + np.stack([aside, -up], axis=1) - moved
    return matrices


def set_face(stage: Stage, face: Picture, person: Floats, matrix: Floats) -> Picture:
    """One frame, uint8 (H, W, 3). face: uint8 (S, S, 3). person: float32 (S, S) in 0..1. matrix: (2, 3), crop to frame."""
    size = (stage.width, stage.height)
    ground = stage.background.astype(np.float32)
    if stage.framing == "portrait":
        face = clean_edge(face, person)
    drawn = np.asarray(cv2.warpAffine(face, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.float32)
    if stage.framing == "medallion":
        inside, ring = _oval(*size)
        mixed = ground * (1 - inside) + drawn * inside
        return np.clip(np.round(mixed + ring), 0, 255).astype(np.uint8)
    shown = cv2.warpAffine(person * _bust(len(person)), matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    weight = np.clip((np.asarray(shown, np.float32) - 0.55) * 2.0 + 0.5, 0.0, 1.0)[..., None]
    return np.clip(np.round(ground + weight * (drawn - ground)), 0, 255).astype(np.uint8)


def clean_edge(face: Picture, person: Floats) -> Picture:
    """The crop with the person's own colours carried outward over the edge, so that nothing of what was behind comes along:
    colours of what is surely person, averaged with a Gaussian (normalised convolution, Knutsson and Westin 1993), replace the
    rest."""
    spread = len(person) / 32
    surely = np.clip((person - 0.8) * 8.0, 0.0, 1.0)
    inner = np.asarray(cv2.erode(surely, np.ones((3, 3), np.uint8)), np.float32)
    carried, share = np.zeros(face.shape, np.float32), np.full((*person.shape, 1), 1e-4, np.float32)
    # Near colours first; the wider mean only where there are none.
    for wide, trust in ((spread, 1.0), (4 * spread, 0.02)):
        weight = np.asarray(cv2.GaussianBlur(inner, (0, 0), wide), np.float32)[..., None]
        colours = np.asarray(cv2.GaussianBlur(face * inner[..., None], (0, 0), wide), np.float32)
        carried += trust * colours
        share += trust * weight
    own = np.asarray(cv2.GaussianBlur(inner, (0, 0), 0.8), np.float32)[..., None]
    return np.clip(np.round(own * face + (1 - own) * carried / share), 0, 255).astype(np.uint8)


def _bust(size: int) -> Floats:
    """1 in the middle, fading at the left and right end of the crop, and further in below: float32 (S, S). Shoulders go on where
    the crop does not, so they fade as in an old portrait."""
    at = (np.arange(size, dtype=np.float32) + 0.5) / size
    width = 0.08 + 0.4 * np.clip((at - 0.7) / 0.25, 0.0, 1.0)[:, None]
    fade = np.clip(np.minimum(at, 1.0 - at)[None] / width, 0.0, 1.0)
    return np.asarray((fade * fade * (3.0 - 2.0 * fade)) ** 1.5, np.float32)


def _oval(width: int, height: int) -> tuple[Floats, Floats]:
    """The locket's opening, (H, W, 1) in 0..1, and the light and shadow of its rim, (H, W, 1) grey levels."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    away = np.hypot((x - width / 2 + 0.5) / (_OVAL[0] * height), (y - height / 2 + 0.5) / (_OVAL[1] * height)) - 1.0
    away *= _OVAL[0] * height
    rim = 0.008 * height
    inside = np.clip(0.5 - away / (0.6 * rim), 0.0, 1.0)[..., None]
    bright = np.exp(-0.5 * ((away - rim) / rim) ** 2) * 70.0 - np.exp(-0.5 * (away / (5 * rim)) ** 2) * 22.0
    return inside, np.asarray(bright, np.float32)[..., None]
