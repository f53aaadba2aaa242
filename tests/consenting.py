"""Consents in force, for tests of what comes after."""

from twinvault.custody import objects
from twinvault.vaults.consents import go_on, record_consent
from twinvault.vaults.models import Consent
from twinvault.vaults.statements import phrase_of


def consent_in_person(subject, *, by, given_by: str = "Franck", statement: str = "I agree.", **scope) -> Consent:
    """A living person's consent, as it is once it was recorded. What a recording must show, `test_statements.py` tries."""
    consent = record_consent(subject, basis="living", given_by=given_by, statement=statement, by=by, **scope)
    recording = objects.store(subject.vault.keyring, "statement", b"what was said", "video/webm")
    Consent.objects.filter(id=consent.id).update(recording=recording, phrase=phrase_of(subject.vault))
    go_on(subject.vault, by=by)
    consent.refresh_from_db()
    return consent
