"""How much of a face something hides: a hand, dark glasses, a mask, hair over an eye, a microphone.

Every part of the face is asked for signs of something else before it:
- its spots have another colour than the face's own skin, or are far darker than the light on the face explains;
- an eye is no darker than the skin round it and of one lightness; a mouth is no redder than the skin round it;
- dark lines, as between fingers, cross one cheek and not the other, or the chin and not the mouth's surroundings.
Shadows change the level of skin but little of its colour, and the light's direction is fitted first; thin frames and
beards lie on both sides alike. Hair on the forehead does not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from processing.engine.arrays import Floats
from processing.engine.skin import LEFT_EYE, RIGHT_EYE, Surface, at, spots

LUMA = np.array([0.30, 0.59, 0.11], dtype=np.float32)
# Each sign counts from its first value on and fully at its second.
# Share of a part's spots with another colour or too dark; of the nose more, for its ridge shines and its sides are dim.
FOREIGN = {"eyes": (0.35, 0.6), "cheeks": (0.12, 0.6), "nose": (0.30, 0.8), "mouth": (0.15, 0.6), "chin": (0.2, 0.7)}
BEARD = 0.25  # what a colour of hair counts round a mouth whose lips are seen: it mostly grows there
BEARD_TOP = -2.4  # centimetres on the canonical face: the colour of skin is taken over this
OTHER_COLOUR = 0.22  # distance of log(red/green), log(blue/green) from the skin's median
TOO_DARK = -0.7  # natural logarithm of the light over that which the fit expects
EYE_AS_LIGHT = (-0.15, -0.07)  # logarithm of an eye's darkest fifth over that of the skin round it
EYE_AS_EVEN = (0.085, 0.055)  # standard deviation of the logarithm of an eye's light
# How much log(red/green) of the lips is over that of the skin round them, as a share of the face's own; and what that
# is in a picture whose colours say nothing.
LIPS_AS_PALE, COLOURLESS = (0.17, 0.06), 0.10
LIPS_SEEN = 0.8  # share of the lips' spots that must be seen: from the side little of their red is
LINES_ON_ONE_CHEEK = (0.030, 0.05)  # difference of the mean depth of dark lines (logarithm) between the cheeks
LINES_ON_CHIN = (0.034, 0.046)  # mean depth of dark lines on the chin
LINES_ON_CHIN_ALONE = (1.25, 1.75)  # the same, over that round the mouth: a beard has them there too


@dataclass(frozen=True)
class _Part:
    """kind: its row in FOREIGN. area: its share of the face. where: bool (N,), its spots of plain skin."""

    kind: str
    area: float
    where: NDArray[np.bool_]


@lru_cache(maxsize=1)
def _parts() -> dict[str, _Part]:
    face = spots()
    x, y = face.flat.T
    wide = np.abs(x)
    eyes = face.skin & (wide > 1.2) & (wide < 5.5) & (y > 1.0) & (y < 4.6)
    cheeks = face.skin & (wide > 1.5) & (y > -4.5) & (y < 1.8)
    return {
        "right eye": _Part("eyes", 0.12, eyes & (x < 0)),
        "left eye": _Part("eyes", 0.12, eyes & (x > 0)),
        "right cheek": _Part("cheeks", 0.18, cheeks & (x < 0)),
        "left cheek": _Part("cheeks", 0.18, cheeks & (x > 0)),
        "nose": _Part("nose", 0.12, face.skin & (wide < 1.8) & (y > -1) & (y < 3.5)),
        "mouth": _Part("mouth", 0.14, face.skin & (wide < 4) & (y > -5.8) & (y < -2.4)),
        "chin": _Part("chin", 0.14, face.skin & (wide < 4) & (y < -5.5)),
    }


FEWEST = 6  # spots of a part that must be seen before anything is said of it


def hidden(surface: Surface) -> float:
    """0..1, the share of the face that something hides; 0 also where nothing of the face is seen."""
    if int(surface.skin.sum()) < 10 * FEWEST:
        return 0.0
    colour = np.log(surface.colours + 6)
    foreign, hairy = _foreign(surface, colour)
    seen = {name: part.where & surface.seen for name, part in _parts().items()}
    seen = {name: where for name, where in seen.items() if np.count_nonzero(where) >= FEWEST}
    parts = {name: _parts()[name] for name in seen}
    signs = {name: _ramp(float(foreign[seen[name]].mean()), FOREIGN[part.kind]) for name, part in parts.items()}
    features = _signs_of_features(surface, colour, seen)
    if features.get("mouth", 1.0) == 0.0:
        if signs["mouth"] > 0.5 and "chin" in features:
            features["chin"] *= BEARD
        foreign = foreign * np.where(hairy, BEARD, 1.0)
        for name in parts.keys() & {"mouth", "chin"}:
            signs[name] = _ramp(float(foreign[seen[name]].mean()), FOREIGN[name])
    for name, sign in features.items():
        signs[name] = max(signs[name], sign)
    whole = sum(part.area for part in parts.values())
    return sum(part.area * signs[name] for name, part in parts.items()) / whole if whole else 0.0


def _signs_of_features(surface: Surface, colour: Floats, seen: dict[str, NDArray[np.bool_]]) -> dict[str, float]:
    """Part -> sign, 0..1, of those parts that should show something: eyes, lips, cheeks and chin without lines.

    colour: float32 (N, 3), logarithms at the spots. seen: part -> bool (N,), its spots that are seen.
    """
    face = spots()
    signs: dict[str, float] = {}
    grey = np.asarray(cv2.cvtColor(surface.picture, cv2.COLOR_RGB2GRAY), dtype=np.float32)
    smooth = np.asarray(cv2.blur(grey, (3, 3)), dtype=np.float32)
    for name, eye in (("right eye", RIGHT_EYE), ("left eye", LEFT_EYE)):
        if name in seen:
            rim = surface.mesh[list(eye)]
            inside = np.log(at(smooth, np.concatenate([rim, (rim + rim.mean(axis=0)) / 2])) + 6)
            skin = float(np.median(colour[seen[name]] @ LUMA))
            dark = float(np.percentile(inside, 20)) - skin
            signs[name] = min(_ramp(dark, EYE_AS_LIGHT), _ramp(float(inside.std()), EYE_AS_EVEN))
    redness = colour[:, 0] - colour[:, 1]
    lips = face.lips & surface.seen
    usual = float(np.median(redness[surface.skin]))
    if "mouth" in seen and lips.sum() > LIPS_SEEN * face.lips.sum() and usual > COLOURLESS:
        redder = float(np.percentile(redness[lips], 80) - np.median(redness[seen["mouth"]]))
        signs["mouth"] = _ramp(redder / usual, LIPS_AS_PALE)
    lines = at(_dark_lines(grey), surface.points)
    if "right cheek" in seen and "left cheek" in seen:
        both = seen["right cheek"] & surface.seen[face.mirror]
        apart = float((lines[both] - lines[face.mirror][both]).mean()) if int(both.sum()) >= FEWEST else 0.0
        signs["right cheek"] = _ramp(apart, LINES_ON_ONE_CHEEK)
        signs["left cheek"] = _ramp(-apart, LINES_ON_ONE_CHEEK)
    if "chin" in seen and "mouth" in seen:
        on_chin, round_mouth = float(lines[seen["chin"]].mean()), float(lines[seen["mouth"]].mean())
        signs["chin"] = min(_ramp(on_chin, LINES_ON_CHIN), _ramp(on_chin / max(round_mouth, 1e-6), LINES_ON_CHIN_ALONE))
    return signs


def _foreign(surface: Surface, colour: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For each spot, bool (N,): it has another colour than the skin, or is far darker than the light's direction
    explains; its colour lies between grey and the skin's, as that of hair does.
    """
    tint = colour[:, [0, 2]] - colour[:, 1:2]
    bare = surface.skin & (spots().flat[:, 1] > BEARD_TOP)
    usual = np.median(tint[bare if bare.any() else surface.skin], axis=0)
    off = np.linalg.norm(tint - usual, axis=1)
    luma = (colour @ LUMA).astype(np.float64)
    basis = np.concatenate([np.ones((len(luma), 1)), surface.normals], axis=1)
    steady = np.diag([0.0, 1.0, 1.0, 1.0]) * 0.002 * len(luma)
    weights = surface.skin.astype(np.float64)
    residual = luma
    for _ in range(3):
        weighted = basis * weights[:, None]
        residual = luma - basis @ np.linalg.solve(weighted.T @ basis + steady, weighted.T @ luma)
        limit = max(2.0 * float(np.median(np.abs(residual[surface.skin]))), 1e-3)
        weights = surface.skin * np.minimum(1.0, limit / np.maximum(np.abs(residual), 1e-9))
    along = np.clip(tint @ usual / max(float(usual @ usual), 1e-6), 0, 1)
    from_hair = np.linalg.norm(tint - along[:, None] * usual, axis=1)
    return (off > OTHER_COLOUR) | (residual < TOO_DARK), np.asarray(from_hair < OTHER_COLOUR, dtype=np.bool_)


def _dark_lines(grey: Floats) -> Floats:
    """float32 (S, S): how much darker a thin dark thing is than what surrounds it, as a logarithm (black top-hat)."""
    kernel = np.ones((5, 5), dtype=np.uint8)
    return np.asarray(cv2.morphologyEx(np.log(grey + 10), cv2.MORPH_BLACKHAT, kernel), dtype=np.float32)


def _ramp(value: float, bounds: tuple[float, float]) -> float:
    """0 at the first bound and before, 1 at the second and beyond; the bounds may fall."""
    start, full = bounds
    return float(np.clip((value - start) / (full - start), 0, 1))
