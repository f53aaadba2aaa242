"""What a person says to begin a twin, or a house base."""

from collections.abc import Iterable

from django import forms
from django.conf import settings

from generator.bases import USUAL_PRESET
from generator.engine.config import PRESETS
from generator.presets import NEEDS
from processing.datasets import label_of
from twinvault.vaults.models import LifeStage, Subject

CHOSEN = "as fits the footage, the time and the machine"
_NAMES = {"tiny": "32 pixels: only to try things out"} | {name: needs.told for name, needs in NEEDS.items()}


def _presets() -> list[tuple[str, str]]:
    return [(name, _NAMES.get(name, name)) for name in PRESETS]


class TwinForm(forms.Form):
    life_stage = forms.ModelChoiceField(LifeStage.objects.none(), label="Stage of life", empty_label=None)
    condition = forms.ChoiceField(label="Light that it learns from", required=False)
    minutes = forms.FloatField(label="How long it may learn, in minutes", min_value=0.05, max_value=60 * 24 * 14)
    preset = forms.ChoiceField(
        label="Size of the face",
        required=False,
        help_text="A larger face needs more time, more memory, and footage in which it is large.",
    )

    def __init__(self, subject: Subject, *args, lights: Iterable[str] = (), **kwargs):
        """lights: names of those that have faces enough in one of the life stages; without any nothing is to be chosen."""
        super().__init__(*args, **kwargs)
        own = [(name, f"only {label_of(name)}") for name in lights]
        if own:
            self.fields["condition"].choices = [("", "all light together"), *own]
            self.fields["condition"].help_text = "A twin of one light is better in it, and knows no other."
        else:
            del self.fields["condition"]
        self.fields["life_stage"].queryset = subject.life_stages.all()
        self.fields["preset"].choices = [("", CHOSEN), *_presets()]
        self.fields["preset"].initial = settings.ENV.train_preset
        self.fields["minutes"].initial = round(settings.ENV.train_seconds / 60, 2)


class BaseForm(forms.Form):
    preset = forms.ChoiceField(label="Size of the face")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["preset"].choices = _presets()
        self.fields["preset"].initial = settings.ENV.train_preset or USUAL_PRESET
