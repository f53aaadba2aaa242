"""The document by which the demo, the command line and the benches show on what ground they use a face."""

import io
import textwrap

from PIL import Image, ImageDraw, ImageFont

WIDTH, MARGIN, LINE = 1000, 60, 34


def rights_statement(words: str) -> bytes:
    """A page, PNG, with these words on it."""
    lines = textwrap.wrap(words, 60)
    page = Image.new("RGB", (WIDTH, 2 * MARGIN + LINE * len(lines)), "white")
    ImageDraw.Draw(page).text((MARGIN, MARGIN), "\n".join(lines), "black", ImageFont.load_default(24), spacing=8)
    target = io.BytesIO()
    page.save(target, "PNG")
    return target.getvalue()
