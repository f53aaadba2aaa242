"""Forms on vaults. Each says in `cleaned_data` what its service takes."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from twinvault.accounts.services import user_called
from twinvault.vaults.models import Consent, LifeStage, Role, Vault

STAGES = ["Childhood", "Youth", "Adult years", "Later years"]
EARLIEST_YEAR = 1800


def year_field(label: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        required=False,
        min_value=EARLIEST_YEAR,
        max_value=lambda: timezone.localdate().year,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "placeholder": "for example 1948"}),
    )


class VaultForm(forms.Form):
    """What a vault and its subject are called."""

    subject_name = forms.CharField(
        label="Whose face does it keep?", max_length=120, help_text="One person. Somebody else gets a vault of their own."
    )
    name = forms.CharField(label="What shall the vault be called?", max_length=120, help_text="For example: Grandpa Franck.")
    born = year_field("Year of birth")
    died = year_field("Year of death")

    def clean(self) -> dict:
        said = super().clean()
        if said.get("born") and said.get("died") and said["died"] < said["born"]:
            self.add_error("died", "The year of death lies before the year of birth.")
        return said


class NewVaultForm(VaultForm):
    stages = forms.MultipleChoiceField(
        label="Stages of life",
        choices=[(stage, stage) for stage in STAGES],
        initial=STAGES,
        widget=forms.CheckboxSelectMultiple,
        help_text="A face changes with the years: each stage is learned by itself. You can add, rename and remove stages later.",
    )


class LifeStageForm(forms.Form):
    name = forms.CharField(label="What is this stage of life called?", max_length=60)
    from_year = year_field("From the year")
    to_year = year_field("To the year")

    def clean(self) -> dict:
        said = super().clean()
        if said.get("from_year") and said.get("to_year") and said["to_year"] < said["from_year"]:
            self.add_error("to_year", "This year lies before the first one.")
        return said


class NewLifeStageForm(forms.ModelForm):
    class Meta:
        model = LifeStage
        fields = ["name"]
        labels = {"name": "Another stage of life"}
        help_texts = {"name": "For example: At sea, or The years in Lyon."}


class ConsentForm(forms.Form):
    basis = forms.ChoiceField(
        label="Who allows it?",
        widget=forms.RadioSelect,
        choices=[(value, label[0].upper() + label[1:]) for value, label in Consent.Basis.choices],
    )
    given_by = forms.CharField(label="Name of the person who consents", max_length=120)
    statement = forms.CharField(
        label="In their words",
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="What was agreed: that the face is learned, and for what. For a person who has died, what entitles the "
        "executor, and what is known of the person's own wishes.",
    )
    sure = forms.BooleanField(label="I have this consent, and can show it when I am asked")


class MemberForm(forms.Form):
    """Names a person who has an account; `cleaned_data["user"]` is theirs."""

    who = forms.CharField(
        label="User name or e-mail address",
        max_length=254,
        help_text="The person needs an account here first.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    role = forms.TypedChoiceField(
        coerce=lambda value: Role(int(value)),
        initial=Role.CONTRIBUTOR,
        widget=forms.RadioSelect,
        choices=[
            (Role.VIEWER, "Viewer: sees everything in the vault"),
            (Role.CONTRIBUTOR, "Contributor: also adds footage, says who is who, orders films"),
            (Role.OWNER, "Owner: also decides on members, consent and removal"),
        ],
    )

    def __init__(self, vault: Vault, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._vault = vault

    def clean(self) -> dict:
        said = super().clean()
        if "who" not in said:
            return said
        user = user_called(said["who"])
        if user is None:
            self.add_error("who", "Nobody here is called that. Check the spelling, and ask them to sign up first.")
        elif self._vault.memberships.filter(user=user).exists():
            self.add_error("who", ValidationError("%(name)s is a member already.", params={"name": user.called}))
        said["user"] = user
        return said


class RoleForm(forms.Form):
    role = forms.TypedChoiceField(coerce=lambda value: Role(int(value)), choices=Role.choices)
