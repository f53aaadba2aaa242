"""What a person says to begin a twin."""

from django import forms
from django.conf import settings

from generator.engine.config import PRESETS
from twinvault.vaults.models import LifeStage, Subject


class TwinForm(forms.Form):
    life_stage = forms.ModelChoiceField(LifeStage.objects.none(), label="Stage of life", empty_label=None)
    minutes = forms.FloatField(label="How long it may learn, in minutes", min_value=0.05, max_value=60 * 24 * 14)
    preset = forms.ChoiceField(label="Size of the face")

    NAMES = {
        "tiny": "32 pixels, only to try things out",
        "quick": "96 pixels, minutes on any computer",
        "standard": "128 pixels, for a GPU or a long night",
    }

    def __init__(self, subject: Subject, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["life_stage"].queryset = subject.life_stages.all()
        self.fields["preset"].choices = [(name, self.NAMES.get(name, name)) for name in PRESETS]
        self.fields["preset"].initial = settings.ENV.train_preset
        self.fields["minutes"].initial = round(settings.ENV.train_seconds / 60, 2)
