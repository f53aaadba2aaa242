"""Consent: what allows a subject's face to be processed, and what ends when it is withdrawn.

A consent is in force until it is withdrawn, until the day that it names is over, or, if guardians gave it for a child, until the
child comes of age. One that has *lapsed* leaves everything in place and stands still: nothing is learned, made or watched until
somebody consents anew. One that was *withdrawn* ends what rested on it: work stops, twins are retired, films are erased.

The vaults stand below the apps whose work ends, and goes on. Each of these says here what it does, once, at start
(`AppConfig.ready`): `when_withdrawn(end)`, `when_given(go_on)`.
"""

from collections.abc import Callable
from datetime import date

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from twinvault.audit.record import record
from twinvault.vaults.models import Consent, Subject, Vault
from twinvault.vaults.services import NotAllowed, is_locked

_when_withdrawn: list[Callable[..., None]] = []
_when_given: list[Callable[..., None]] = []


def when_withdrawn(end: Callable[..., None]) -> None:
    """`end(vaults, by=person or None)` ends all that is there of the faces of these vaults, a queryset. Called in a transaction,
    and again and again; what was declared last ends first."""
    if end not in _when_withdrawn:
        _when_withdrawn.append(end)


def when_given(go_on: Callable[..., None]) -> None:
    """`go_on(vault, by=person)` takes up what waited for a consent. Called in a transaction, for a vault that is not sealed."""
    if go_on not in _when_given:
        _when_given.append(go_on)


@transaction.atomic
def record_consent(subject: Subject, *, basis: str, given_by: str, statement: str, until: date | None = None, by) -> Consent:
    """A consent in force from now on. until: its last day; None for as long as nobody withdraws it.

    NotAllowed for a day that is over, and for guardians of somebody who is of age.
    """
    if until and until < timezone.localdate():
        raise NotAllowed("This day is over: a consent ends today at the earliest.")
    had_one = has_consent(subject)
    consent = Consent.objects.create(
        subject=subject, basis=basis, given_by=given_by, statement=statement, until=until, recorded_by=by
    )
    if not Consent.objects.in_force().filter(id=consent.id).exists():
        raise NotAllowed(f"{subject.name} is of age: guardians cannot consent any more, {subject.name} is to be asked.")
    record("consent recorded", actor=by, vault_id=subject.vault_id, target=consent, basis=basis)
    if not had_one and not is_locked(subject.vault):
        for go_on in _when_given:
            go_on(subject.vault, by=by)
    return consent


@transaction.atomic
def withdraw_consent(consent: Consent, *, by) -> None:
    """From now on nothing of the subject is processed on this consent. If no other one is in force, all that rested on it ends,
    in this transaction: jobs are stopped, twins retired, films and clips erased, in other vaults too."""
    vault = Vault.objects.select_related("subject").select_for_update(of=("self",)).get(id=consent.subject.vault_id)
    subject = vault.subject
    withdrawn = [consent.id] if subject.consents.not_withdrawn().filter(id=consent.id).exists() else []
    if withdrawn and not subject.consents.in_force().exclude(id=consent.id).exists():
        # those that have lapsed are withdrawn with it: they are no ground to keep anything on
        withdrawn = list(subject.consents.not_withdrawn().values_list("id", flat=True))
    if not withdrawn:
        return
    subject.consents.filter(id__in=withdrawn).update(withdrawn_at=timezone.now())
    for one in subject.consents.filter(id__in=withdrawn):
        record("consent withdrawn", actor=by, vault_id=vault.id, target=one)
    if not subject.consents.not_withdrawn().exists():
        _end(Vault.objects.filter(id=vault.id), by=by)


def end_unfounded() -> None:
    """Ends what is there in vaults without any consent that was not withdrawn: what was begun or taken in while the last one was.

    Called again and again by every worker; what is in order costs a few small queries.
    """
    _end(Vault.objects.exclude(subject__consents__in=Consent.objects.not_withdrawn()), by=None)


def _end(vaults: QuerySet, *, by) -> None:
    for end in reversed(_when_withdrawn):
        end(vaults, by=by)


def has_consent(subject: Subject) -> bool:
    return subject.consents.in_force().exists()


def require_consent(subject: Subject) -> None:
    """NotAllowed, with the reason, unless a consent to process this subject's face is in force."""
    if not has_consent(subject):
        raise NotAllowed(why_none(subject))


def why_none(subject: Subject) -> str:
    """One sentence on why no consent is in force for the subject, and what helps."""
    none = f"There is no consent in force for {subject.name}"
    lapsed = subject.consents.not_withdrawn().first()
    if lapsed is None:
        return f"{none}: record one before anything is done with this face."
    if lapsed.is_over:
        return f"{none}: the last one held until {lapsed.until:%d %B %Y}. Ask anew, and record what is said."
    return f"{none}: {subject.name} is of age now, and is to be asked in person what shall be done with this face."
