"""Quality against seconds, drawn as a PNG: a line a network, its mean over the seeds, and a band from the worst to the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 900, 560
LEFT, RIGHT, TOP, BOTTOM = 70, 170, 50, 50
# Okabe and Ito 2008: told apart by everybody
COLOURS = ((86, 86, 86), (0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167))
STEPS = 100


def draw_curves(path: Path, title: str, curves: Mapping[str, Sequence[Points]], lowest: float = 0.2) -> Path:
    """curves: by name, the points (seconds, quality 0..1) of each seed. lowest: quality at the foot of the picture."""
    longest = max(points[-1][0] for seeds in curves.values() for points in seeds)
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    pen = ImageDraw.Draw(picture, "RGBA")
    font = ImageFont.load_default(14)

    def place(seconds: float, value: float) -> tuple[float, float]:
        across, up = seconds / longest, (min(1.0, max(lowest, value)) - lowest) / (1.0 - lowest)
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    for value in np.arange(np.ceil(lowest * 10), 11) / 10:
        pen.line([place(0, value), place(longest, value)], fill=(225, 225, 225))
        pen.text((LEFT - 10, place(0, value)[1]), f"{value:.1f}", "black", font, anchor="rm")
    for share in np.linspace(0, 1, 6):
        at = place(share * longest, lowest)
        pen.line([at, (at[0], at[1] + 5)], fill="black")
        pen.text((at[0], at[1] + 8), f"{share * longest:.0f} s", "black", font, anchor="mt")
    pen.text((LEFT, TOP / 2), title, "black", font, anchor="lm")
    for number, (name, seeds) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        times, low, mean, high = band(seeds)
        outline = [place(*point) for point in zip(times, high, strict=True)]
        pen.polygon(outline + [place(*point) for point in zip(times, low, strict=True)][::-1], fill=(*colour, 50))
        pen.line([place(*point) for point in zip(times, mean, strict=True)], fill=colour, width=3, joint="curve")
        x, y = place(times[-1], mean[-1])
        pen.ellipse([x - 4, y - 4, x + 4, y + 4], fill=colour)
        # the legend, by the last mean
        row = TOP + 24 * number
        pen.line([(WIDTH - RIGHT + 14, row), (WIDTH - RIGHT + 34, row)], fill=colour, width=3)
        pen.text((WIDTH - RIGHT + 40, row), f"{name} {mean[-1]:.3f}", "black", font, anchor="lm")
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)
    return path


def band(seeds: Sequence[Points]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(seconds, lowest, mean, highest) at STEPS moments that all seeds reach; straight between points."""
    first, last = max(points[0][0] for points in seeds), min(points[-1][0] for points in seeds)
    times = np.linspace(first, last, STEPS)
    values = np.stack([np.interp(times, *zip(*points, strict=True)) for points in seeds])
    return times, values.min(0), values.mean(0), values.max(0)
