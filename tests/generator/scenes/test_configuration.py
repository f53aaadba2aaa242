"""The configuration of a scene: read, refused with the field's name, and published as a schema that says the same."""

import json
from dataclasses import MISSING, fields

import numpy as np
import pytest

from generator.engine.scenes.drive import Range
from generator.engine.scenes.motion import Beat, Look
from generator.productions.storyboard import KINDS, MAX_CAPTIONS, Caption, Card
from generator.scenes import configuration as rules
from generator.scenes.configuration import Background, Configuration, ConfigurationError
from generator.scenes.schema import schema

SEEN = Range(*(np.array([yaw, pitch, 0, 0, 0, 0, 0], np.float32) for yaw, pitch in ((-25.4, -8), (0, 0), (12, 9))))
WHOLE = {
    "seconds": 10,
    "expressions": [
        {"at": 0, "show": "neutral"},
        {"at": 2, "show": "smile", "strength": 0.5},
        {"at": 4, "show": "speak", "says": "Good night, my dear."},
    ],
    "head": [{"at": 0, "yaw": -20}, {"at": 3, "pitch": 5, "roll": 2}],
    "background": {"colour": "#102030"},
    "framing": "medallion",
    "kind": "storybook",
    "title": {"heading": "Good night"},
    "captions": [{"start": 4, "end": 7, "text": "Good night, my dear."}],
    "closing": None,
}


def changed(**different) -> str:
    return json.dumps(WHOLE | different)


def test_a_configuration_is_read_back_as_it_was():
    asked = Configuration.from_json(json.dumps(WHOLE))
    assert asked.expressions[1] == Beat(2, "smile", 0.5)
    assert asked.head == [Look(0, yaw=-20), Look(3, pitch=5, roll=2)]
    assert asked.storyboard.title == Card("Good night") and asked.captions == [Caption(4, 7, "Good night, my dear.")]
    assert asked.colour() == (16, 32, 48)
    assert Configuration.from_json(asked.to_json()) == asked


@pytest.mark.parametrize(
    ("text", "field", "sentence"),
    [
        ("{", "configuration", "This is not JSON."),
        ("[]", "configuration", "an object with named fields"),
        ('{"seconds": 3}', "expressions", "This field is missing."),
        (changed(colour="#123456"), "colour", "No such field."),
        (changed(seconds=0.5), "seconds", "Choose 1 to 120."),
        (changed(seconds=121), "seconds", "Choose 1 to 120."),
        (changed(seconds="8"), "seconds", "This must be a number."),
        (changed(expressions=[]), "expressions", "Name 1 to 120"),
        (changed(expressions={}), "expressions", "This must be a list."),
        (changed(expressions=[{"at": 0, "show": "neutral"}, {"at": 1, "show": "wink"}]), "expressions[1].show", "Choose one of"),
        (changed(expressions=[{"at": 0, "show": "smile"}] * 2), "expressions[1].at", "after the one before"),
        (changed(expressions=[{"at": 11, "show": "smile"}]), "expressions[0].at", "ends at 10 seconds already"),
        (changed(expressions=[{"show": "smile"}]), "expressions[0].at", "This field is missing."),
        (changed(expressions=[{"at": 0, "show": "smile", "strength": 2}]), "expressions[0].strength", "Choose 0 to 1."),
        (changed(expressions=[{"at": 0, "show": "smile", "says": "Hello"}]), "expressions[0].says", "Only the expression"),
        (changed(expressions=[{"at": 0, "show": "speak"}]), "expressions[0].says", "Write what is said."),
        (changed(expressions=[{"at": 9, "show": "speak", "says": "a" * 30}]), "expressions[0].says", "It takes 4.5 seconds"),
        (changed(head="shake"), "head", "Choose one of still, sway"),
        (changed(head=[{"at": 0, "yaw": 80}]), "head[0].yaw", "Choose -60 to 60."),
        (changed(head=[{"at": 0, "tilt": 3}]), "head[0].tilt", "No such field."),
        (changed(head=[{"at": 0}, {"at": 0}]), "head[1].at", "after the one before"),
        (changed(background={"colour": "blue"}), "background.colour", "like #405060"),
        (changed(background={"picture": 1}), "background.picture", "true or false"),
        (changed(background=None), "background", "an object"),
        (changed(framing="wide"), "framing", "Choose one of auto"),
        (changed(kind="advert"), "kind", "Choose one of"),
        (changed(title={"heading": ""}), "title.heading", "Write something here."),
        (changed(captions=[{"start": 20, "end": 21, "text": "late"}]), "captions[0].start", "The scene ends at 10.0 s"),
        (changed(twin="grandpa"), "twin", "the id of a twin"),
        ("[" * 100_000, "configuration", "This is not JSON."),
        (changed(title={"heading": "half a letter: \ud83d"}), "configuration", "This is not JSON."),
        (changed(seconds=10**400), "seconds", "This must be a number."),
        (changed(captions=[{"start": 0, "end": 10**400, "text": "a"}]), "captions[0].end", "a number of seconds"),
        (
            changed(expressions=[{"at": 0.5, "show": "speak", "says": "Yes"}, {"at": 10**400, "show": "smile"}]),
            "expressions[1].at",
            "This must be a number.",
        ),
    ],
)
def test_what_cannot_be_made_is_refused_with_its_field(text, field, sentence):
    with pytest.raises(ConfigurationError) as refused:
        Configuration.from_json(text)
    assert refused.value.field == field and sentence in refused.value.sentence


