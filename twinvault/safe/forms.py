"""Forms of the Safe page. Whether a password is right is found out by the services, not here."""

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from twinvault.safe.models import Retention, Scope
from twinvault.vaults.models import Vault

SHORTEST = 12
HOURS = [(1, "1 hour"), (8, "8 hours"), (24, "1 day"), (72, "3 days"), (168, "7 days")]


def secret_field(label: str, autocomplete: str = "off", **more) -> forms.CharField:
    return forms.CharField(
        label=label, strip=False, max_length=200, widget=forms.PasswordInput(attrs={"autocomplete": autocomplete}), **more
    )


class SecondaryPassword(forms.Form):
    """The password that seals and unseals; for sealing and exports."""

    password = secret_field("Secondary password")


def account_password_field() -> forms.CharField:
    """Who may be at somebody else's session proves to be its person."""
    return secret_field("The password of your account", autocomplete="current-password")


class AnyNewPassword(forms.Form):
    """A secondary password to be, typed twice."""

    new = secret_field(
        "New secondary password",
        autocomplete="new-password",
        help_text=f"At least {SHORTEST} letters; several words are best. It is not the password of your account, and nobody can "
        "send you a new one.",
    )
    again = secret_field("The same once more", autocomplete="new-password")

    def __init__(self, user, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._user = user

    def clean_new(self) -> str:
        new = self.cleaned_data["new"]
        if len(new) < SHORTEST:
            raise ValidationError(f"This has {len(new)} letters; at least {SHORTEST} are needed.")
        if self._user.check_password(new):
            raise ValidationError("This is the password of your account: whoever learns that one would open the safe, too.")
        validate_password(new, self._user)
        return new

    def clean(self) -> dict:
        said = super().clean()
        if "new" in said and said.get("again") != said["new"]:
            self.add_error("again", "This is not the same as above.")
        return said


class NewPassword(AnyNewPassword):
    """A first one. Somebody at a stolen session must not lock the owner out with a password of their own."""

    account_password = account_password_field()


class ChangePassword(AnyNewPassword):
    """Another one, for who knows the old one or has the recovery code."""

    password = secret_field("Secondary password until now", required=False)
    code = forms.CharField(
        label="or the recovery code",
        required=False,
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )
    field_order = ["password", "code", "new", "again"]

    def clean(self) -> dict:
        said = super().clean()
        if not said.get("password") and not said.get("code"):
            self.add_error("password", "Type the secondary password, or the recovery code below.")
        return said


class Unseal(SecondaryPassword):
    hours = forms.TypedChoiceField(label="For how long?", choices=HOURS, coerce=int, initial=8)
    field_order = ["hours", "password"]


class RetentionForm(forms.Form):
    action = forms.ChoiceField(
        label="Some time after the last footage came in",
        required=False,
        choices=[("", "do nothing by itself"), *Retention.Action.choices],
        widget=forms.RadioSelect,
    )
    days = forms.IntegerField(label="After how many days?", required=False, min_value=1, max_value=3650)
    account_password = account_password_field()

    def clean(self) -> dict:
        said = super().clean()
        if said.get("action") and not said.get("days") and "days" not in self.errors:
            self.add_error("days", "Say after how many days.")
        return said


class Erase(forms.Form):
    scope = forms.ChoiceField(
        label="What shall be erased for good?",
        widget=forms.RadioSelect,
        choices=[
            (Scope.SOURCES, "The sources: footage, and every face found in it. Twins and films stay."),
            (Scope.SUBJECT, "Everything of the person: sources, twins and films. The empty vault and its record stay."),
            (Scope.VAULT, "The whole vault, with its members and consents."),
        ],
    )
    name = forms.CharField(label="To be sure, type the name of this vault", widget=forms.TextInput(attrs={"autocomplete": "off"}))
    account_password = account_password_field()

    def __init__(self, vault: Vault, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._vault = vault

    def clean_name(self) -> str:
        name = self.cleaned_data["name"].strip()
        if name.casefold() != self._vault.name.strip().casefold():
            raise ValidationError(f"This vault is called “{self._vault.name}”.")
        return name
