"""From a decoded frame to the RGB picture that a person would see: upright, square pixels, everyday colours."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorTrc

from processing.engine.arrays import Floats, Image

HDR = (int(ColorTrc.SMPTE2084), int(ColorTrc.ARIB_STD_B67))
_UNSPECIFIED = 2
_BT2020_PRIMARIES = 9
# Recommendation ITU-R BT.2087: linear light of BT.2020 to that of BT.709.
_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    dtype=np.float32,
)
# Report ITU-R BT.2408: what a sheet of white paper has in an HDR film; and the brightest that such films are made for.
_WHITE_NITS = 203.0
_PEAK_NITS = 1000.0


def upright(frame: VideoFrame, pixel_ratio: float, max_side: int | None) -> Image:
    """uint8 (H, W, 3): scaled to square pixels and to max_side, turned as its display matrix says.

    pixel_ratio: width over height of one pixel. The array may be a view of memory that belongs to a frame.
    """
    width, height = frame.width, frame.height
    if pixel_ratio > 1:
        width = round(width * pixel_ratio)
    elif pixel_ratio < 1:
        height = round(height / pixel_ratio)
    if max_side is not None and max(width, height) > max_side:
        shrink = max_side / max(width, height)
        width, height = max(1, round(width * shrink)), max(1, round(height * shrink))
    options: dict[str, Any] = {
        "width": width,
        "height": height,
        "interpolation": "AREA" if width < frame.width else "BICUBIC",
        "threads": 1,
    }
    if frame.colorspace == _UNSPECIFIED and (frame.width >= 1280 or frame.height > 576):
        options["src_colorspace"] = "ITU709"  # as players do where a film does not say
    if int(frame.color_trc) in HDR:
        image = _to_everyday(_samples(frame.reformat(format="rgb48le", **options), np.uint16), frame)
    else:
        image = _samples(frame.reformat(format="rgb24", **options), np.uint8)
    turns = round(frame.rotation / 90) % 4  # counter-clockwise
    return np.rot90(image, turns) if turns else image


def luma(frame: VideoFrame) -> Image:
    """uint8 (H, W): the first plane of a frame as it was decoded, no copy; of packed formats its bytes, (H, W * bytes)."""
    plane = frame.planes[0]
    lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height]
    component = frame.format.components[0]
    if component.bits > 8:
        # Little endian: the two bytes of a sample, of which the bits wanted straddle the border.
        wide = lines[:, : plane.line_size // 2 * 2].view("<u2")[:, : plane.width]
        down = max(1, plane.height // 36)
        return (wide[down // 2 :: down] >> (component.bits - 8)).astype(np.uint8)
    return lines[:, : plane.line_size if frame.format.is_rgb else plane.width]


def _samples(frame: VideoFrame, kind: Any) -> np.ndarray[Any, Any]:
    """(H, W, 3) of a packed RGB frame, a view."""
    plane = frame.planes[0]
    lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height]
    wide = lines[:, : 3 * frame.width * np.dtype(kind).itemsize].view(kind)
    return wide.reshape(frame.height, frame.width, 3)


def _to_everyday(image: np.ndarray[Any, Any], frame: VideoFrame) -> Image:
    """uint8 (H, W, 3) sRGB of `image`, uint16 RGB with the PQ or HLG curve of HDR films."""
    light = _linear_table(int(frame.color_trc))[image >> 4]
    if int(frame.color_primaries) == _BT2020_PRIMARIES:
        light = light.reshape(-1, 3) @ _TO_BT709.T
    codes = np.clip(light * 16383.0 + 0.5, 0, 16383).astype(np.uint16)
    return _srgb_table()[codes].reshape(image.shape)


@lru_cache(maxsize=2)
def _linear_table(curve: int) -> Floats:
    """float32 (4096,): light, 1 at the white of an everyday screen, of each 12-bit code.

    PQ: SMPTE ST 2084. HLG: Recommendation ITU-R BT.2100 with its system gamma of 1.2, per channel. Highlights are
    rolled off per channel by the curve of Report ITU-R BT.2390 (a Hermite spline in PQ), so that faces, which lie
    below it, keep their brightness.
    """
    code = np.linspace(0, 1, 4096)
    if curve == int(ColorTrc.SMPTE2084):
        nits = _pq_to_nits(code)
    else:
        scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - 0.55991073) / 0.17883277) + 0.28466892) / 12)
        nits = _PEAK_NITS * scene**1.2
    top = _nits_to_pq(np.array(_PEAK_NITS))
    level = np.clip(_nits_to_pq(nits) / top, 0, 1)
    most = float(_nits_to_pq(np.array(_WHITE_NITS)) / top)
    knee = 1.5 * most - 0.5
    t = (level - knee) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * most
    return (_pq_to_nits(np.where(level < knee, level, spline) * top) / _WHITE_NITS).astype(np.float32)


def _pq_to_nits(code: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    root = np.maximum(code, 0) ** (1 / 78.84375)
    return 10000.0 * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)


def _nits_to_pq(nits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    power = (nits / 10000.0) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


@lru_cache(maxsize=1)
def _srgb_table() -> Image:
    """uint8 (16384,): sRGB (IEC 61966-2-1) of linear light 0..1."""
    light = np.linspace(0, 1, 16384)
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(255 * curve).astype(np.uint8)
