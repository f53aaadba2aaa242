"""The configuration of a scene: what the face does, where it looks, what is behind it and what is said. It rests as JSON.

`schema.py` publishes the same rules as a JSON Schema.
"""

import json
import math
import re
import sys
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, Self, TypeVar

from generator.engine.scenes.compose import FRAMINGS, Framing
from generator.engine.scenes.drive import EXPRESSIONS, POSE, Range
from generator.engine.scenes.motion import Beat, Look, speaking_seconds
from generator.productions.storyboard import Caption, Card, Kind, Storyboard, StoryboardError

RATE = 25
LEAST_SECONDS, MOST_SECONDS = 1.0, 120.0
MOST_EXPRESSIONS, MOST_TURNS, MOST_WORDS = 120, 120, 1000
MOST_YAW, MOST_PITCH, MOST_ROLL = 60.0, 40.0, 12.0
COLOUR = r"^#[0-9a-fA-F]{6}$"
AUTO = "auto"
FRAMING_NAMES = (AUTO, *FRAMINGS)
HEADS = ("still", "sway", "nod", "look_round")
EXPRESSION_NAMES = tuple(EXPRESSIONS)
ID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


class ConfigurationError(ValueError):
    """A scene that cannot be made. `field` names what is wrong (`expressions[2].at`); the message is a sentence."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.sentence = field, message


@dataclass(frozen=True)
class Background:
    """A picture that comes with the configuration, or else a colour like #405060."""

    colour: str = "#4a5c66"
    picture: bool = False


