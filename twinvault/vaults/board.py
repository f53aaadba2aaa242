"""The board's word on consents for those who cannot be asked: the dead, and public figures.

Two members allow it, none of whom belongs to the vault or recorded it; one word against it ends it, as a withdrawal does. Until
then the vault rests. To decide they read what was said and the document, and see nothing else of the vault.
"""

from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Prefetch, QuerySet
from django.http import Http404
from django.utils import timezone

from twinvault.accounts.access import require_board
from twinvault.audit.record import record
from twinvault.vaults import consents
from twinvault.vaults.models import Consent, ConsentReview, Vault
from twinvault.vaults.reviewing import APPROVALS_NEEDED, UnderReview, require_may_review
from twinvault.vaults.services import NotAllowed


def waiting_for(user) -> QuerySet[Consent]:
    """The consents on which this member of the board may decide, the oldest first, each with its reviews."""
    words = Prefetch("reviews", ConsentReview.objects.select_related("reviewer"))
    waiting = Consent.objects.waiting().filter(basis__in=Consent.BOARD_DECIDES)
    waiting = waiting.exclude(subject__vault__memberships__user=user).exclude(recorded_by=user)
    related = "subject__vault__keyring", "document__keyring", "recorded_by"
    return waiting.select_related(*related).prefetch_related(words, "life_stages").order_by("recorded_at")


def consent_for_review(user, consent_id: UUID) -> Consent:
    """A consent that waits for the board, for a member of it who may decide; else 404."""
    require_board(user)
    consent = waiting_for(user).filter(id=consent_id).first()
    if consent is None:
        raise Http404
    return consent


@transaction.atomic
def review_consent(consent: Consent, reviewer, decision: str, comment: str) -> ConsentReview:
    """One member's word. The second that allows it brings the consent into force; one that refuses withdraws it.

    NotAllowed for anybody who is no active member of the board, for members of the vault, for who recorded it, for a second word
    of the same member, for a refusal without a reason, and once it is decided.
    """
    decision = ConsentReview.Decision(decision)
    # words come one after the other, and none beside a withdrawal
    Vault.objects.select_for_update().get(id=consent.subject.vault_id)
    consent = Consent.objects.select_related("subject__vault__keyring", "recorded_by").get(id=consent.id)
    vault = consent.subject.vault
    require_may_review(reviewer, UnderReview("consent", None, consent.recorded_by_id, True, False, False))
    if vault.memberships.filter(user=reviewer).exists():
        raise NotAllowed("Nobody decides on a consent of a vault that they are a member of.")
    if consent.waits_for != "board":
        raise NotAllowed("This consent is decided already, or was withdrawn.")
    if decision == ConsentReview.Decision.REJECT and not comment.strip():
        raise NotAllowed("Say why it is refused: the family reads it.")
    try:
        with transaction.atomic():
            given = ConsentReview.objects.create(consent=consent, reviewer=reviewer, decision=decision, comment=comment)
    except IntegrityError as error:
        raise NotAllowed("You have given your word on it already.") from error
    record(f"consent {decision.label} by a member of the board", actor=reviewer, vault_id=vault.id, target=consent)
    if decision == ConsentReview.Decision.REJECT:
        consents.withdraw_all(vault, vault.subject.consents.filter(id=consent.id), by=reviewer)
    elif consent.reviews.filter(decision=ConsentReview.Decision.APPROVE).count() >= APPROVALS_NEEDED:
        _allow(consent, reviewer)
    return given


def _allow(consent: Consent, reviewer) -> None:
    vault = consent.subject.vault
    Consent.objects.filter(id=consent.id).update(allowed_at=timezone.now())
    record("consent allowed by the board", actor=reviewer, vault_id=vault.id, target=consent)
    consents.go_on(vault, by=consent.recorded_by)
