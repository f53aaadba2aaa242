"""A living person's own word: recorded in voice and face, with the phrase of the day.

The phrase is another one every day and for every vault, so that no recording of another day, nor one made for something else, can
stand for a consent. Whoever records it hears whether it was said.
"""

import hashlib
import hmac
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.vaults import consents
from twinvault.vaults.models import Consent, Vault
from twinvault.vaults.services import NotAllowed

LARGEST_RECORDING = 200 * 2**20
WORDS = (Path(__file__).parent / "phrase_words.txt").read_text().split()

_check: list[Callable[[bytes], None]] = []


def checked_by(check: Callable[[bytes], None]) -> None:
    """`check(recording)` raises NotAllowed for what shows nobody who speaks. The app that can look says so, once, at start."""
    if check not in _check:
        _check.append(check)


def phrase_of(vault: Vault, day: date | None = None) -> str:
    """Three words to be said on this day, today if none is named: "lantern, cedar and river"."""
    day = day or timezone.localdate()
    digest = hmac.digest(settings.SECRET_KEY.encode(), f"phrase of {day} for {vault.id}".encode(), hashlib.sha256)
    words = [WORDS[int.from_bytes(digest[at : at + 4]) % len(WORDS)] for at in (0, 4, 8)]
    return f"{words[0]}, {words[1]} and {words[2]}"


def record_statement(consent: Consent, recording: bytes, *, phrase: str, by) -> None:
    """Brings a living person's consent into force with a film of them as they say it.

    phrase: what was shown to be said; today's or, for who began before midnight, yesterday's. NotAllowed for another one, for a
    consent that does not wait for its recording, and for what the check refuses.
    """
    vault = consent.subject.vault
    today = timezone.localdate()
    if phrase not in (phrase_of(vault, today), phrase_of(vault, today - timedelta(days=1))):
        raise NotAllowed("This phrase is of another day: say today's, and record it again.")
    kind = _film_type(recording)
    if kind is None or len(recording) > LARGEST_RECORDING:
        raise NotAllowed("The recording is to be a film (MP4, MOV or WebM) of at most 200 MB.")
    for check in _check:
        check(recording)
    with transaction.atomic():
        Vault.objects.select_for_update().get(id=vault.id)
        if not Consent.objects.waiting().filter(id=consent.id, basis=Consent.Basis.LIVING).exists():
            raise NotAllowed("This consent does not wait for a recording.")
        stored = objects.store(vault.keyring, "statement", recording, kind)
        Consent.objects.filter(id=consent.id).update(recording=stored, phrase=phrase)
        record("consent given in person", actor=by, vault_id=vault.id, target=consent)
        consents.go_on(vault, by=by)


def _film_type(recording: bytes) -> str | None:
    """By its first bytes: EBML, or an ISO base media file."""
    if recording.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/webm"
    return "video/mp4" if recording[4:8] == b"ftyp" else None
