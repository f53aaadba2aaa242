"""Pages on which the editorial board decides on consents for those who cannot be asked."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from twinvault.accounts.access import require_board, signed_in
from twinvault.audit.record import record
from twinvault.vaults import board
from twinvault.vaults.documents import send_document
from twinvault.vaults.forms import ConsentReviewForm
from twinvault.vaults.services import NotAllowed
from twinvault.vaults.views import page_with_form, status_of


@signed_in
@require_safe
def review_consents(request: HttpRequest) -> HttpResponse:
    require_board(request.user)
    return render(request, "vaults/review_consents.html", {"consents": board.waiting_for(request.user)})


@signed_in
@page_with_form
def consent_for_review(request: HttpRequest, consent_id: UUID) -> HttpResponse:
    """What was said, for whom, by whom; and the form by which a member of the board gives their word."""
    consent = board.consent_for_review(request.user, consent_id)
    form = ConsentReviewForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            board.review_consent(consent, request.user, **form.cleaned_data)
        except NotAllowed as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Your word is on record.")
            return redirect("review_consents")
    has_spoken = any(word.reviewer_id == request.user.pk for word in consent.reviews.all())
    context = {"consent": consent, "subject": consent.subject, "form": form, "has_spoken": has_spoken}
    return render(request, "vaults/consent_for_review.html", context, status=status_of(form))


@signed_in
@require_safe
def document_for_review(request: HttpRequest, consent_id: UUID) -> HttpResponse:
    consent = board.consent_for_review(request.user, consent_id)
    if consent.document is None:
        raise Http404
    record("document of a consent read by the board", actor=request.user, vault_id=consent.subject.vault_id, target=consent)
    return send_document(request, consent)
