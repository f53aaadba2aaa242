"""The JSON Schema (draft 2020-12) of a scene's configuration, for whoever writes one in an editor or by a program.

What a schema cannot say (that seconds rise, that words fit their time, what a person was seen to do) only `configuration` checks.
"""

from typing import Any

from generator.productions import storyboard
from generator.scenes import configuration as rules

Schema = dict[str, Any]


def schema() -> Schema:
    """The schema, plain values only."""
    seconds = {"type": "number", "minimum": 0, "maximum": rules.MOST_SECONDS}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A scene of TwinVault",
        **_object(
            ["seconds", "expressions"],
            seconds={
                "type": "number",
                "minimum": rules.LEAST_SECONDS,
                "maximum": rules.MOST_SECONDS,
                "description": "How long the scene is, without its cards",
            },
            expressions={
                "type": "array",
                "minItems": 1,
                "maxItems": rules.MOST_EXPRESSIONS,
                "items": _object(
                    ["at", "show"],
                    at=seconds,
                    show={"enum": list(rules.EXPRESSION_NAMES)},
                    strength={"type": "number", "minimum": 0, "maximum": 1, "default": 1},
                    says={
                        "type": "string",
                        "maxLength": rules.MOST_WORDS,
                        "description": "What the mouth forms while it speaks; it is not heard",
                    },
                ),
            },
            head={
                "oneOf": [
                    {"enum": list(rules.HEADS)},
                    {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": rules.MOST_TURNS,
                        "items": _object(
                            ["at"],
                            at=seconds,
                            yaw=_degrees(rules.MOST_YAW, "to the right of the picture"),
                            pitch=_degrees(rules.MOST_PITCH, "up"),
                            roll=_degrees(rules.MOST_ROLL, "tilts clockwise in the picture"),
                        ),
                    },
                ],
                "default": "sway",
            },
            background=_object(
                [],
                colour={"type": "string", "pattern": rules.COLOUR, "default": rules.Background.colour},
                picture={"type": "boolean", "description": "Whether a picture comes with the configuration", "default": False},
            ),
            framing={"enum": list(rules.FRAMING_NAMES), "default": rules.AUTO},
            kind={"enum": list(storyboard.KINDS), "default": rules.Configuration.kind},
            title=_card(),
            captions={
                "type": "array",
                "maxItems": storyboard.MAX_CAPTIONS,
                "items": _object(
                    ["start", "end", "text"],
                    start=seconds,
                    end={"type": "number", "exclusiveMinimum": 0},
                    text={"type": "string", "minLength": 1, "maxLength": storyboard.MAX_CAPTION},
                ),
            },
            closing=_card(),
            twin={"type": "string", "description": "The id of the twin that appears, or empty where it is chosen beside this"},
        ),
    }


def _object(required: list[str], **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _degrees(most: float, positive: str) -> Schema:
    return {"type": "number", "minimum": -most, "maximum": most, "default": 0, "description": f"Degrees; positive {positive}"}


def _card() -> Schema:
    card = _object(
        ["heading"],
        heading={"type": "string", "minLength": 1, "maxLength": storyboard.MAX_HEADING},
        subheading={"type": "string", "maxLength": storyboard.MAX_HEADING},
        line={"type": "string", "maxLength": storyboard.MAX_LINE},
        seconds={"type": "number", "minimum": storyboard.MIN_CARD_SECONDS, "maximum": storyboard.MAX_CARD_SECONDS},
    )
    return {"oneOf": [{"type": "null"}, card]}
