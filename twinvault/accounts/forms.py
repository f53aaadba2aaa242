"""Forms to sign up and in."""

from django import forms
from django.contrib.auth.forms import AuthenticationForm, BaseUserCreationForm
from django.core.exceptions import ValidationError

from twinvault.accounts.models import User
from twinvault.accounts.services import make_account, user_called


class SignUpForm(BaseUserCreationForm):
    name = forms.CharField(label="Your name", max_length=150, help_text="How the other members of a vault see you.")
    email = forms.EmailField(label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "email"}))

    class Meta:
        model = User
        fields = ["name", "username", "email"]
        labels = {"username": "User name"}
        help_texts = {"username": "To sign in with. Letters, digits and . + - _ only."}

    field_order = ["name", "username", "email", "password1", "password2"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["autocomplete"] = "name"
        # the page has a heading to begin with; autofocus would skip it for a screen reader
        self.fields["username"].widget.attrs.pop("autofocus", None)
        self.fields["password1"].help_text = "At least 8 characters, and not one that everybody uses. Several words are best."
        self.fields["password2"].label = "The password once more"
        self.fields["password2"].help_text = ""

    def clean_username(self) -> str:
        username = self.cleaned_data["username"]
        if "@" in username:
            raise ValidationError("A user name holds no @: your e-mail address has its own field.")
        if User.objects.filter(username__iexact=username).exists():
            raise ValidationError("This user name is taken: choose another.")
        return username

    def clean_email(self) -> str:
        email = self.cleaned_data["email"].lower()
        if User.objects.filter(email__iexact=email).exists():
            raise ValidationError("There is an account with this e-mail address already: sign in instead.")
        return email

    def save(self, commit: bool = True) -> User:
        said = self.cleaned_data
        return make_account(said["username"], said["email"], said["password1"], name=said["name"])


class SignInForm(AuthenticationForm):
    """Takes the user name or the e-mail address. The answer to a wrong one and to a wrong password is the same."""

    error_messages = {
        "invalid_login": "That name and password do not belong together. Check both; small and capital letters differ.",
        "inactive": "That name and password do not belong together. Check both; small and capital letters differ.",
    }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "User name or e-mail address"
        self.fields["username"].max_length = 254
        self.fields["username"].widget.attrs |= {"maxlength": 254, "autofocus": False}

    def clean_username(self) -> str:
        """The user name that belongs to what was typed; left as it is where there is no such account."""
        typed = self.cleaned_data["username"]
        user = user_called(typed)
        return user.username if user else typed
