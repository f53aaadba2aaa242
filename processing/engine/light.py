"""The light on a face: how bright, of what colour, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from processing.engine.arrays import Floats

# Linear sRGB to XYZ under D65 (IEC 61966-2-1), and the colour of D65.
_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], dtype=np.float64)
_WHITE = _XYZ.sum(axis=1)
# L*, a*, b* of a mean face in daylight. Skins differ mainly in L*, which is not used here; their a* lies within 4 and
# their b* within 4 of this, and so much does the colour of the light estimated from them.
SKIN = (60.0, 12.0, 16.0)
# Draws a direction that the visible skin hardly tells, such as the share from the camera's side, to none.
RIDGE = 0.002
FEWEST = 12  # spots from which a direction is told


@dataclass(frozen=True)
class Ambient:
    """lightness: L* of the face, 0..100. a, b: the colour of the light as CIE a*, b* of a white thing in it, about
    -60..60; 0, 0 is neutral, positive b is warm, negative b cool. ita: degrees, -90..90 (Chardon et al. 1991).
    """

    lightness: float
    a: float
    b: float
    ita: float


def linear(colours: Floats) -> Floats:
    """sRGB values 0..255 of any shape -> light, 0..1 (IEC 61966-2-1)."""
    return _linear_table()[np.clip(colours, 0, 255).astype(np.uint8)]


@lru_cache(maxsize=1)
def _linear_table() -> Floats:
    value = np.arange(256) / 255.0
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def luminance(light: Floats) -> Floats:
    """float32 (N,), 0..1, of linear RGB (N, 3)."""
    return np.asarray(light @ _XYZ[1], dtype=np.float32)


def lab(light: Floats) -> tuple[float, float, float]:
    """CIE L*, a*, b* under D65 of one colour, linear RGB (3,) with white at 1."""
    share = _XYZ @ np.asarray(light, dtype=np.float64) / _WHITE
    root = np.where(share > (6 / 29) ** 3, np.cbrt(share), share * (29 / 6) ** 2 / 3 + 4 / 29)
    return float(116 * root[1] - 16), float(500 * (root[0] - root[1])), float(200 * (root[1] - root[2]))


@lru_cache(maxsize=1)
def _skin_light() -> Floats:
    """Linear RGB (3,) of the mean face in daylight."""
    level, a, b = SKIN
    y = (level + 16) / 116
    root = np.array([y + a / 500, y, y - b / 200])
    return np.asarray(np.linalg.solve(_XYZ, root**3 * _WHITE), dtype=np.float32)


def ambient(light: Floats) -> Ambient:
    """Level and colour of the light on plain skin.

    light: float32 (K, 3) linear RGB at spots of the skin, any number. What their median has more of one colour than the skin of a
    mean face in daylight, the light has (von Kries 1902; skin as the known thing in the picture: Bianco and Schettini
    2014). The estimate does not change with the brightness of the light.
    """
    seen = np.median(light, axis=0) if len(light) else np.zeros(3, dtype=np.float32)
    level, _, b_seen = lab(seen)
    white = np.maximum(seen, 1e-4) / _skin_light()
    _, a, b = lab(np.asarray(white / float(_XYZ[1] @ white), dtype=np.float32))
    ita = np.rad2deg(np.arctan2(level - 50, b_seen)) if b_seen > 0 else np.copysign(90.0, level - 50)
    return Ambient(level, a, b, float(ita))


@dataclass(frozen=True)
class Direction:
    """Where the light comes from, in degrees as the camera sees it: azimuth 0 from the camera, positive from the
    picture's right, 90 from the side, over 90 from behind the face; elevation positive from above.
    strength: 0..1, the directed light over all light on a point that faces it.
    """

    azimuth: float
    elevation: float
    strength: float


def direction(light: Floats, normals: Floats) -> Direction:
    """The light's direction from the shading of the skin, as of a matt body (Lambert 1760).

    light: float32 (K,), linear luminance at spots of the skin. normals: float32 (K, 3), which way each looks: x right,
    y up, z to the viewer. All is 0 if they are fewer than FEWEST, or black. Solves light = level + normal . direction,
    the first-order harmonics of any lighting of a convex body (Basri and Jacobs 2003), by least squares with Huber's
    weights: hair, shine and what hides the skin count little.
    """
    scale = float(np.median(light)) if len(light) >= FEWEST else 0.0
    if scale <= 0:
        return Direction(0.0, 0.0, 0.0)
    value = light.astype(np.float64) / scale
    basis = np.concatenate([np.ones((len(value), 1)), normals], axis=1).astype(np.float64)
    weights: NDArray[np.float64] = np.ones(len(value))
    steady = np.diag([0.0, 1.0, 1.0, 1.0]) * RIDGE * len(value)
    found = np.zeros(4)
    for _ in range(3):
        weighted = basis * weights[:, None]
        found = np.asarray(np.linalg.solve(weighted.T @ basis + steady, weighted.T @ value), dtype=np.float64)
        off = np.abs(value - basis @ found)
        limit = max(1.345 * 1.4826 * float(np.median(off)), 1e-6)
        weights = np.asarray(limit / np.maximum(off, limit), dtype=np.float64)
    level, (x, y, z) = float(found[0]), (float(part) for part in found[1:])
    directed = float(np.sqrt(x * x + y * y + z * z))
    if directed < 1e-6:
        return Direction(0.0, 0.0, 0.0)
    return Direction(
        azimuth=float(np.rad2deg(np.arctan2(x, z))),
        elevation=float(np.rad2deg(np.arcsin(np.clip(y / directed, -1, 1)))),
        strength=directed / (max(level, 0.0) + directed),
    )
