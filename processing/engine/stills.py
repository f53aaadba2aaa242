"""Pictures out of photographs, and out of the short loops that are kept as pictures (GIF, WebP, PNG, AVIF)."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from PIL import Image as Pillow
from PIL import ImageCms

from processing.engine.arrays import Image
from processing.engine.frames import NO_MEMORY, MediaError

try:
    from pillow_heif import register_heif_opener
except ImportError:  # iPhone stills are then refused by name, everything else still works
    HEIF = False
else:
    register_heif_opener()
    HEIF = True

STILL_FORMATS = ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", *(["HEIF"] if HEIF else [])]
LOOP_FORMATS = ("GIF", "WEBP", "PNG", "AVIF")
# 100 megapixels hold the sharpest phone stills; beyond it lie decompression bombs and stitched panoramas.
MAX_STILL_PIXELS = 100_000_000
# A loop is held whole by its decoder; 8K film is as large.
MAX_LOOP_PIXELS = 40_000_000
# So that Pillow warns of nothing that is let through.
Pillow.MAX_IMAGE_PIXELS = MAX_STILL_PIXELS

_DAMAGED = "This picture is damaged and cannot be opened; please send another copy."
# What Pillow raises where a picture is not what it says it is.
_FAULTS = (OSError, ValueError, SyntaxError, struct.error, EOFError, IndexError, KeyError, TypeError, OverflowError)
# How to turn a picture of each EXIF orientation, where it is not upright.
_TURNS = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_270,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}


def warm_up() -> None:
    """Load every plug-in now; a confined process cannot later."""
    Pillow.init()


def open_still(source: BinaryIO) -> Pillow.Image | None:
    """The still or loop in `source`, not decoded yet, or None if it is something else. Raises MediaError."""
    source.seek(0)
    if not source.read(1):
        raise MediaError("This file is empty; please send it again.")
    source.seek(0)
    try:
        still = Pillow.open(source, formats=STILL_FORMATS)
    except Pillow.UnidentifiedImageError:
        return None
    except Pillow.DecompressionBombError as error:
        raise MediaError(_too_large("far more")) from error
    except _FAULTS as error:
        raise MediaError(_DAMAGED) from error
    most = MAX_LOOP_PIXELS if is_loop(still) else MAX_STILL_PIXELS
    if still.width * still.height > most:
        raise MediaError(_too_large(f"{still.width} x {still.height} pixels, more", most))
    return still


def _too_large(how: str, most: int = MAX_STILL_PIXELS) -> str:
    return f"This picture has {how} than the {most // 1_000_000} megapixels that can be read; please send a smaller copy."


def is_loop(still: Pillow.Image) -> bool:
    """True of pictures that move. A photograph may hold several too (previews, depth), and stays one."""
    if still.format not in LOOP_FORMATS:
        return False
    try:
        return getattr(still, "n_frames", 1) > 1
    except _FAULTS as error:
        raise MediaError(_DAMAGED) from error


def read_still(still: Pillow.Image, max_side: int | None) -> Pillow.Image:
    """The picture in RGB: upright, on white where it is see-through, in sRGB. Raises MediaError."""
    if max_side is not None:
        still.draft("RGB", (max_side, max_side))  # a JPEG decodes straight to half, a quarter or an eighth
    try:
        still.load()
        turn = _TURNS.get(still.getexif().get(0x0112, 1))
        picture = _plain(still)
        if max_side is not None and max(picture.size) > max_side:
            picture.thumbnail((max_side, max_side), Pillow.Resampling.LANCZOS, reducing_gap=3.0)
        return picture if turn is None else picture.transpose(turn)
    except MemoryError as error:
        raise MediaError(NO_MEMORY) from error
    except _FAULTS as error:
        raise MediaError(_DAMAGED) from error


def read_loop(loop: Pillow.Image, max_side: int | None) -> Iterator[tuple[float, Pillow.Image]]:
    """Seconds from the start, and the picture, of each frame. Raises MediaError where nothing can be read.

    A damaged loop gives its frames up to the damage and then ends.
    """
    time = 0.0
    # A PNG may begin with a picture for viewers that do not move; it is no frame.
    first = 1 if loop.info.get("default_image") else 0
    for number in range(first, getattr(loop, "n_frames", 1)):
        try:
            loop.seek(number)
            loop.load()
            picture = _plain(loop)
            picture = picture.copy() if picture is loop else picture
            if max_side is not None and max(picture.size) > max_side:
                picture.thumbnail((max_side, max_side), Pillow.Resampling.LANCZOS, reducing_gap=3.0)
            milliseconds = float(loop.info.get("duration") or 0)
        except _FAULTS as error:
            if number == first:
                raise MediaError(_DAMAGED) from error
            return
        yield time, picture
        time += loop_seconds(milliseconds)


def loop_seconds(milliseconds: float) -> float:
    """Seconds that one frame stays; players show what is stated as 10 ms or nothing for a tenth of a second."""
    return milliseconds / 1000 if milliseconds > 10 else 0.1


def into(picture: Pillow.Image, target: Image) -> None:
    """Write an RGB picture into `target`, uint8 (H, W, 3), in bands, so that it is never held twice in passing."""
    band = max(1, 4_000_000 // max(1, picture.width))
    for top in range(0, picture.height, band):
        bottom = min(picture.height, top + band)
        target[top:bottom] = np.asarray(picture.crop((0, top, picture.width, bottom)))


def _plain(picture: Pillow.Image) -> Pillow.Image:
    """`picture`, loaded, as RGB; itself where it is that already."""
    if picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
        plain = Pillow.fromarray(_to_eight_bits(np.asarray(picture)))
        plain.info = dict(picture.info)
        picture = plain
    elif picture.mode in ("P", "PA", "1"):
        clear = picture.mode == "PA" or "transparency" in picture.info
        picture = picture.convert("RGBA" if clear else "RGB")
    elif "transparency" in picture.info and picture.mode in ("RGB", "L"):
        picture = picture.convert("RGBA")
    alpha = picture.getchannel("A") if picture.mode in ("RGBA", "LA", "RGBa", "La") else None
    picture = _to_srgb(picture)
    if alpha is not None:
        ground = Pillow.new("RGB", picture.size, "white")
        ground.paste(picture, mask=alpha)
        picture = ground
    return picture


def _to_srgb(picture: Pillow.Image) -> Pillow.Image:
    """RGB in sRGB, by the colour profile that the picture carries; one that cannot be used counts as none."""
    raw = picture.info.get("icc_profile")
    without_alpha = {"RGBA": "RGB", "RGBa": "RGB", "LA": "L", "La": "L"}.get(picture.mode)
    if raw and b"sRGB" not in raw:
        if without_alpha:
            picture = picture.convert(without_alpha)
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(raw))
            converted = ImageCms.profileToProfile(picture, profile, _srgb(), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None
        if converted is not None:
            return converted
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _srgb() -> Any:
    return ImageCms.createProfile("sRGB")


def _to_eight_bits(samples: np.ndarray[Any, Any]) -> Image:
    scale = 257 if samples.max(initial=0) > 255 else 1
    return np.clip(samples // scale, 0, 255).astype(np.uint8)
