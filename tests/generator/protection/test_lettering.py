import shutil

import pytest

from generator.protection.lettering import FontError, fit, font_for, missing_letters, wrap
from tests.conftest import REPOSITORY

DEJAVU = REPOSITORY / "node_modules/dejavu-fonts-ttf/ttf"


def test_lines_are_never_wider_than_asked_and_hold_every_word():
    font = font_for("text", "serif", 20)

    lines = wrap("one two three four five six seven\neight", font, 100, break_words=False)

    assert lines is not None
    assert " ".join(lines).split() == ["one", "two", "three", "four", "five", "six", "seven", "eight"]
    assert all(font.getlength(line) <= 100 for line in lines)
    assert lines[-1] == "eight"


def test_a_word_wider_than_the_line_is_cut_between_letters_not_from_its_accent():
    font = font_for("e\u0301", "sans", 20)

    lines = wrap("e\u0301" * 30, font, 100, break_words=True)

    assert lines is not None
    assert "".join(lines) == "e\u0301" * 30
    assert all(line.startswith("e") and font.getlength(line) <= 100 for line in lines)
    assert wrap("e\u0301" * 30, font, 100, break_words=False) is None


def test_text_shrinks_until_it_fits_and_then_ends_in_an_ellipsis():
    short, _ = fit("short", "sans", (40, 10), 300, 60)
    longer, lines = fit("a longer text that needs room " * 3, "sans", (40, 10), 300, 60)
    smallest, cut = fit("word " * 200, "sans", (40, 10), 300, 60)

    assert short.size == 40 > longer.size > smallest.size == 10
    assert len(lines) * longer.size * 1.3 <= 60
    assert cut[-1].endswith("…")
    assert len(cut) * 10 * 1.3 <= 60


def test_no_last_word_stands_alone():
    _, lines = fit("The Fox and the Moon", "serif", (36, 30), 330, 120)

    assert lines == ["The Fox and", "the Moon"]


def test_the_first_font_that_has_every_letter_is_taken(monkeypatch):
    monkeypatch.delenv("TWINVAULT_FONTS", raising=False)

    assert font_for("Ida", "serif", 12).getname()[0] == "DejaVu Serif"
    assert font_for("عبد", "serif", 12).getname()[0] == "DejaVu Sans"
    with pytest.raises(FontError, match="山田"):
        font_for("Anna 山田", "serif", 12)


def test_an_operators_fonts_are_used_where_dejavu_cannot_write(monkeypatch, tmp_path):
    modules = tmp_path / "node_modules/dejavu-fonts-ttf/ttf"
    modules.mkdir(parents=True)
    for name in ("DejaVuSerif.ttf", "DejaVuSans.ttf"):
        shutil.copy(DEJAVU / "DejaVuSansMono.ttf", modules / name)
    (tmp_path / "fonts").mkdir()
    shutil.copy(DEJAVU / "DejaVuSans.ttf", tmp_path / "fonts/more.ttf")
    monkeypatch.setenv("TWINVAULT_NODE_MODULES", str(tmp_path / "node_modules"))
    monkeypatch.delenv("TWINVAULT_FONTS", raising=False)
    assert missing_letters("שרה") == "שרה"

    monkeypatch.setenv("TWINVAULT_FONTS", str(tmp_path / "fonts"))

    assert missing_letters("שרה") == ""
    assert font_for("שרה", "serif", 12).getname()[0] == "DejaVu Sans"
