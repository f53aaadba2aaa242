"""What a person says to ask for a scene: fields for everybody, JSON for experts."""

import re

from django import forms

from generator.engine.scenes.motion import Beat
from generator.models import Twin
from generator.productions.forms import OrderForm, TwinChoice
from generator.productions.storyboard import KINDS, Card
from generator.scenes import configuration as rules
from generator.scenes.configuration import Background, Configuration, ConfigurationError
from generator.scenes.queries import twins_for_scenes
from generator.scenes.services import read_background
from twinvault.vaults.models import Vault

LARGEST_PICTURE = 30 * 2**20
_LINE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:s\b)?\s*[:,-]?\s*([A-Za-z_]+(?: closed)?)\b[\s:,-]*(.*)")
_HEADS = {
    "sway": "moves a little, as people do",
    "still": "is held still",
    "nod": "nods slowly",
    "look_round": "looks to the left and to the right",
}
_FRAMINGS = {"auto": "as it looks best", "portrait": "a portrait", "medallion": "an oval, as in a locket"}


class SceneForm(forms.Form):
    """A scene; `configuration` and `background` (JPEG or None) are there once it is valid."""

    twin = TwinChoice(
        Twin.objects.none(),
        label="Who appears",
        empty_label=None,
        help_text="Twins that learned with the adversarial finish are sharper.",
        error_messages={"invalid_choice": "This twin cannot be chosen any more, it may have been retired: choose another."},
    )
    seconds = forms.FloatField(
        label="How long, in seconds",
        min_value=rules.LEAST_SECONDS,
        max_value=rules.MOST_SECONDS,
        initial=8,
        required=False,
    )
    expressions = forms.CharField(
        label="What the face does",
        help_text="A line each: from which second on, then one of "
        + ", ".join(name.replace("_", " ") for name in rules.EXPRESSION_NAMES)
        + "; behind “speak” the words. What is spoken is seen and not heard.",
        widget=forms.Textarea(attrs={"rows": 5}),
        initial="0 neutral\n1.5 smile\n3.5 speak Good night, my dear.\n6.5 smile",
        required=False,
    )
    head = forms.ChoiceField(label="The head", choices=[(name, _HEADS[name]) for name in ("sway", "still", "nod", "look_round")])
    framing = forms.ChoiceField(label="It is seen as", choices=list(_FRAMINGS.items()))
    colour = forms.CharField(
        label="Colour behind it",
        initial=Background.colour,
        widget=forms.TextInput(attrs={"type": "color"}),
        required=False,
    )
    picture = forms.FileField(
        label="Picture behind it",
        required=False,
        help_text="Instead of the colour; at most 30 MB. The board sees it.",
        widget=forms.FileInput(attrs={"accept": "image/*"}),
    )
    kind = forms.ChoiceField(label="What it is", choices=[(kind, kind.capitalize()) for kind in KINDS], initial="greeting")
    heading = forms.CharField(label="Name or title on the first card", required=False)
    subheading = forms.CharField(label="Below it", required=False)
    line = forms.CharField(label="A sentence on the first card", required=False)
    captions = forms.CharField(
        label="Captions",
        help_text="A line each: from second - to second, then the words, as in “0-4 Once upon a time”.",
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
    )
    closing = forms.CharField(label="Last card", required=False)
    closing_line = forms.CharField(label="A sentence on the last card", required=False)
    json = forms.CharField(
        label="All of it as JSON, for experts",
        help_text="Takes the place of every field but the twin and the picture. Its rules are published as a JSON Schema.",
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        max_length=400_000,
        required=False,
    )

    clean_captions = OrderForm.clean_captions

    def __init__(self, vault: Vault, *args, has_picture: bool = False, **kwargs):
        """has_picture: the revision before has a background picture, which is kept unless another comes."""
        super().__init__(*args, **kwargs)
        self.vault, self.has_picture = vault, has_picture
        self.background: bytes | None = None
        self.fields["twin"].queryset = twins_for_scenes(vault)
        if has_picture:
            self.fields["keep_picture"] = forms.BooleanField(
                label="Keep the picture of the last revision behind it", required=False, initial=True
            )

    def clean_picture(self):
        picture = self.cleaned_data["picture"]
        if picture and picture.size > LARGEST_PICTURE:
            raise forms.ValidationError(f"{picture.name} is larger than 30 MB: choose a smaller picture.")
        return picture

    def clean(self) -> dict:
        said = super().clean()
        if self.errors:
            return said
        try:
            if said["picture"]:
                self.background = read_background(said["picture"].file, said["picture"].name)
            self.configuration = self._from_json(said) if said["json"].strip() else self._from_fields(said)
        except ConfigurationError as error:
            self.refuse(error)
        return said

    def refuse(self, error: ConfigurationError) -> None:
        """Say what is wrong beside the field in which it was said."""
        if self.cleaned_data.get("json", "").strip():
            field = "picture" if error.field == "background.picture" else "json"
            self.add_error(field, str(error))
            return
        names = {
            "background.colour": "colour",
            "background.picture": "picture",
            "title.heading": "heading",
            "title.subheading": "subheading",
            "title.line": "line",
            "closing.heading": "closing",
            "closing.line": "closing_line",
        }
        first = re.split(r"[.\[]", error.field)[0]
        field = names.get(error.field, first if first in self.fields else None)
        number = re.match(r"expressions\[(\d+)\]", error.field)
        self.add_error(field, f"Line {int(number[1]) + 1}: {error.sentence}" if number else error.sentence)

    def _from_json(self, said: dict) -> Configuration:
        made = Configuration.from_json(said["json"])
        if made.twin:
            named = self.fields["twin"].queryset.filter(id=made.twin).first()
            if named is None:
                raise ConfigurationError("twin", "There is no such twin that is ready for scenes.")
            said["twin"] = named
        return made

    def _from_fields(self, said: dict) -> Configuration:
        if said["seconds"] is None:
            raise ConfigurationError("seconds", "Say how long the scene is.")
        kept = self.has_picture and said.get("keep_picture", False)
        title = said["heading"] or said["subheading"] or said["line"]
        made = Configuration(
            seconds=said["seconds"],
            expressions=_read_lines(said["expressions"]),
            head=said["head"],
            framing=said["framing"],
            background=Background(said["colour"] or Background.colour, picture=bool(self.background or kept)),
            kind=said["kind"],
            title=Card(said["heading"], said["subheading"], said["line"]) if title else None,
            captions=said["captions"],
            closing=Card(said["closing"], line=said["closing_line"]) if said["closing"] or said["closing_line"] else None,
        )
        made.validate()
        return made