@pytest.mark.parametrize(
    ("turn", "field", "sentence"),
    [
        (Look(0, yaw=-40), "head[0].yaw", "Grandpa was never seen looking that far left: at most 25 degrees."),
        (Look(0, yaw=20), "head[0].yaw", "Grandpa was never seen looking that far right: at most 12 degrees."),
        (Look(0, pitch=-15), "head[0].pitch", "Grandpa was never seen looking that far down: at most 8 degrees."),
    ],
)
def test_nobody_turns_further_than_was_seen(turn, field, sentence):
    asked = Configuration(5, [Beat(0, "neutral")], head=[turn])
    asked.validate()
    with pytest.raises(ConfigurationError) as refused:
        asked.validate_for(SEEN, "Grandpa")
    assert (refused.value.field, refused.value.sentence) == (field, sentence)


@pytest.mark.parametrize("head", rules.HEADS)
def test_named_movements_stay_within_what_was_seen(head):
    path = Configuration(30, [Beat(0, "neutral")], head=head).path(SEEN)
    assert all(SEEN.low[0] <= look.yaw <= SEEN.high[0] and SEEN.low[1] <= look.pitch <= SEEN.high[1] for look in path)
    assert path[-1].at >= 28 or head == "still"


def test_the_framing_follows_the_outline_unless_it_is_said():
    asked = [Configuration(5, [Beat(0, "neutral")], framing=framing) for framing in ("auto", "portrait")]
    assert [[one.framed(trusted) for trusted in (True, False)] for one in asked] == [
        ["portrait", "medallion"],
        ["portrait", "portrait"],
    ]


def _object_of(part: dict) -> dict:
    """The object that a part of the schema describes, in a list or beside null."""
    for choice in part.get("oneOf", []):
        if choice.get("type") in ("object", "array"):
            return _object_of(choice)
    return _object_of(part["items"]) if part.get("type") == "array" else part


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        ([], Configuration),
        (["expressions"], Beat),
        (["head"], Look),
        (["background"], Background),
        (["title"], Card),
        (["closing"], Card),
        (["captions"], Caption),
    ],
)
def test_the_schema_knows_every_field_and_which_are_needed(names, kind):
    part = schema()
    for name in names:
        part = _object_of(part["properties"][name])
    assert set(part["properties"]) == {field.name for field in fields(kind)}
    needed = [field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING]
    assert part["required"] == needed and part["additionalProperties"] is False


def test_the_schema_has_the_limits_of_the_rules():
    properties = schema()["properties"]
    assert (properties["seconds"]["minimum"], properties["seconds"]["maximum"]) == (1, 120)
    expressions = properties["expressions"]["items"]["properties"]
    for value in expressions["show"]["enum"]:
        said = {"says": "Hello"} if value == "speak" else {}
        Configuration.from_json(changed(expressions=[{"at": 0, "show": value} | said]))
    for head in properties["head"]["oneOf"][0]["enum"]:
        Configuration.from_json(changed(head=head))
    for axis, limits in properties["head"]["oneOf"][1]["items"]["properties"].items():
        if axis != "at":
            Configuration.from_json(changed(head=[{"at": 0, axis: limits["maximum"]}, {"at": 1, axis: limits["minimum"]}]))
            with pytest.raises(ConfigurationError):
                Configuration.from_json(changed(head=[{"at": 0, axis: limits["maximum"] + 1}]))
    assert properties["kind"]["enum"] == list(KINDS) and properties["captions"]["maxItems"] == MAX_CAPTIONS
    assert properties["framing"]["enum"] == list(rules.FRAMING_NAMES)
    assert json.loads(json.dumps(schema()))["$schema"] == "https://json-schema.org/draft/2020-12/schema"
