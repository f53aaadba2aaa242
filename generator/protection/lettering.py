"""Fonts for what is drawn onto pictures: which one can write a text, and how it breaks into lines.

DejaVu comes with `npm ci`; an operator adds fonts for other scripts by naming a folder of .ttf, .otf or .ttc files in
the environment variable TWINVAULT_FONTS.
"""

import os
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Literal

from PIL import ImageFont

Style = Literal["serif", "serif-italic", "sans", "sans-light", "sans-bold"]

_FILES: dict[Style, tuple[str, ...]] = {
    "serif": ("DejaVuSerif.ttf", "DejaVuSans.ttf"),
    "serif-italic": ("DejaVuSerif-Italic.ttf", "DejaVuSerif.ttf", "DejaVuSans.ttf"),
    "sans": ("DejaVuSans.ttf",),
    "sans-light": ("DejaVuSans-ExtraLight.ttf", "DejaVuSans.ttf"),
    "sans-bold": ("DejaVuSans-Bold.ttf", "DejaVuSans.ttf"),
}
_NOT_A_CHARACTER = "\U0010ffff"


class FontError(ValueError):
    """No font is there, or none can write a text. The message is one sentence for the person."""


def missing_letters(text: str) -> str:
    """The letters of `text` that no single font here can write, judged by the font that lacks fewest; '' is good."""
    lacking = [_lacks(path, text) for path in _candidates("serif")]
    return min(lacking, key=len)


def font_for(text: str, style: Style, size: int) -> ImageFont.FreeTypeFont:
    """The font nearest to `style` that has every letter of `text`, at `size` pixels. Raises FontError if none has."""
    for path in _candidates(style):
        if not _lacks(path, text):
            return _load(path, size)
    raise FontError(
        f"No font here can write “{missing_letters(text)}”: "
        "ask the operator for one that can, in the folder that TWINVAULT_FONTS names."
    )


def wrap(text: str, font: ImageFont.FreeTypeFont, width: float, *, break_words: bool) -> list[str] | None:
    """`text` in lines at most `width` pixels wide; its own line breaks stay.

    A word wider than a line is cut between letters where `break_words`, otherwise the answer is None.
    """
    lines: list[str] = []
    for paragraph in text.splitlines() or [""]:
        line = ""
        for word in paragraph.split():
            joined = f"{line} {word}" if line else word
            if font.getlength(joined) <= width:
                line = joined
                continue
            if line:
                lines.append(line)
            line = word
            if font.getlength(word) > width:
                if not break_words:
                    return None
                *full, line = _cut(word, font, width)
                lines.extend(full)
        lines.append(line)
    return lines


def fit(
    text: str, style: Style, sizes: tuple[int, int], width: float, height: float, spacing: float = 1.3
) -> tuple[ImageFont.FreeTypeFont, list[str]]:
    """The largest font between `sizes` (largest, smallest; px) with which `text` fits `width` x `height`, and its lines.

    A line takes `spacing` times the size; the lines of a paragraph come out about equally long. In the smaller half
    of the sizes words may be cut. What does not fit at the smallest size is cut off and ends in an ellipsis.
    """
    largest, smallest = sizes
    for size in range(largest, smallest - 1, -1):
        font = font_for(text, style, size)
        lines = wrap(text, font, width, break_words=2 * size <= largest + smallest)
        if lines is not None and len(lines) * size * spacing <= height:
            return font, _balanced(text, font, width, lines)
    font = font_for(text, style, smallest)
    lines = wrap(text, font, width, break_words=True) or [""]
    room = max(1, int(height // (smallest * spacing)))
    if len(lines) <= room:
        return font, lines
    last = lines[room - 1]
    while last and font.getlength(last + "…") > width:
        last = last[:-1]
    return font, [*lines[: room - 1], last.rstrip() + "…"]


def _balanced(text: str, font: ImageFont.FreeTypeFont, width: float, lines: list[str]) -> list[str]:
    """The same number of lines in the narrowest column, so that no last word stands alone."""
    narrow = width
    while (narrow := narrow * 0.96) > width / 3:
        narrower = wrap(text, font, narrow, break_words=False)
        if narrower is None or len(narrower) > len(lines):
            break
        lines = narrower
    return lines


def _cut(word: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    pieces, piece = [], ""
    for letter in word:
        joins = bool(unicodedata.combining(letter)) or unicodedata.category(letter) in ("Mn", "Mc", "Me", "Cf")
        if piece and not joins and font.getlength(piece + letter) > width:
            pieces.append(piece)
            piece = ""
        piece += letter
    return [*pieces, piece]


def _node_modules() -> Path:
    root = os.environ.get("TWINVAULT_NODE_MODULES")
    return Path(root) if root else Path(__file__).resolve().parents[2] / "node_modules"


def _candidates(style: Style) -> tuple[Path, ...]:
    folder = _node_modules() / "dejavu-fonts-ttf" / "ttf"
    if not folder.is_dir():
        raise FontError("The fonts are missing: run `npm ci` in the project's folder.")
    added = os.environ.get("TWINVAULT_FONTS")
    more = sorted(p for p in Path(added).rglob("*") if p.suffix.lower() in (".ttf", ".otf", ".ttc")) if added else []
    return tuple(folder / name for name in _FILES[style]) + tuple(more)


@lru_cache(maxsize=256)
def _load(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), size)


def _lacks(path: Path, text: str) -> str:
    return "".join(dict.fromkeys(letter for letter in text if not _has(path, letter)))


@lru_cache(maxsize=16384)
def _has(path: Path, letter: str) -> bool:
    # Spaces, controls and joiners draw nothing; marks are drawn with the letter before them.
    if unicodedata.category(letter)[0] in "ZCM":
        return True
    font = _load(path, 24)
    shown, absent = font.getmask(letter), font.getmask(_NOT_A_CHARACTER)
    return shown.size != absent.size or bytes(shown) != bytes(absent)
