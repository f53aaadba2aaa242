"""Consent: what allows a subject's face to be processed, and what ends when it is withdrawn.

A consent comes into force once the person has said it before a camera (`statements.py`), or, where the person cannot be asked,
once the board has allowed it (`board.py`). It ends when it is withdrawn, when the day that it names is over, and, if guardians
gave it for a child, when the child comes of age. One that *waits* or has *lapsed* leaves everything in place and stands still:
nothing is learned, made or watched until it is in force, or somebody consents anew. One that was *withdrawn* ends what rested on
it: work stops, twins are retired, films are erased.

The vaults stand below the apps whose work ends, and goes on. Each of these says here what it does, once, at start
(`AppConfig.ready`): `when_withdrawn(end)`, `when_given(take_up)`.
"""

from collections.abc import Callable, Collection
from datetime import date

from django.db import transaction
from django.db.models import QuerySet, Value
from django.utils import timezone

from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.custody.models import StoredObject
from twinvault.vaults.models import FILM_KINDS, Consent, LifeStage, Role, Subject, Vault
from twinvault.vaults.services import NotAllowed, is_locked

_when_withdrawn: list[Callable[..., None]] = []
_when_given: list[Callable[..., None]] = []


def when_withdrawn(end: Callable[..., None]) -> None:
    """`end(vaults, by=person or None)` ends what there is of the faces of these vaults, a queryset, that no consent covers but
    withdrawn ones. Called again and again, by a withdrawal in its transaction; what was declared last ends first."""
    if end not in _when_withdrawn:
        _when_withdrawn.append(end)


def when_given(take_up: Callable[..., None]) -> None:
    """`take_up(vault, by=person)` goes on with what waited for a consent. Called in a transaction; the vault is not sealed."""
    if take_up not in _when_given:
        _when_given.append(take_up)


@transaction.atomic
def record_consent(
    subject: Subject,
    *,
    basis: str,
    given_by: str,
    statement: str,
    until: date | None = None,
    life_stages: Collection[LifeStage] = (),
    kinds: Collection[str] = (),
    watched_by: Role = Role.VIEWER,
    instead: bool = False,
    document: bytes | None = None,
    by,
) -> Consent:
    """A consent, in force from now on if guardians give it. A living person's comes into force with the recording
    (`statements.py`), those of `Consent.BOARD_DECIDES` once the board has looked at the document (`board.py`).

    until: its last day; None for as long as nobody withdraws it. life_stages, kinds (of FILM_KINDS): what it is limited to;
    nothing is everything. watched_by: the lowest role that may watch what is made. instead: all others are withdrawn, and what
    only they allowed ends. document: a PDF, JPEG or PNG, which shows what entitles an executor, or to whom the rights belong.

    NotAllowed for a day that is over, for guardians of somebody who is of age, for an executor of somebody of whom no death is
    noted, and where a document is missing or is none. ValueError for a stage of another life, or a kind that there is not.
    """
    if any(stage.subject_id != subject.id for stage in life_stages) or not set(kinds) <= set(FILM_KINDS):
        raise ValueError("a consent is limited to stages of this life and to kinds of film that there are")
    if until and until < timezone.localdate():
        raise NotAllowed("This day is over: a consent ends today at the earliest.")
    if basis == Consent.Basis.EXECUTOR and subject.died is None:
        raise NotAllowed(f"An executor speaks for somebody who has died: note when {subject.name} did under “Details” first.")
    stored = _document(subject.vault, document) if basis in Consent.BOARD_DECIDES else None
    consent = Consent.objects.create(
        subject=subject,
        basis=basis,
        given_by=given_by,
        statement=statement,
        until=until,
        kinds=f" {' '.join(kinds)} " if kinds else "",
        watched_by=watched_by,
        document=stored,
        recorded_by=by,
    )
    consent.life_stages.set(life_stages)
    if basis == Consent.Basis.GUARDIAN and not Consent.objects.in_force().filter(id=consent.id).exists():
        raise NotAllowed(f"{subject.name} is of age: guardians cannot consent any more, {subject.name} is to be asked.")
    record("consent recorded", actor=by, vault_id=subject.vault_id, target=consent, basis=basis)
    if instead:
        withdraw_all(subject.vault, subject.consents.exclude(id=consent.id), by=by)
    if not consent.waits_for:
        go_on(subject.vault, by=by)
    return consent


