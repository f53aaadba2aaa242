"""Who plays which role of a template that shows several people: what a person says of it, in a form made for that template."""

from django import forms

from generator.models import Twin
from templates_library.models import TemplateRevision
from twinvault.vaults.models import Role, Vault

OWN, NOBODY = "own", "nobody"


def twins_to_cast(vault: Vault, user) -> list[Twin]:
    """Ready twins for further roles: this vault's, and those of other open vaults that the person owns."""
    ready = Twin.objects.filter(state=Twin.State.READY)
    owned = ready.filter(vault__memberships__user=user, vault__memberships__role=Role.OWNER).exclude(vault=vault)
    rows = (ready.filter(vault=vault) | ready.filter(id__in=owned.values("id"))).select_related(
        "life_stage", "vault__subject", "vault__keyring__archive"
    )
    return [twin for twin in rows if not twin.vault.is_locked]


class CastForm(forms.Form):
    """A choice for every role of `revision`: the twin that is chosen for the film, another one, or nobody, so that the actor is
    seen as they are. Once valid `role` and `further` are as `order_film` takes them. A template of one role asks nothing, and who
    says nothing of roles casts the film's twin as the lead."""

    def __init__(self, vault: Vault, revision: TemplateRevision, user, data=None):
        super().__init__(data)
        self.roles = list(revision.roles.all())
        if len(self.roles) < 2 or (data is not None and not any(name.startswith("role_") for name in data)):
            return
        self._twins = {str(twin.id): twin for twin in twins_to_cast(vault, user)}
        people = [(name, f"{twin.vault.subject.name}: {twin}") for name, twin in self._twins.items()]
        for role in self.roles:
            field = forms.ChoiceField(
                label=f"Role {role.number + 1}, seen in {role.share:.0%} of the video",
                choices=[(OWN, "the twin that appears in this film"), (NOBODY, "nobody: the actor stays"), *people],
                initial=OWN if role.number == 0 else NOBODY,
                error_messages={
                    "invalid_choice": "This twin cannot be chosen any more: choose another.",
                    "required": "Say who plays this role, or that nobody does.",
                },
            )
            field.role = role
            self.fields[f"role_{role.number}"] = field

    def clean(self) -> dict:
        said = super().clean()
        self.role, self.further = 0, {}
        if not self.fields or self.errors:
            return said
        chosen = {role.number: said[f"role_{role.number}"] for role in self.roles}
        own = [number for number, name in chosen.items() if name == OWN]
        if len(own) != 1:
            raise forms.ValidationError("The twin of this film plays one role: choose it for one of them, and for no other.")
        self.role = own[0]
        self.further = {number: self._twins[name] for number, name in chosen.items() if name not in (OWN, NOBODY)}
        return said
