"""What a person says to order a film."""

import re

from django import forms
from django.conf import settings

from generator.models import Twin
from generator.productions.models import Film
from generator.productions.storyboard import KINDS, Caption, Card, Storyboard, StoryboardError
from templates_library import queries
from templates_library.models import TemplateRevision
from twinvault.vaults.models import LifeStage, Vault

_CAPTION = re.compile(r"\s*(?:(\d+):)?(\d+(?:\.\d+)?)\s*(?:-|–|to)\s*(?:(\d+):)?(\d+(?:\.\d+)?)\s+(\S.*)")


class TemplateChoice(forms.ModelChoiceField):
    def label_from_instance(self, revision: TemplateRevision) -> str:
        return f"{revision.template.title} ({revision.seconds:.0f} s)"


class TwinChoice(forms.ModelChoiceField):
    def label_from_instance(self, twin: Twin) -> str:
        return f"{twin.learned_from}, version {twin.version}"


class ReleaseForm(forms.Form):
    """Why a film that was held back is let out all the same."""

    reason = forms.ChoiceField(
        label="Why", choices=Film.Reason, widget=forms.RadioSelect, error_messages={"required": "Say why it is let out."}
    )


class MatchForm(forms.Form):
    """Who shall appear in which video: a twin, or the one that fits best, of a stage of life or of any."""

    twin = TwinChoice(
        Twin.objects.none(),
        label="Who appears",
        required=False,
        empty_label="whoever fits the video best",
        error_messages={"invalid_choice": "This twin cannot be chosen any more, it may have been retired: choose another."},
    )
    template = TemplateChoice(
        TemplateRevision.objects.none(),
        label="In which video",
        empty_label=None,
        error_messages={
            "invalid_choice": "This video cannot be chosen any more, the board may just have withdrawn it: choose another."
        },
    )
    life_stage = forms.ModelChoiceField(
        LifeStage.objects.none(), label="At which stage of life", required=False, empty_label="whichever fits"
    )

    def __init__(self, vault: Vault, *args, **kwargs):
        super().__init__(*args, **kwargs)
        ready = vault.twins.filter(state=Twin.State.READY).select_related("life_stage")
        self.fields["twin"].queryset = ready
        self.fields["template"].queryset = queries.orderable_revisions()
        stages = LifeStage.objects.filter(subject__vault=vault, id__in=ready.order_by().values("life_stage"))
        if stages.count() > 1:
            self.fields["life_stage"].queryset = stages
        else:
            # there is nothing to wish for
            del self.fields["life_stage"]

    def clean(self) -> dict:
        said = super().clean()
        twin, stage = said.get("twin"), said.get("life_stage")
        if twin and stage and twin.life_stage_id != stage.id:
            self.add_error("life_stage", f"{twin} is of another stage of life: choose one of the two.")
        return said


class OrderForm(MatchForm):
    """An order; `storyboard` is there once it is valid."""

    field_order = ("template", "life_stage", "twin")

    kind = forms.ChoiceField(label="What it is", choices=[(kind, kind.capitalize()) for kind in KINDS])
    heading = forms.CharField(label="Name or title on the first card", required=False)
    subheading = forms.CharField(label="Years, or a second line", required=False)
    line = forms.CharField(label="A sentence on the first card", required=False)
    captions = forms.CharField(
        label="Captions",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "placeholder": "0-4 He told us this story every winter."}),
        help_text="One a line: from second - to second, then the words.",
    )
    closing = forms.CharField(label="Words on the last card", required=False)
    closing_line = forms.CharField(label="A sentence on the last card", required=False)

    def clean_captions(self) -> list[Caption]:
        captions = []
        for number, line in enumerate(self.cleaned_data["captions"].splitlines(), 1):
            if not line.strip():
                continue
            match = _CAPTION.fullmatch(line)
            if not match:
                raise forms.ValidationError(f"Line {number} must look like “0-4 words”: from second - to second, then the words.")
            from_minute, from_second, to_minute, to_second, text = match.groups()
            start, end = float(from_second) + 60 * float(from_minute or 0), float(to_second) + 60 * float(to_minute or 0)
            captions.append(Caption(start, end, text.strip()))
        return captions

    def clean(self) -> dict:
        said = super().clean()
        if self.errors:
            return said
        title = said["heading"] or said["subheading"] or said["line"]
        self.storyboard = Storyboard(
            kind=said["kind"],
            title=Card(said["heading"], said["subheading"], said["line"]) if title else None,
            captions=said["captions"],
            closing=Card(said["closing"], line=said["closing_line"]) if said["closing"] or said["closing_line"] else None,
        )
        try:
            self.storyboard.validate(template_seconds=said["template"].seconds)
        except StoryboardError as error:
            self.add_error(_field_of(error), str(error).split(": ", 1)[1])
        return said


def _field_of(error: StoryboardError) -> str | None:
    """The form's field for a field of the storyboard."""
    if error.field.startswith("captions"):
        return "captions"
    names = {"title.heading": "heading", "title.subheading": "subheading", "title.line": "line", "kind": "kind"}
    return {**names, "closing.heading": "closing", "closing.line": "closing_line"}.get(error.field)


class VerifyForm(forms.Form):
    clip = forms.FileField(
        label="The film or clip",
        help_text=f"At most {settings.FILE_UPLOAD_MAX_MEMORY_SIZE // 2**20} MB.",
        error_messages={
            "required": f"Choose a file of at most {settings.FILE_UPLOAD_MAX_MEMORY_SIZE // 2**20} MB.",
            "empty": "This file is empty: choose another.",
        },
    )
