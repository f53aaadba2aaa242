import numpy as np
import pytest

from generator.productions.cards import PALETTES, draw_caption, draw_card
from generator.productions.storyboard import KINDS, Card
from generator.protection.visible_mark import VisibleMark

SIZES = [(400, 300), (1280, 720), (720, 1280), (161, 121)]
FULL = Card("Margarete Schönhuber", "1931 – 2024", "Sie las uns jeden Abend vor.")
LONGEST = Card("W" * 120, "1902 – 1988 " * 10, "Word and word " * 28)


def lettering_of(card: Card, width: int, height: int) -> np.ndarray:
    """Where a memorial card differs from its empty ground: bool (height, width)."""
    empty = draw_card(Card(" "), width, height)
    return np.abs(draw_card(card, width, height).astype(int) - empty).max(axis=2) > 30


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("card", [FULL, LONGEST, Card("Ida")])
def test_all_letters_lie_within_the_page_and_clear_of_the_mark(card, width, height):
    drawn = lettering_of(card, width, height)

    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    assert columns.min() >= 0.07 * width
    assert columns.max() <= 0.93 * width
    assert rows.min() >= 0.05 * height
    assert rows.max() <= 0.95 * height
    if (width, height) != (161, 121):
        x0, y0, x1, y1 = VisibleMark(width, height).region
        assert not drawn[y0:y1, x0:x1].any()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_page_is_centred(width, height):
    columns = np.flatnonzero(lettering_of(FULL, width, height).any(axis=0))

    assert abs((columns.min() + columns.max()) / 2 - width / 2) < 0.02 * width


def test_a_memorial_card_is_dark_and_its_name_the_brightest():
    card = draw_card(FULL, 400, 300)

    assert card.dtype == np.uint8
    assert np.median(card) < 45
    assert card.max() >= 225


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_colours_that_can_be_read(kind):
    def luminance(colour):
        linear = [(value / 255 / 12.92 if value <= 10 else ((value / 255 + 0.055) / 1.055) ** 2.4) for value in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    palette = PALETTES[kind]
    for ink in (palette.heading, palette.text):
        for ground in (palette.centre, palette.rim):
            dark, light = sorted([luminance(ink), luminance(ground)])
            assert (light + 0.05) / (dark + 0.05) >= 4.5


@pytest.mark.parametrize("name", ["Öttinger-Löwenthal", "Фёдор Михайлович", "Ἑλένη Παπαδοπούλου", "عبد الرحمن", "שרה"])
def test_other_scripts_are_set_in_letters_not_boxes(name):
    boxes = lettering_of(Card("\U0010fffe" * len(name)), 400, 300)
    drawn = lettering_of(Card(name), 400, 300)

    assert drawn.any()
    assert not np.array_equal(drawn, boxes)


@pytest.mark.parametrize("text", ["Hello", "Ein längerer Satz, der über mehrere Zeilen läuft. " * 4, "W" * 240])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_caption_stays_within_the_lower_third(text, width, height):
    image = np.full((height, width, 3), 128, np.uint8)

    drawn = np.abs(draw_caption(image, text).astype(int) - 128).max(axis=2) > 0

    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    assert rows.min() >= height - height // 3
    assert rows.max() < height - 1
    assert columns.min() > 0
    assert columns.max() < width - 1


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_caption_is_read_on_dark_and_on_light(level):
    image = np.full((300, 400, 3), level, np.uint8)

    drawn = draw_caption(image, "Good morning")

    band = drawn[200:].astype(int)
    bright = band.max(axis=2) > 230
    changed = np.abs(band - level).max(axis=2) > 10
    if level == 255:
        letters = changed.any(axis=1)
        assert band[letters].min() < 60
    else:
        assert bright.any()
    assert (image == level).all()


def test_a_missing_set_of_fonts_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("TWINVAULT_NODE_MODULES", str(tmp_path))

    with pytest.raises(ValueError, match="run `npm ci`"):
        draw_card(FULL, 400, 300)