DOCUMENTS = {b"%PDF-": "application/pdf", b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
LARGEST_DOCUMENT = 20 * 2**20


def _document(vault: Vault, document: bytes | None) -> StoredObject:
    if not document:
        raise NotAllowed("The board decides on this, and looks at a document: add it.")
    kinds = [kind for begin, kind in DOCUMENTS.items() if document.startswith(begin)]
    if not kinds or len(document) > LARGEST_DOCUMENT:
        raise NotAllowed("The document is to be a PDF, or a JPEG or PNG picture, of at most 20 MB.")
    return objects.store(vault.keyring, "document", document, kinds[0])


def go_on(vault: Vault, *, by) -> None:
    """A consent has come into force: what waited for one is taken up."""
    if not is_locked(vault):
        for take_up in _when_given:
            take_up(vault, by=by)


@transaction.atomic
def withdraw_consent(consent: Consent, *, by) -> None:
    """From now on nothing of the subject is processed on this consent. What no other one allows ends, in this transaction: jobs
    are stopped, twins retired, films and clips erased, in other vaults too.

    Those that have lapsed, or wait for the board, are withdrawn with it: once somebody has said no, they are no ground to keep
    anything on.
    """
    subject = Subject.objects.select_related("vault").get(id=consent.subject_id)
    if subject.consents.not_withdrawn().filter(id=consent.id).exists():
        withdraw_all(subject.vault, subject.consents.filter(id=consent.id) | subject.consents.resting(), by=by)


def withdraw_all(vault: Vault, rows: QuerySet, *, by) -> None:
    """Withdraws these consents of a vault's subject, in one transaction with the end of what only they allowed."""
    # the lock holds back a second withdrawal, which would find nothing more to do
    Vault.objects.select_for_update().get(id=vault.id)
    withdrawn = list(rows.filter(withdrawn_at=None))
    Consent.objects.filter(id__in=[one.id for one in withdrawn]).update(withdrawn_at=timezone.now())
    for one in withdrawn:
        record("consent withdrawn", actor=by, vault_id=vault.id, target=one)
    _end(Vault.objects.filter(id=vault.id), by=by)


def end_unfounded() -> None:
    """Ends what no consent allows that was not withdrawn: what was begun or taken in in the moment of a withdrawal.

    Called again and again by every worker; what is in order costs a few small queries.
    """
    _end(Vault.objects.all(), by=None)


def _end(vaults: QuerySet, *, by) -> None:
    for end in reversed(_when_withdrawn):
        end(vaults, by=by)


def has_consent(subject: Subject, life_stage: LifeStage | None = None, kind: str | None = None) -> bool:
    """Whether one in force covers the stage of life and the kind of film, where these are asked for."""
    return subject.consents.in_force().covering(life_stage=life_stage, kind=kind and Value(kind)).exists()


def require_consent(subject: Subject, life_stage: LifeStage | None = None, kind: str | None = None) -> None:
    """NotAllowed, with the reason, unless a consent in force allows this to be done with this subject's face."""
    if not has_consent(subject, life_stage, kind):
        raise NotAllowed(why_none(subject, life_stage, kind))


def why_none(subject: Subject, life_stage: LifeStage | None = None, kind: str | None = None) -> str:
    """One sentence on why no consent in force allows something, and what helps."""
    if has_consent(subject, life_stage, kind):
        return f"The consent for {subject.name} lets only some of the vault's members watch this."
    if has_consent(subject):
        what = kind if has_consent(subject, life_stage) else f"“{life_stage.name}”"
        return f"There is no consent in force for {subject.name} that allows {what}: it is limited to other things."
    none = f"There is no consent in force for {subject.name}"
    last = subject.consents.not_withdrawn().first()
    if last is None:
        return f"{none}: record one before anything is done with this face."
    if last.waits_for == "board":
        return f"{none} yet: the editorial board looks at what was recorded, and decides."
    if last.waits_for == "voice":
        return f"{none} yet: {subject.name} is to say it in person, before a camera."
    if last.is_over:
        return f"{none}: the last one held until {last.until:%d %B %Y}. Ask anew, and record what is said."
    return f"{none}: {subject.name} is of age now, and is to be asked in person what shall be done with this face."


def may_watch(subject: Subject, life_stage: LifeStage, kind: str, role: Role) -> bool:
    """Whether a consent in force lets members of this role watch a film of this kind."""
    return subject.consents.in_force().covering(life_stage=life_stage, kind=Value(kind), role=role).exists()
