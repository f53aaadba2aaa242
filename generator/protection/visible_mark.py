"""The visible mark: a small label in the upper right corner of every frame, saying that the film is synthetic."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from generator.protection import lettering

Picture = NDArray[np.uint8]


class VisibleMark:
    """A label made once for frames of one size; `stamp` then costs no more than blending a few pixels.

    White letters lie on a dark, half-transparent pill, so that they are read on any background. The label stays
    within the upper third of the frame, away from captions, and is at most 45 % as wide as the frame where the
    letters keep 9 px that way.

    width, height  of the frames, px.
    region         (x0, y0, x1, y1) in px, the end exclusive: nothing outside is ever changed.

    Raises ValueError when the frame is too small for any legible label (about 90 x 30 px).
    """

    def __init__(self, width: int, height: int, text: str = "Synthetic · TwinVault") -> None:
        self.width, self.height, self.text = width, height, text
        size = max(10, round(0.026 * min(width, height)))
        while size > 9 and self._pill(size)[0] > 0.45 * width:
            size -= 1
        while size > 6 and self._pill(size)[0] + 4 > width:
            size -= 1
        pill_width, pill_height = self._pill(size)
        margin = max(2, round(0.02 * min(width, height)))
        margin = max(0, min(margin, (width - pill_width) // 2, height // 3 - pill_height))
        if pill_width > width or pill_height + margin > height / 3:
            raise ValueError(f"A picture of {width} x {height} pixels is too small to bear the visible mark.")
        self.region = (width - margin - pill_width, margin, width - margin, margin + pill_height)
        self._colour, self._opacity = self._draw(size, pill_width, pill_height)

    def stamp(self, image: Picture) -> Picture:
        """A copy of `image` (uint8 (height, width, 3) RGB) that bears the mark. Raises ValueError on another size."""
        if image.shape != (self.height, self.width, 3):
            raise ValueError(f"The mark was made for {self.width} x {self.height} pixels, not {image.shape}.")
        x0, y0, x1, y1 = self.region
        stamped = image.copy()
        below = image[y0:y1, x0:x1].astype(np.float32)
        mixed = below + (self._colour - below) * self._opacity
        stamped[y0:y1, x0:x1] = np.round(mixed).astype(np.uint8)
        return stamped

    def _pill(self, size: int) -> tuple[int, int]:
        font = lettering.font_for(self.text, "sans-bold", size)
        return round(font.getlength(self.text) + 1.2 * size), round(1.8 * size)

    def _draw(self, size: int, width: int, height: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Colour (height, width, 3) in 0..255 and opacity (height, width, 1) in 0..1 of the label."""
        scale = 4
        shape = Image.new("L", (width * scale, height * scale), 0)
        radius = height * scale // 2
        ImageDraw.Draw(shape).rounded_rectangle((0, 0, width * scale - 1, height * scale - 1), radius, fill=255)
        pill = np.asarray(shape.resize((width, height), Image.Resampling.BOX), np.float32) / 255
        letters = Image.new("L", (width, height), 0)
        font = lettering.font_for(self.text, "sans-bold", size)
        ImageDraw.Draw(letters).text((width / 2, height / 2), self.text, font=font, fill=255, anchor="mm")
        ink = np.asarray(letters, np.float32) / 255
        opacity = np.maximum(0.62 * pill, ink)
        colour = np.where(opacity > 0, 250 * ink / np.maximum(opacity, 1e-6), 0)
        colour = np.minimum(colour, 250)
        return np.repeat(colour[..., None], 3, axis=2).astype(np.float32), opacity[..., None].astype(np.float32)
