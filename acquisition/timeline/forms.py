"""What a person says on the timeline. Each form says in `cleaned_data` what its service takes."""

from django import forms
from django.utils import timezone
from django.utils.dates import MONTHS

from acquisition.dating import Precision
from acquisition.dating.datings import EARLIEST, partial
from acquisition.models import Filmed


class DateForm(forms.Form):
    """A day, a month, or only a year: `cleaned_data["when"]` is (its first day, how exact it is)."""

    # on the timeline it stands beside other acts, which need no date
    use_required_attribute = False

    day = forms.TypedChoiceField(
        label="Day", required=False, coerce=int, empty_value=0, choices=[("", "–"), *((day, day) for day in range(1, 32))]
    )
    month = forms.TypedChoiceField(
        label="Month",
        required=False,
        coerce=int,
        empty_value=0,
        choices=[("", "–"), *((at, str(name)) for at, name in MONTHS.items())],
    )
    in_year = forms.IntegerField(
        label="Year",
        min_value=EARLIEST.year,
        max_value=lambda: timezone.localdate().year,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "placeholder": "1987"}),
        error_messages={"required": "Say at least the year."},
    )

    def clean(self) -> dict:
        said = super().clean()
        if self.errors:
            return said
        known = partial(said["in_year"], said["month"], said["day"])
        if known is None:
            raise forms.ValidationError("There is no such day: say a month with a day, and no more days than the month has.")
        if known[0] > timezone.localdate():
            raise forms.ValidationError("This day is still to come.")
        return said | {"when": known}

    @property
    def sentence(self) -> str:
        """What is wrong, in a sentence."""
        return " ".join(str(error) for errors in self.errors.values() for error in errors)


def as_said(row: Filmed) -> dict[str, int]:
    """What the form shows of a date that is known: no more than is."""
    if row.filmed_on is None:
        return {}
    known = {"in_year": row.filmed_on.year}
    if row.filmed_precision != Precision.YEAR:
        known["month"] = row.filmed_on.month
    if row.filmed_precision in (Precision.DAY, Precision.SECOND):
        known["day"] = row.filmed_on.day
    return known
