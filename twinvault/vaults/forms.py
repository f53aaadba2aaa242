"""Forms on vaults. Each says in `cleaned_data` what its service takes."""

from datetime import date

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from twinvault.vaults.ages import OLDEST, USUAL_AGES
from twinvault.vaults.models import FILM_KINDS, Consent, ConsentReview, LifeStage, Role, Subject, Vault

STAGES = list(USUAL_AGES)
EARLIEST_YEAR = 1800


def year_field(label: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        required=False,
        min_value=EARLIEST_YEAR,
        max_value=lambda: timezone.localdate().year,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "placeholder": "for example 1948"}),
    )


def day_field(label: str) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        widget=forms.DateInput(attrs={"type": "date", "min": f"{EARLIEST_YEAR}-01-01"}, format="%Y-%m-%d"),
        help_text="If you know it; the year alone will do.",
    )


def age_field(label: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, required=False, min_value=0, max_value=OLDEST, widget=forms.NumberInput(attrs={"inputmode": "numeric"})
    )


class VaultForm(forms.Form):
    """What a vault and its subject are called."""

    subject_name = forms.CharField(
        label="Whose face does it keep?", max_length=120, help_text="One person. Somebody else gets a vault of their own."
    )
    name = forms.CharField(label="What shall the vault be called?", max_length=120, help_text="For example: Grandpa Franck.")
    born = year_field("Year of birth")
    died = year_field("Year of death")
    born_on = day_field("Day of birth")
    died_on = day_field("Day of death")

    def clean(self) -> dict:
        said = super().clean()
        for year, day in (("born", "born_on"), ("died", "died_on")):
            self._agree(said, year, day)
        born, died = said.get("born"), said.get("died")
        if born and died and died < born:
            self.add_error("died", "The year of death lies before the year of birth.")
        elif said.get("born_on") and said.get("died_on") and said["died_on"] < said["born_on"]:
            self.add_error("died_on", "The day of death lies before the day of birth.")
        return said

    def _agree(self, said: dict, year: str, day: str) -> None:
        """A day brings its year along, and must lie in the one that is named."""
        on: date | None = said.get(day)
        if on is None:
            return
        if not date(EARLIEST_YEAR, 1, 1) <= on <= timezone.localdate():
            self.add_error(day, "This day cannot be: it lies in the future, or too far back.")
        elif said.get(year) and said[year] != on.year:
            self.add_error(day, f"This day lies in {on.year}, and the year beside it is {said[year]}.")
        elif year in said:
            said[year] = on.year


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
    from_age = age_field("From the age of")
    to_age = age_field("To the age of")
    from_year = year_field("From the year")
    to_year = year_field("To the year")

    def clean(self) -> dict:
        said = super().clean()
        has_ages = any(said.get(name) is not None for name in ("from_age", "to_age"))
        if has_ages and any(said.get(name) is not None for name in ("from_year", "to_year")):
            self.add_error(None, "Say either ages or years: a stage of life is bounded by one of them.")
        if said.get("from_age") is not None and said.get("to_age") is not None and said["to_age"] < said["from_age"]:
            self.add_error("to_age", "This age lies before the first one.")
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
    """What was agreed; `cleaned_data` but for `sure` is as `consents.record_consent` takes it."""

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
    document = forms.FileField(
        label="A document that shows it",
        required=False,
        widget=forms.FileInput(attrs={"accept": "application/pdf,image/jpeg,image/png"}),
        help_text="For an executor, the will or the certificate; for a public figure, to whom the rights belong. The editorial "
        "board looks at it before anything is done. A PDF or a picture, at most 20 MB; it is kept encrypted.",
    )
    until = forms.DateField(
        label="Until when",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="The last day. Then everything stands still until somebody consents anew. Empty: until it is withdrawn.",
    )
    life_stages = forms.ModelMultipleChoiceField(
        label="For which stages of life",
        queryset=LifeStage.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: for all, and for those that are added later.",
    )
    kinds = forms.MultipleChoiceField(
        label="For which kinds of film",
        choices=[(kind, kind.capitalize()) for kind in FILM_KINDS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: for all.",
    )
    watched_by = forms.TypedChoiceField(
        label="Who may watch what is made",
        coerce=lambda value: Role(int(value)),
        initial=Role.VIEWER,
        required=False,
        empty_value=Role.VIEWER,
        widget=forms.RadioSelect,
        choices=[
            (Role.VIEWER, "All members of the vault"),
            (Role.CONTRIBUTOR, "Contributors and owners"),
            (Role.OWNER, "Owners alone"),
        ],
    )
    instead = forms.BooleanField(
        label="It takes the place of all earlier ones",
        required=False,
        help_text="They are withdrawn. What only they allowed ends: its twins are retired, its films erased.",
    )
    sure = forms.BooleanField(label="I have this consent, and can show it when I am asked")

    def __init__(self, subject: Subject, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["life_stages"].queryset = subject.life_stages.all()

    def clean_document(self) -> bytes | None:
        document = self.cleaned_data["document"]
        return document.read() if document else None


class StatementForm(forms.Form):
    """A recorded statement; `cleaned_data` is as `statements.record_statement` takes it."""

    phrase = forms.CharField(widget=forms.HiddenInput)
    recording = forms.FileField(
        label="Or choose a film of it",
        help_text="Taken today, of at most 200 MB, in which the words and the phrase are said.",
        widget=forms.FileInput(attrs={"accept": "video/*", "capture": "user"}),
        error_messages={"required": "Record it first, or choose a film."},
    )

    def clean_recording(self) -> bytes:
        return self.cleaned_data["recording"].read()


class ConsentReviewForm(forms.Form):
    """A board member's word; `cleaned_data` is as `board.review_consent` takes it."""

    decision = forms.ChoiceField(
        label="May the face be learned on this ground?",
        widget=forms.RadioSelect,
        choices=[
            (ConsentReview.Decision.APPROVE, "Yes: the document and the words bear it"),
            (ConsentReview.Decision.REJECT, "No, not on this ground"),
        ],
    )
    comment = forms.CharField(
        label="Why",
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The family reads it. A refusal says what is missing.",
    )


class InvitationForm(forms.Form):
    """Whom to invite, and as what; `cleaned_data` is as `invitations.invite` takes it."""

    email = forms.EmailField(
        label="Their e-mail address",
        help_text="The one they sign in with here, or will make an account with.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
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

    def clean_email(self) -> str:
        email = self.cleaned_data["email"].lower()
        member = self._vault.memberships.filter(user__email__iexact=email).select_related("user").first()
        if member is not None:
            raise ValidationError("%(name)s is a member already.", params={"name": member.user.called})
        return email


class RoleForm(forms.Form):
    role = forms.TypedChoiceField(coerce=lambda value: Role(int(value)), choices=Role.choices)