def _read_lines(text: str) -> list[Beat]:
    expressions = []
    for number, line in enumerate(line for line in text.splitlines() if line.strip()):
        match = _LINE.fullmatch(line)
        if not match:
            raise ConfigurationError(f"expressions[{number}]", "It must look like “2 smile”: from which second on, then what.")
        at, name, words = match.groups()
        expressions.append(Beat(float(at), name.lower().replace(" ", "_"), says=words.strip()))
    return expressions


def initial_of(asked: Configuration) -> dict:
    """What a form for a new revision begins with: the fields where they can say it all, else JSON."""
    plain = isinstance(asked.head, str) and all(one.strength == 1.0 for one in asked.expressions)
    cards = [card for card in (asked.title, asked.closing) if card]
    if not plain or any(card.seconds != Card("").seconds for card in cards) or (asked.closing and asked.closing.subheading):
        return {"json": asked.to_json(), "expressions": "", "seconds": None}
    title, closing = asked.title or Card(""), asked.closing or Card("")
    lines = [f"{one.at:g} {one.show.replace('_', ' ')} {one.says}".rstrip() for one in asked.expressions]
    return {
        "seconds": asked.seconds,
        "expressions": "\n".join(lines),
        "head": asked.head,
        "framing": asked.framing,
        "colour": asked.background.colour,
        "kind": asked.kind,
        "heading": title.heading,
        "subheading": title.subheading,
        "line": title.line,
        "captions": "\n".join(f"{one.start:g}-{one.end:g} {one.text}" for one in asked.captions),
        "closing": closing.heading,
        "closing_line": closing.line,
        "keep_picture": asked.background.picture,
    }
