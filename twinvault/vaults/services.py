"""Verbs on vaults. Each checks nothing about access: the views came through the gate."""

from datetime import date

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from twinvault.audit.record import record
from twinvault.custody.keys import new_keyring
from twinvault.custody.models import Archive
from twinvault.vaults import ages
from twinvault.vaults.models import Invitation, LifeStage, Membership, Role, Subject, Vault


class NotAllowed(Exception):
    """The house's rules forbid it. The message is one sentence for the person."""


@transaction.atomic
def open_vault(
    user,
    *,
    name: str,
    subject_name: str,
    born: int | None = None,
    died: int | None = None,
    born_on: date | None = None,
    died_on: date | None = None,
    stages: list[str],
) -> Vault:
    """A new vault with its key, its subject and the subject's life stages; the person becomes its owner.

    Stages with one of the usual names get the usual bounds.
    """
    vault = Vault.objects.create(name=name, keyring=new_keyring("vault"))
    Membership.objects.create(vault=vault, user=user, role=Role.OWNER)
    subject = Subject.objects.create(vault=vault, name=subject_name, **_life(born, died, born_on, died_on))
    for position, stage in enumerate(dict.fromkeys(stages)):
        from_age, to_age = ages.USUAL_AGES.get(stage, (None, None))
        LifeStage.objects.create(subject=subject, name=stage, position=position, from_age=from_age, to_age=to_age)
    record("vault opened", actor=user, vault_id=vault.id, target=vault)
    return vault


def _life(born: int | None, died: int | None, born_on: date | None, died_on: date | None) -> dict:
    """The columns of a subject's life; a day brings its year along."""
    return {
        "born": born_on.year if born_on else born,
        "died": died_on.year if died_on else died,
        "born_on": born_on,
        "died_on": died_on,
    }


@transaction.atomic
def set_member(vault: Vault, user, role: Role, *, by) -> Membership:
    """Admits a person, or gives a member another role. The last owner stays owner."""
    membership = Membership.objects.select_for_update().filter(vault=vault, user=user).first()
    if membership and membership.role == Role.OWNER and role != Role.OWNER:
        _keep_an_owner(vault)
        _end_invitations_by(vault, user)
    membership, _ = Membership.objects.update_or_create(vault=vault, user=user, defaults={"role": role})
    record("member admitted", actor=by, vault_id=vault.id, target=user, role=Role(role).label)
    return membership


@transaction.atomic
def remove_member(vault: Vault, membership: Membership, *, by) -> None:
    if membership.role == Role.OWNER:
        _keep_an_owner(vault)
        _end_invitations_by(vault, membership.user)
    record("member removed", actor=by, vault_id=vault.id, target=membership.user)
    membership.delete()


def _end_invitations_by(vault: Vault, user) -> None:
    """Whoever is no longer an owner must not come back, or let anybody in, by a link that they kept."""
    Invitation.objects.open().filter(vault=vault, invited_by=user).update(revoked_at=timezone.now())


def _keep_an_owner(vault: Vault) -> None:
    if vault.memberships.filter(role=Role.OWNER).count() < 2:
        raise NotAllowed("A vault needs an owner: make somebody else owner first.")


@transaction.atomic
def add_life_stage(subject: Subject, name: str, *, by) -> LifeStage:
    position = subject.life_stages.count()
    try:
        with transaction.atomic():
            stage = LifeStage.objects.create(subject=subject, name=name, position=position)
    except IntegrityError as error:
        raise NotAllowed(f"There is a life stage called {name} already.") from error
    record("life stage added", actor=by, vault_id=subject.vault_id, target=stage)
    return stage


@transaction.atomic
def describe_vault(
    vault: Vault,
    *,
    name: str,
    subject_name: str,
    born: int | None,
    died: int | None,
    born_on: date | None = None,
    died_on: date | None = None,
    by,
) -> None:
    """Puts right what the vault and its subject are called, and when the subject lived. Footage stays in its stage of life."""
    Vault.objects.filter(id=vault.id).update(name=name)
    Subject.objects.filter(vault=vault).update(name=subject_name, **_life(born, died, born_on, died_on))
    record("vault described", actor=by, vault_id=vault.id, target=vault)


@transaction.atomic
def describe_life_stage(
    stage: LifeStage,
    *,
    name: str,
    from_year: int | None = None,
    to_year: int | None = None,
    from_age: int | None = None,
    to_age: int | None = None,
    by,
) -> None:
    """Another name, other bounds. Footage stays where it is. NotAllowed if the name is taken or another stage overlaps."""
    bounds = {"from_year": from_year, "to_year": to_year, "from_age": from_age, "to_age": to_age}
    try:
        with transaction.atomic():
            LifeStage.objects.filter(id=stage.id).update(name=name, **bounds)
    except IntegrityError as error:
        raise NotAllowed(f"There is a life stage called {name} already.") from error
    subject = stage.subject
    other = ages.overlapping(stage, ages.comparable(subject.life_stages.all(), subject.born, subject.born_on))
    if other:
        raise NotAllowed(f"{name} would overlap {other.name}: no day can lie in two stages of life.")
    record("life stage described", actor=by, vault_id=stage.subject.vault_id, target=stage)


@transaction.atomic
def remove_life_stage(stage: LifeStage, *, by) -> None:
    """NotAllowed while footage or twins belong to it, or a consent names it: without it, that one would be for everything."""
    if stage.consents.exists():
        raise NotAllowed(f"A consent names {stage.name}: it stays, so that one can read what was agreed.")
    record("life stage removed", actor=by, vault_id=stage.subject.vault_id, target=stage)
    try:
        stage.delete()
    except ProtectedError as error:
        raise NotAllowed(f"{stage.name} holds footage or twins: only an empty life stage can be removed.") from error


def is_locked(vault: Vault) -> bool:
    """Whether the vault's sources are sealed, and not unsealed for the moment, as the database says now."""
    archive = Archive.objects.filter(keyring_id=vault.keyring_id).first()
    return archive is not None and archive.is_locked


def require_unlocked(vault: Vault) -> None:
    """NotAllowed while the vault's sources are sealed."""
    if is_locked(vault):
        raise NotAllowed(f"{vault.name} is sealed: its owner unseals it with the secondary password before this can be done.")
