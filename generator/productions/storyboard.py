"""The storyboard: what a film shows besides the swapped template. A spec that goes to the database as JSON."""

import json
import sys
import unicodedata
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Self, TypeVar

from generator.protection import lettering
from twinvault.vaults.models import FILM_KINDS

Kind = Literal["memorial", "greeting", "storybook", "re-enactment"]
KINDS: tuple[Kind, ...] = FILM_KINDS

MAX_HEADING, MAX_LINE, MAX_CAPTION, MAX_CAPTIONS = 120, 400, 240, 500
MIN_CARD_SECONDS, MAX_CARD_SECONDS = 0.5, 30.0


class StoryboardError(ValueError):
    """A storyboard that cannot be filmed. `field` names what is wrong (`captions[2].end`); the message is a sentence."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


@dataclass(frozen=True)
class Card:
    """A still page before or after the template, fading in and out.

    heading     the name on a memorial card, the wish on a greeting, the book's title
    subheading  the years, or from whom
    line        a sentence to remember; it may have line breaks
    seconds     how long the card stands, fades included
    """

    heading: str
    subheading: str = ""
    line: str = ""
    seconds: float = 4.0


@dataclass(frozen=True)
class Caption:
    """A text in the lower third, from `start` until before `end`: seconds since the template's first frame."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Storyboard:
    """One film: title card, swapped template with captions, closing card. Without cards it is the bare template."""

    kind: Kind
    title: Card | None = None
    captions: list[Caption] = field(default_factory=list)
    closing: Card | None = None

    def to_json(self) -> str:
        """JSON text that `from_json` reads back to an equal storyboard."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The storyboard of `text`, validated. Raises StoryboardError naming the field that is wrong or unknown."""
        try:
            raw = json.loads(text)
        except ValueError as error:
            raise StoryboardError("storyboard", "This is not JSON.") from error
        _known(raw, cls, "storyboard")
        if not isinstance(raw.get("captions", []), list):
            raise StoryboardError("captions", "This must be a list.")
        storyboard = cls(
            kind=raw.get("kind", ""),
            title=_read(raw.get("title"), Card, "title"),
            captions=[_required(one, Caption, f"captions[{i}]") for i, one in enumerate(raw.get("captions", []))],
            closing=_read(raw.get("closing"), Card, "closing"),
        )
        storyboard.validate()
        return storyboard

    def validate(self, template_seconds: float | None = None) -> None:
        """Raise StoryboardError for the first thing that is wrong.

        With `template_seconds`, a caption that begins after the template's end is wrong too. Texts must be writable
        with the fonts at hand; captions run in order and never two at a time.
        """
        if self.kind not in KINDS:
            raise StoryboardError("kind", f"Choose one of {', '.join(KINDS)}.")
        for name, card in (("title", self.title), ("closing", self.closing)):
            if card is not None:
                _check_card(name, card)
        if len(self.captions) > MAX_CAPTIONS:
            raise StoryboardError("captions", f"A film may have at most {MAX_CAPTIONS} captions.")
        before = 0.0
        for number, caption in enumerate(self.captions):
            name = f"captions[{number}]"
            _check_text(f"{name}.text", caption.text, MAX_CAPTION, required=True)
            _check_number(f"{name}.start", caption.start)
            _check_number(f"{name}.end", caption.end)
            if caption.start < before:
                wrong = "A caption cannot start before the film." if number == 0 else "It overlaps the caption before."
                raise StoryboardError(f"{name}.start", wrong)
            if caption.end <= caption.start:
                raise StoryboardError(f"{name}.end", "A caption must end after it starts.")
            if template_seconds is not None and caption.start >= template_seconds:
                raise StoryboardError(f"{name}.start", f"The template ends at {template_seconds:.1f} s already.")
            before = caption.end


Part = TypeVar("Part", Card, Caption)


def _check_card(name: str, card: Card) -> None:
    _check_text(f"{name}.heading", card.heading, MAX_HEADING, required=True)
    _check_text(f"{name}.subheading", card.subheading, MAX_HEADING)
    _check_text(f"{name}.line", card.line, MAX_LINE)
    _check_number(f"{name}.seconds", card.seconds)
    if not MIN_CARD_SECONDS <= card.seconds <= MAX_CARD_SECONDS:
        raise StoryboardError(f"{name}.seconds", f"Choose {MIN_CARD_SECONDS:g} to {MAX_CARD_SECONDS:g} seconds.")


def _check_text(name: str, text: Any, longest: int, *, required: bool = False) -> None:
    if not isinstance(text, str):
        raise StoryboardError(name, "This must be text.")
    if required and not text.strip():
        raise StoryboardError(name, "Write something here.")
    if len(text) > longest:
        raise StoryboardError(name, f"This has {len(text)} letters; at most {longest} fit.")
    if any(unicodedata.category(letter) == "Cc" and letter not in "\r\n" for letter in text):
        raise StoryboardError(name, "This holds control characters that cannot be shown.")
    if absent := lettering.missing_letters(text):
        raise StoryboardError(name, f"No font here can write “{absent}”.")


def _check_number(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise StoryboardError(name, "This must be a number of seconds.")


def _known(raw: Any, kind: type, name: str) -> None:
    if not isinstance(raw, dict):
        raise StoryboardError(name, "This must be an object with named fields.")
    unknown = sorted(set(raw) - {one.name for one in fields(kind)})
    if unknown:
        raise StoryboardError(f"{name}.{unknown[0]}" if name != "storyboard" else unknown[0], "No such field.")


def _required(raw: Any, kind: type[Part], name: str) -> Part:
    _known(raw, kind, name)
    try:
        return kind(**raw)
    except TypeError as error:
        raise StoryboardError(name, "A required field is missing.") from error


def _read(raw: Any, kind: type[Part], name: str) -> Part | None:
    return None if raw is None else _required(raw, kind, name)
