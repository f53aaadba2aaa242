"""What would make the faces of a scene better to learn from: measured once, applied to copies, never to what is stored.

Colour, light, noise and softness are each corrected only where the measures say that it helps. Interlaced film is
mended while it is read (see `media`), so there is nothing to do about it here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from processing.engine.arrays import Floats, Image
from processing.engine.canonical import apply as move
from processing.engine.canonical import hull_mask
from processing.engine.light import linear
from processing.engine.pack import DescriptorTable
from processing.engine.quality import noise, sharpness

# Faces of a scene that are measured.
SAMPLES = 9
# ln(red / green) and ln(blue / green) of the light from skins of all tones under a neutral light, least and most.
SKIN_LEAST, SKIN_MOST = np.array([0.05, -0.70]), np.array([0.92, -0.08])
# A cast of the surround that is smaller than this (natural logarithm) is none; a larger correction than this is not made.
LEAST_CAST, MOST_CAST = 0.10, 0.70
# Mean lightness of a face, and that of the lightest hundredth of its crop, 0..255. A scene is too dark only when both
# are: dark skin has light eyes, teeth, cloth beside it, which a lack of light would darken too.
DARK_FACE, DARK_HIGHLIGHT, LIT_FACE, LIT_HIGHLIGHT = 80.0, 125.0, 120.0, 225.0
BRIGHT_FACE, DIMMED_FACE = 200.0, 180.0
# Grey levels; compressed film has under 1.
NOISY = 2.0
# 0..1; a good 480p face has over 0.4.
SOFT = 0.36


@dataclass(frozen=True)
class Corrections:
    """What to do to each crop of a scene.

    red, green, blue: what the light of the channel is multiplied by, 0.5..2; exposure: and that of all three, up to 4.
    denoise: grey levels of noise to remove, 0 for none. sharpen: share of the lost detail to give back, 0..1.5.
    """

    red: float = 1.0
    green: float = 1.0
    blue: float = 1.0
    exposure: float = 1.0
    denoise: float = 0.0
    sharpen: float = 0.0


NONE = Corrections()


def measure(crops: Image, table: DescriptorTable) -> Corrections:
    """What helps the faces of one track or scene.

    crops: uint8 (N, S, S, 3), standard crops; table: the N rows that belong to them. Nine of them are measured, and
    the median of each measure counts. NONE for no faces.
    """
    if not len(crops):
        return NONE
    rows = np.unique(np.linspace(0, len(crops) - 1, min(SAMPLES, len(crops))).round().astype(int))
    size = crops.shape[1]
    shown = [_Shown(crops[row], move(table.matrix[row], table.landmarks[row]) * np.float32(size / 192)) for row in rows]
    found = _denoising(shown)
    found = _white_balance(shown, found)
    found = _exposure(shown, found)
    return _sharpening(shown, found)


def apply(crop: Image, corrections: Corrections) -> Image:
    """A corrected copy. crop: uint8 (S, S, 3) -> uint8 (S, S, 3); the same pixels where there is nothing to do."""
    made = crop
    if corrections.denoise > 0:
        made = _denoised(made, corrections.denoise)
    gains = tuple(channel * corrections.exposure for channel in (corrections.red, corrections.green, corrections.blue))
    if gains != (1.0, 1.0, 1.0):
        made = np.stack([_curve(gain)[made[..., channel]] for channel, gain in enumerate(gains)], axis=-1)
    if corrections.sharpen > 0:
        made = _sharpened(made, corrections.sharpen)
    return made.copy() if made is crop else made


class _Shown:
    """A crop, uint8 (S, S, 3), with its landmarks, float32 (468, 3), and where the face and where the surround is in it."""

    def __init__(self, crop: Image, landmarks: Floats) -> None:
        self.crop, self.landmarks = crop, landmarks
        mask = hull_mask(landmarks, crop.shape[0])
        self.face: NDArray[np.bool_] = mask > 127
        reach = np.ones((9, 9), dtype=np.uint8)
        self.surround: NDArray[np.bool_] = cv2.dilate(mask, reach) == 0

    def after(self, corrections: Corrections) -> _Shown:
        return _Shown(apply(self.crop, corrections), self.landmarks)

    @property
    def grey(self) -> Image:
        return np.asarray(cv2.cvtColor(self.crop, cv2.COLOR_RGB2GRAY), dtype=np.uint8)

    @property
    def noise(self) -> float:
        return noise(self.crop, self.landmarks)

    @property
    def sharpness(self) -> float:
        return sharpness(self.grey, self.face)

    @property
    def clipped(self) -> float:
        """Share of the face that is as light as can be in a channel."""
        return float((self.crop[self.face] >= 254).any(axis=-1).mean()) if self.face.any() else 0.0

    def edges(self) -> Floats:
        """float32 (S, S): how steep the picture is, finer things than noise left out."""
        smooth = cv2.GaussianBlur(self.grey.astype(np.float32), (0, 0), 1.5)
        return np.hypot(cv2.Sobel(smooth, -1, 1, 0), cv2.Sobel(smooth, -1, 0, 1)).astype(np.float32)


def _median(values: list[float]) -> float:
    return float(np.median(values))


def _denoising(shown: list[_Shown]) -> Corrections:
    """Taken where it halves the noise, or better, and leaves nine tenths of the strong edges."""
    level = _median([one.noise for one in shown])
    if level < NOISY:
        return NONE
    found = Corrections(denoise=round(level, 2))
    cleaned = [one.after(found) for one in shown]
    left = _median([one.noise for one in cleaned])
    return found if left <= level / 2 and _median(list(map(_edges_kept, shown, cleaned))) >= 0.9 else NONE


def _edges_kept(before: _Shown, after: _Shown) -> float:
    steep = before.edges()
    strong = steep >= np.quantile(steep, 0.9)
    return float(after.edges()[strong].mean() / max(float(steep[strong].mean()), 1e-6))


def _denoised(crop: Image, level: float) -> Image:
    """Non-local means on the lightness (Buades et al. 2005), a soft blur on the colours, where eyes see little detail."""
    split = cv2.cvtColor(crop, cv2.COLOR_RGB2YCrCb)
    split[..., 0] = cv2.fastNlMeansDenoising(np.ascontiguousarray(split[..., 0]), None, 1.1 * level, 5, 15)
    split[..., 1:] = cv2.GaussianBlur(split[..., 1:], (0, 0), 1.5)
    return np.asarray(cv2.cvtColor(split, cv2.COLOR_YCrCb2RGB), dtype=np.uint8)


def _white_balance(shown: list[_Shown], found: Corrections) -> Corrections:
    """Two witnesses must agree that the light has a colour: the face, outside the colours that skins of any tone have
    under neutral light, and the edges of the surround, which on average are grey. Then the surround's cast is taken
    away (von Kries 1902), as far as it leaves the face the colour of skin and no part of it clipped.
    """
    skin = np.median([_skin(one) for one in shown], axis=0)
    surround = np.median([_cast_of_edges(one) for one in shown], axis=0)
    needed = skin - np.clip(skin, SKIN_LEAST, SKIN_MOST)
    size = float(np.linalg.norm(surround))
    if not needed.any() or not size >= LEAST_CAST or float(needed @ surround) <= 0:
        return found
    cast = np.clip(surround, skin - SKIN_MOST, skin - SKIN_LEAST)
    cast = np.clip(cast, -MOST_CAST, MOST_CAST)
    red, blue = np.exp(-cast)
    # the face stays as light as it was
    light = np.median([np.median(linear(one.crop[one.face].astype(np.float32)), axis=0) for one in shown], axis=0)
    luma = np.array([0.2126, 0.7152, 0.0722])
    level = float(luma @ light / max(float(luma @ (light * [red, 1.0, blue])), 1e-6))
    gains = np.clip(np.array([red, 1.0, blue]) * level, 0.5, 2.0)
    changed = replace(found, red=float(gains[0]), green=float(gains[1]), blue=float(gains[2]))
    return changed if not _clips(shown, changed) else found


def _skin(one: _Shown) -> Floats:
    """float64 (2,): ln(red / green), ln(blue / green) of the median light from the face."""
    red, green, blue = np.maximum(np.median(linear(one.crop[one.face].astype(np.float32)), axis=0), 1e-4).astype(np.float64)
    return np.log([red / green, blue / green])


def _cast_of_edges(one: _Shown) -> Floats:
    """float64 (2,): the same of the surround's light by the grey-edge hypothesis (van de Weijer et al. 2007, norm 3);
    NaN where there is no surround or no edge in it."""
    light = cv2.GaussianBlur(linear(one.crop.astype(np.float32)), (0, 0), 1.5)
    usable = (one.surround & (one.crop.max(axis=-1) < 250)).astype(np.uint8)
    usable = cv2.erode(usable, np.ones((5, 5), dtype=np.uint8))
    steep = np.hypot(cv2.Sobel(light, -1, 1, 0), cv2.Sobel(light, -1, 0, 1))[usable > 0].astype(np.float64)
    red, green, blue = np.cbrt(np.mean(steep**3, axis=0)) if len(steep) > 500 else (0.0, 0.0, 0.0)
    return np.log([red / green, blue / green]) if min(red, green, blue) > 1e-4 else np.full(2, np.nan)


def _exposure(shown: list[_Shown], found: Corrections) -> Corrections:
    """More light where face and highlights are both dark, as much as leaves the highlights room; less on a face so
    light that it has no detail."""
    lit = [one.after(found) for one in shown]
    face = _median([float(one.grey[one.face].mean()) for one in lit])
    highlight = _median([float(np.quantile(one.crop.max(axis=-1), 0.99)) for one in lit])
    gain = 1.0
    if face < DARK_FACE and highlight < DARK_HIGHLIGHT:
        gain = min(_ratio(LIT_FACE, face), _ratio(LIT_HIGHLIGHT, highlight), 4.0)
    elif face > BRIGHT_FACE:
        gain = _ratio(DIMMED_FACE, face)
    changed = replace(found, exposure=gain)
    return changed if gain != 1.0 and not _clips(shown, changed) else found


def _ratio(wanted: float, seen: float) -> float:
    """Light that shows as lightness `wanted` over that which shows as `seen`, both 0..255."""
    there = linear(np.array([wanted, max(seen, 1.0)], dtype=np.float32))
    return float(there[0] / there[1])


def _clips(shown: list[_Shown], corrections: Corrections) -> bool:
    """True if a hundredth more of the face is as light as can be."""
    return max(one.after(corrections).clipped - one.clipped for one in shown) > 0.01


@lru_cache(maxsize=64)
def _curve(gain: float) -> Image:
    """uint8 (256,): sRGB value -> that of `gain` times the light."""
    light = np.clip(linear(np.arange(256, dtype=np.float32)).astype(np.float64) * gain, 0, 1)
    shown = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(shown * 255).astype(np.uint8)


def _sharpening(shown: list[_Shown], found: Corrections) -> Corrections:
    """The least that makes a soft face sharp, if it makes it sharper at all, without waking noise."""
    before = [one.after(found) for one in shown]
    level, grain = _median([one.sharpness for one in before]), _median([one.noise for one in before])
    if level >= SOFT or found.denoise:
        return found
    best = found
    for amount in (0.5, 1.0, 1.5):
        changed = replace(found, sharpen=amount)
        after = [one.after(changed) for one in shown]
        if _median([one.noise for one in after]) > max(1.0, 1.5 * grain):
            break
        if _median([one.sharpness for one in after]) >= level + 0.02:
            best = changed
        if _median([one.sharpness for one in after]) >= SOFT + 0.04:
            break
    return best


def _sharpened(crop: Image, amount: float) -> Image:
    """Unsharp masking of the lightness, kept between the darkest and lightest of its neighbourhood: it makes no halo."""
    split = cv2.cvtColor(crop, cv2.COLOR_RGB2YCrCb)
    luma = split[..., 0]
    detail = luma.astype(np.float32) - cv2.GaussianBlur(luma.astype(np.float32), (0, 0), 1.5)
    near = np.ones((5, 5), dtype=np.uint8)
    split[..., 0] = np.clip(np.round(luma + amount * detail), cv2.erode(luma, near), cv2.dilate(luma, near)).astype(np.uint8)
    return np.asarray(cv2.cvtColor(split, cv2.COLOR_YCrCb2RGB), dtype=np.uint8)
