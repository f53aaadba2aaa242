"""Title and closing cards, and captions: drawn with Pillow at the film's own size."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from generator.productions.storyboard import Card, Kind
from generator.protection import lettering

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Palette:
    """Colours of a card: the ground's centre and rim, the heading, the quieter texts, the thin rule."""

    centre: Colour
    rim: Colour
    heading: Colour
    text: Colour
    rule: Colour


PALETTES: dict[Kind, Palette] = {
    "memorial": Palette((35, 36, 42), (15, 15, 18), (240, 234, 222), (178, 172, 162), (150, 126, 84)),
    "greeting": Palette((92, 55, 60), (52, 29, 36), (255, 240, 224), (236, 204, 184), (226, 164, 116)),
    "storybook": Palette((247, 239, 222), (229, 215, 188), (62, 46, 34), (112, 90, 70), (176, 128, 72)),
    "re-enactment": Palette((42, 54, 64), (21, 28, 34), (236, 240, 242), (166, 180, 190), (108, 142, 160)),
}


def draw_card(card: Card, width: int, height: int, kind: Kind = "memorial") -> Picture:
    """A card as uint8 (height, width, 3) RGB: heading, thin rule, subheading and line, centred on a soft ground.

    Long texts wrap, then shrink; scripts that DejaVu Serif lacks are set in DejaVu Sans or an operator's font.
    Raises lettering.FontError when no font can write a text.
    """
    palette = PALETTES[kind]
    unit = min(width, height)
    page = Image.fromarray(_ground(palette, width, height))
    inner, room = 0.82 * width, 0.74 * height
    smallest = max(9, round(0.03 * unit))
    heading_room = room * (0.48 if card.line else 0.7)
    heading, heading_lines = lettering.fit(
        card.heading, "serif", (round(0.125 * unit), smallest), inner, heading_room, spacing=1.22
    )
    quiet = min(round(0.05 * unit), max(smallest, round(0.62 * heading.size)))
    blocks = [(heading, heading_lines, 1.22, palette.heading)]
    if card.subheading:
        font, lines = lettering.fit(card.subheading, "sans", (quiet, smallest), inner, 0.14 * room, spacing=1.3)
        blocks.append((font, lines, 1.3, palette.text))
    if card.line:
        font, lines = lettering.fit(card.line, "serif-italic", (quiet, smallest), 0.92 * inner, 0.34 * room, 1.45)
        blocks.append((font, lines, 1.45, palette.text))

    gap, rule_gap = 0.035 * unit, 0.05 * unit
    total = sum(len(lines) * font.size * spacing for font, lines, spacing, _ in blocks)
    total += 2 * rule_gap + gap * max(0, len(blocks) - 2) if len(blocks) > 1 else 0
    draw = ImageDraw.Draw(page)
    # Set a little above the middle, where the eye expects the centre of a page.
    y = (height - total) * 0.47
    for number, (font, lines, spacing, colour) in enumerate(blocks):
        if number == 1:
            y += rule_gap
            half, thick = 0.07 * width, max(1, round(0.004 * unit))
            draw.rectangle((width / 2 - half, y - thick / 2, width / 2 + half, y + thick / 2), fill=palette.rule)
            y += rule_gap
        elif number > 1:
            y += gap
        for text in lines:
            draw.text((width / 2, y + font.size * spacing / 2), text, font=font, fill=colour, anchor="mm")
            y += font.size * spacing
    return np.asarray(page)


def draw_caption(image: Picture, text: str) -> Picture:
    """A copy of `image` (uint8 (H, W, 3) RGB) with `text` in its lower third.

    White letters with a dark rim on a soft dark band: read on snow and on night. The visible mark lies in the upper
    third, so the two never meet. Raises lettering.FontError when no font can write the text.
    """
    height, width = image.shape[:2]
    top, colour, opacity = _caption_layer(text, width, height)
    drawn = image.copy()
    rows = slice(top, top + len(opacity))
    below = image[rows].astype(np.float32)
    drawn[rows] = np.round(below + (colour - below) * opacity).astype(np.uint8)
    return drawn


@lru_cache(maxsize=4)
def _caption_layer(text: str, width: int, height: int) -> tuple[int, NDArray[np.float32], NDArray[np.float32]]:
    """First row, colour (h, W, 1) in 0..255 and opacity (h, W, 1) in 0..1 of a caption, within the lower third."""
    unit = min(width, height)
    margin = round(0.045 * unit)
    top = height - height // 3
    rows = height - top
    sizes = (max(10, round(0.058 * unit)), max(8, round(0.035 * unit)))
    room = rows - margin - 0.6 * sizes[1]
    font, lines = lettering.fit(text, "sans", sizes, 0.86 * width, room, spacing=1.25)
    step = font.size * 1.25
    block = len(lines) * step
    start = rows - margin - 0.3 * font.size - block

    letters, rim = Image.new("L", (width, rows), 0), Image.new("L", (width, rows), 0)
    stroke = max(1, round(font.size / 14))
    for number, line in enumerate(lines):
        middle = (width / 2, start + (number + 0.5) * step)
        ImageDraw.Draw(letters).text(middle, line, font=font, fill=255, anchor="mm")
        ImageDraw.Draw(rim).text(middle, line, font=font, fill=255, anchor="mm", stroke_width=stroke)
    half = max(font.getlength(line) for line in lines) / 2 + 0.7 * font.size
    band = Image.new("L", (width, rows), 0)
    box = (width / 2 - half, start - 0.3 * font.size, width / 2 + half, start + block + 0.3 * font.size)
    ImageDraw.Draw(band).rounded_rectangle(box, radius=0.5 * font.size, fill=255)
    band = band.filter(ImageFilter.GaussianBlur(font.size / 10))

    ink, dark = (np.asarray(layer, np.float32)[..., None] / 255 for layer in (letters, rim))
    opacity = np.maximum(np.maximum(ink, 0.85 * dark), 0.5 * np.asarray(band, np.float32)[..., None] / 255)
    colour = 252 * np.minimum(1, ink / np.maximum(opacity, 1e-6))
    return top, colour, opacity


def _ground(palette: Palette, width: int, height: int) -> Picture:
    """A radial ground from the palette's centre to its rim; faint fixed grain keeps it from banding once encoded."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    distance = np.hypot((x / max(1, width - 1) - 0.5) / 0.5, (y / max(1, height - 1) - 0.46) / 0.54) / np.sqrt(2)
    blend = np.clip(distance, 0, 1)[..., None] ** 1.6
    ground = np.array(palette.centre, np.float32) * (1 - blend) + np.array(palette.rim, np.float32) * blend
    grain = np.random.default_rng(7).uniform(-1.2, 1.2, (height, width, 1)).astype(np.float32)
    return np.clip(np.round(ground + grain), 0, 255).astype(np.uint8)