@dataclass(frozen=True)
class Configuration:
    """One scene. head: the name of a movement, or turns. kind, title, captions, closing: as of a storyboard; captions count from
    the scene's first frame. twin: the id of the twin that appears, or empty where it is chosen beside the configuration."""

    seconds: float
    expressions: list[Beat]
    head: str | list[Look] = "sway"
    background: Background = field(default_factory=Background)
    framing: str = AUTO
    kind: Kind = "greeting"
    title: Card | None = None
    captions: list[Caption] = field(default_factory=list)
    closing: Card | None = None
    twin: str = ""

    @property
    def storyboard(self) -> Storyboard:
        return Storyboard(self.kind, self.title, self.captions, self.closing)

    def framed(self, trusted: bool) -> Framing:
        """How the face is set; by itself a portrait where the person's outline can be trusted."""
        if self.framing != AUTO:
            return self.framing  # type: ignore[return-value]  # checked against FRAMINGS
        return "portrait" if trusted else "medallion"

    def colour(self) -> tuple[int, int, int]:
        red, green, blue = (int(self.background.colour[at : at + 2], 16) for at in (1, 3, 5))
        return red, green, blue

    def path(self, seen: Range) -> list[Look]:
        """Where the head looks; named movements stay within what was seen."""
        if not isinstance(self.head, str):
            return self.head
        (left, down), right = seen.low[:2].tolist(), float(seen.high[0])
        yaw, pitch = seen.rest[:2].tolist()
        if self.head == "still":
            return [Look(0.0, yaw, pitch)]
        steps = range(math.ceil(self.seconds / 2.0) + 1)
        if self.head == "nod":
            way = max(down - pitch, -9.0)
            return [Look(2.0 * n + half, yaw, pitch + way * half) for n in steps for half in (0.0, 1.0)]
        share, tilt = (0.75, 2.0) if self.head == "look_round" else (0.35, 3.0)
        ends = ((left - yaw) * share, (right - yaw) * share)
        return [Look(2.0 * n, yaw + (0.0, ends[0], 0.0, ends[1])[n % 4], pitch, (0.0, -tilt, 0.0, tilt)[n % 4]) for n in steps]

    def to_json(self) -> str:
        """JSON text that `from_json` reads back to an equal configuration."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The configuration of `text`, validated. ConfigurationError naming the field that is wrong, missing or unknown."""
        try:
            raw = json.loads(text)
            # half of a letter, which JSON can escape and nothing can write
            json.dumps(raw, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise ConfigurationError("configuration", "This is not JSON.") from error
        _known(raw, cls, "")
        read: dict[str, Any] = dict(raw)
        read["expressions"] = _all(raw["expressions"], Beat, "expressions")
        if not isinstance(raw.get("head", ""), str):
            read["head"] = _all(raw["head"], Look, "head")
        if "captions" in raw:
            read["captions"] = _all(raw["captions"], Caption, "captions")
        for name, kind in (("background", Background), ("title", Card), ("closing", Card)):
            if raw.get(name) is not None:
                read[name] = _one(raw[name], kind, name)
        if raw.get("background", "") is None:
            raise ConfigurationError("background", "This must be an object with named fields.")
        made = cls(**read)
        made.validate()
        return made

    def validate(self) -> None:
        """Raise ConfigurationError for the first thing that is wrong whoever appears in it."""
        _number("seconds", self.seconds, LEAST_SECONDS, MOST_SECONDS)
        self._validate_expressions()
        if isinstance(self.head, str):
            _choice("head", self.head, HEADS)
        else:
            self._validate_turns(self.head)
        if not isinstance(self.background.picture, bool):
            raise ConfigurationError("background.picture", "This must be true or false.")
        if not isinstance(self.background.colour, str) or not re.match(COLOUR, self.background.colour):
            raise ConfigurationError("background.colour", "Write a colour like #405060.")
        _choice("framing", self.framing, FRAMING_NAMES)
        if not isinstance(self.twin, str) or (self.twin and not re.match(ID, self.twin)):
            raise ConfigurationError("twin", "This must be the id of a twin.")
        try:
            self.storyboard.validate(template_seconds=self.seconds)
        except StoryboardError as error:
            sentence = str(error).split(": ", 1)[1].replace("The template ends", "The scene ends")
            raise ConfigurationError(error.field, sentence) from error

    def validate_for(self, seen: Range, name: str) -> None:
        """Raise ConfigurationError for the first turn that `name` was never seen to make."""
        if isinstance(self.head, str):
            return
        sides = {"yaw": ("left", "right"), "pitch": ("down", "up")}
        for number, turn in enumerate(self.head):
            for axis, angle, low, high in zip(POSE, (turn.yaw, turn.pitch), seen.low, seen.high, strict=False):
                if low - 0.5 <= angle <= high + 0.5:
                    continue
                side, most = (sides[axis][0], -low) if angle < low else (sides[axis][1], high)
                at_most = f"at most {max(0, math.floor(most))} degrees" if most > 0 else f"{axis} {low:.0f} to {high:.0f} degrees"
                raise ConfigurationError(f"head[{number}].{axis}", f"{name} was never seen looking that far {side}: {at_most}.")

    def _validate_expressions(self) -> None:
        if not 1 <= len(self.expressions) <= MOST_EXPRESSIONS:
            raise ConfigurationError("expressions", f"Name 1 to {MOST_EXPRESSIONS} expressions.")
        before = -1.0
        ends = [one.at for one in self.expressions[1:]] + [self.seconds]
        for number, (one, end) in enumerate(zip(self.expressions, ends, strict=True)):
            name = f"expressions[{number}]"
            _at(f"{name}.at", one.at, before, self.seconds)
            _choice(f"{name}.show", one.show, EXPRESSION_NAMES)
            _number(f"{name}.strength", one.strength, 0.0, 1.0)
            _words(f"{name}.says", one.says)
            if one.says and one.show != "speak":
                raise ConfigurationError(f"{name}.says", "Only the expression “speak” says something.")
            if one.show == "speak" and not one.says.strip():
                raise ConfigurationError(f"{name}.says", "Write what is said.")
            # a later `at` that is no number is told in its own turn
            is_time = isinstance(end, int | float) and end <= self.seconds
            if one.says and is_time and (needed := speaking_seconds(one.says)) > end - one.at > 0:
                wrong = f"It takes {needed:.1f} seconds to say this, and there are {end - one.at:.1f} seconds for it."
                raise ConfigurationError(f"{name}.says", wrong)
            before = one.at

    def _validate_turns(self, turns: list[Look]) -> None:
        if not 1 <= len(turns) <= MOST_TURNS:
            raise ConfigurationError("head", f"Name 1 to {MOST_TURNS} turns.")
        before = -1.0
        for number, turn in enumerate(turns):
            _at(f"head[{number}].at", turn.at, before, self.seconds)
            for axis, most in (("yaw", MOST_YAW), ("pitch", MOST_PITCH), ("roll", MOST_ROLL)):
                _number(f"head[{number}].{axis}", getattr(turn, axis), -most, most)
            before = turn.at


def _number(name: str, value: Any, least: float, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise ConfigurationError(name, "This must be a number.")
    if not least <= value <= most:
        raise ConfigurationError(name, f"Choose {least:g} to {most:g}.")


def _at(name: str, value: Any, before: float, seconds: float) -> None:
    _number(name, value, 0.0, MOST_SECONDS)
    if value >= seconds:
        raise ConfigurationError(name, f"The scene ends at {seconds:g} seconds already.")
    if value <= before:
        raise ConfigurationError(name, "This must come after the one before.")


def _choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ConfigurationError(name, f"Choose one of {', '.join(choices)}.")


def _words(name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise ConfigurationError(name, "This must be text.")
    if len(value) > MOST_WORDS:
        raise ConfigurationError(name, f"This has {len(value)} letters; at most {MOST_WORDS} can be said at once.")


Part = TypeVar("Part")


def _known(raw: Any, kind: type, name: str) -> None:
    if not isinstance(raw, dict):
        raise ConfigurationError(name or "configuration", "This must be an object with named fields.")
    prefix = f"{name}." if name else ""
    names = {one.name for one in fields(kind)}
    if unknown := sorted(set(raw) - names):
        raise ConfigurationError(f"{prefix}{unknown[0]}", "No such field.")
    needed = [one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING]
    if missing := [one for one in needed if one not in raw]:
        raise ConfigurationError(f"{prefix}{missing[0]}", "This field is missing.")


def _one(raw: Any, kind: type[Part], name: str) -> Part:
    _known(raw, kind, name)
    return kind(**raw)


def _all(raw: Any, kind: type[Part], name: str) -> list[Part]:
    if not isinstance(raw, list):
        raise ConfigurationError(name, "This must be a list.")
    return [_one(one, kind, f"{name}[{number}]") for number, one in enumerate(raw)]
