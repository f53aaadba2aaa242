"""The board's pages of scenes: what waits for its word. It sees what was asked for and the background, and nobody's face."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from generator.scenes import access, queries, services
from templates_library.models import Review
from twinvault.accounts.access import require_board, signed_in
from twinvault.vaults.services import NotAllowed


@signed_in
@require_GET
def review_scenes(request: HttpRequest) -> HttpResponse:
    require_board(request.user)
    return render(request, "scenes/review.html", {"scenes": queries.scenes_under_review()})


@signed_in
@require_GET
def scene_for_review(request: HttpRequest, scene_id: UUID) -> HttpResponse:
    shown = access.scene_for_board(request.user, scene_id)
    revisions = queries.revisions_of(shown)
    latest = revisions[0]
    may_review = (
        latest.standing.word == "in review"
        and request.user.pk not in {latest.author_id, shown.submitted_by_id}
        and all(review.reviewer_id != request.user.pk for review in latest.reviews.all())
    )
    context = {"scene": shown, "revisions": revisions, "may_review": may_review}
    return render(request, "scenes/scene_for_review.html", context)


@signed_in
@require_POST
def give_word(request: HttpRequest, revision_id: UUID) -> HttpResponse:
    revision = access.revision_for_board(request.user, revision_id)
    decision = request.POST.get("decision", "")
    if decision not in Review.Decision.values:
        return HttpResponseBadRequest("decision is one of: " + ", ".join(Review.Decision.values))
    try:
        services.review_scene(revision, request.user, decision, request.POST.get("comment", "").strip()[:4000])
    except NotAllowed as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Your word is recorded.")
    return redirect("scene_for_review", revision.scene_id)


@signed_in
@require_POST
def withdraw(request: HttpRequest, scene_id: UUID) -> HttpResponse:
    shown = access.scene_for_board(request.user, scene_id)
    services.withdraw_scene(shown, request.user)
    messages.success(request, "The scene is withdrawn: no clip can be made of it any more.")
    return redirect("scene_for_review", shown.id)
