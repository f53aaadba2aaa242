"""The filter over a vault's record. `cleaned_data` is what `queries.entries_of` takes."""

from uuid import UUID

from django import forms

from twinvault.audit import queries


def day_field(label: str) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "This is not a day of the calendar: write it like 2026-11-24."},
    )


class RecordFilter(forms.Form):
    person = forms.ChoiceField(
        label="Who", required=False, error_messages={"invalid_choice": "Nobody who is called that did anything in this vault."}
    )
    deed = forms.ChoiceField(
        label="What", required=False, error_messages={"invalid_choice": "Nothing of that kind was done in this vault."}
    )
    since = day_field("From the day")
    until = day_field("To the day")

    def __init__(self, vault_id: UUID, *args, **kwargs):
        super().__init__(*args, **kwargs)
        people = [(str(user.pk), user.called) for user in queries.people_in(vault_id)]
        self.fields["person"].choices = [("", "Everybody"), *people, (queries.NOBODY, "The server by itself")]
        self.fields["deed"].choices = [("", "Everything"), *((deed, deed) for deed in queries.deeds_in(vault_id))]

    def clean(self) -> dict:
        said = super().clean()
        if said.get("since") and said.get("until") and said["until"] < said["since"]:
            self.add_error("until", "This day lies before the first one.")
        return said
