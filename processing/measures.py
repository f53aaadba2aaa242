"""What was measured of one face, in words and with units, for the page that shows it large."""

from dataclasses import dataclass

import numpy as np

from processing.engine.categories import AXES, UNKNOWN, sort
from processing.engine.descriptors import Measures
from processing.models import Face
from twinvault.custody import objects


@dataclass(frozen=True)
class Line:
    """What it is about, in a word, and in numbers."""

    title: str
    word: str
    numbers: str = ""


# title, axis of the categories, its numbers; left and right are those of the picture
LINES = (
    ("Size", "size", "{size:.0f} pixels wide"),
    ("Sharpness", "sharpness", "{sharpness:.2f} of 1"),
    ("View", "view", "turned {yaw}, {pitch}, tilted {roll}"),
    ("Expression", "expression", "smile {smile:.2f} of 1, eyes closed {eyes_closed:.2f} of 1"),
    ("Brightness", "brightness", "L* {lightness:.0f} of 100"),
    ("Colour of the light", "ambient", "a* {lab_a:+.0f}, b* {lab_b:+.0f}"),
    ("Its direction", "light", "{light_azimuth}, {light_elevation}"),
    ("Noise", "noise", "{noise:.1f} grey levels of 255"),
    ("Hidden", "occlusion", "{occlusion:.0%} of the face"),
)


# angles, and what they are called to either side
DEGREES = {
    "yaw": ("to the right", "to the left"),
    "pitch": ("up", "down"),
    "roll": ("clockwise", "counter-clockwise"),
    "light_azimuth": ("from the right", "from the left"),
    "light_elevation": ("from above", "from below"),
}


def measures_of(face: Face) -> list[Line]:
    """The lines of a face whose `track.segment.descriptors` is loaded; none where its footage was measured in another way."""
    names = Measures.__dataclass_fields__.keys()
    with objects.open_object(face.track.segment.descriptors) as reader, np.load(reader, allow_pickle=False) as stored:
        if not names <= set(stored.files):
            return []
        one = Measures(**{name: stored[name][[face.row]] for name in names})
    numbers = {name: getattr(one, name)[0] for name in names}
    numbers |= {name: _degrees(numbers[name], *ways) for name, ways in DEGREES.items()}
    lines = []
    for title, axis, words in LINES:
        category = int(sort(one, AXES[axis])[0])
        if category != UNKNOWN:
            lines.append(Line(title, AXES[axis][category].label, words.format(**numbers)))
    return lines


def _degrees(value: float, positive: str, negative: str) -> str:
    """12.3 -> 12° up; nothing but 0° where that is what it rounds to."""
    if np.isnan(value):
        return "unknown"
    rounded = round(float(value))
    return f"{abs(rounded)}°" + ("" if not rounded else f" {positive if rounded > 0 else negative}")
