import json

import pytest

from generator.productions.storyboard import Caption, Card, Storyboard, StoryboardError

MEMORIAL = Storyboard(
    kind="memorial",
    title=Card("Margarete Schönhuber", "1931 – 2024", "Sie las uns\njeden Abend vor.", seconds=5),
    captions=[Caption(0, 1.5, "Guten Abend."), Caption(1.5, 4, "Привет")],
    closing=Card("Danke"),
)


def test_a_storyboard_survives_json():
    assert Storyboard.from_json(MEMORIAL.to_json()) == MEMORIAL


def test_the_smallest_storyboard_is_the_bare_template():
    storyboard = Storyboard.from_json('{"kind": "storybook"}')

    assert storyboard == Storyboard("storybook", title=None, captions=[], closing=None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "parody"}, "kind"),
        ({"kind": None}, "kind"),
        ({"music": "loud"}, "music"),
        ({"title": {"heading": " "}}, "title.heading"),
        ({"title": {"heading": 7}}, "title.heading"),
        ({"title": {"heading": "x" * 121}}, "title.heading"),
        ({"title": {"heading": "Ida", "colour": "red"}}, "title.colour"),
        ({"title": {"line": "no heading"}}, "title"),
        ({"title": "Ida"}, "title"),
        ({"closing": {"heading": "Ida", "seconds": 0}}, "closing.seconds"),
        ({"closing": {"heading": "Ida", "seconds": "long"}}, "closing.seconds"),
        ({"closing": {"heading": "Ida", "line": "bell \u0007"}}, "closing.line"),
        ({"captions": {}}, "captions"),
        ({"captions": [{"start": 0, "end": 1}]}, "captions[0]"),
        ({"captions": [{"start": -1, "end": 1, "text": "a"}]}, "captions[0].start"),
        ({"captions": [{"start": 2, "end": 2, "text": "a"}]}, "captions[0].end"),
        ({"captions": [{"start": 0, "end": float("nan"), "text": "a"}]}, "captions[0].end"),
        ({"captions": [{"start": 0, "end": True, "text": "a"}]}, "captions[0].end"),
        ({"captions": [{"start": 0, "end": 2, "text": "a"}, {"start": 1, "end": 3, "text": "b"}]}, "captions[1].start"),
        ({"captions": [{"start": 0, "end": 2, "text": ""}]}, "captions[0].text"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(change, field):
    with pytest.raises(StoryboardError) as caught:
        Storyboard.from_json(json.dumps({"kind": "greeting"} | change))

    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("text", ["", "[]", "no", b"\xff\xfe"])
def test_what_is_no_storyboard_at_all_is_refused(text):
    with pytest.raises(StoryboardError) as caught:
        Storyboard.from_json(text)

    assert caught.value.field == "storyboard"


def test_a_caption_after_the_templates_end_is_refused():
    MEMORIAL.validate(template_seconds=10)

    with pytest.raises(StoryboardError, match=r"captions\[1\].start: The template ends at 1.2 s already"):
        MEMORIAL.validate(template_seconds=1.2)


def test_letters_that_no_font_has_are_named(monkeypatch):
    monkeypatch.delenv("TWINVAULT_FONTS", raising=False)

    with pytest.raises(StoryboardError, match=r"title\.heading: No font here can write “山田”"):
        Storyboard("memorial", title=Card("Anna 山田")).validate()
