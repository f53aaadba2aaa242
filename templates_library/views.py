"""Pages of the template library: the gallery, one template with its reviews, and the film itself."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from templates_library import queries, services
from templates_library.access import revision_for, role_for, sees_unapproved, template_for
from templates_library.forms import TemplateForm, VideoForm
from templates_library.models import Review, Template, TemplateRevision
from twinvault.accounts.access import require_board, signed_in
from twinvault.custody import objects
from twinvault.custody.models import StoredObject
from twinvault.jobs.models import Job
from twinvault.vaults.services import NotAllowed
from twinvault.web.ranges import ranged_response

TEMPLATES_A_PAGE = 24


@signed_in
@require_GET
def templates(request: HttpRequest) -> HttpResponse:
    page = Paginator(queries.visible_templates(request.user), TEMPLATES_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "templates_library/templates.html", {"page": page})


@signed_in
@require_http_methods(["GET", "POST"])
def submit_template(request: HttpRequest) -> HttpResponse:
    form = TemplateForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        video = form.cleaned_data["video"]
        try:
            made = services.submit(
                request.user, form.cleaned_data["title"], form.cleaned_data["description"], video.file, video.name
            )
        except services.Unsuitable as error:
            form.add_error("video", str(error))
        else:
            messages.success(request, f"“{made.title}” waits for the board: two of its members must approve it.")
            return redirect("template", made.id)
    status = 422 if form.errors else 200
    return render(request, "templates_library/submit.html", {"form": form}, status=status)


@signed_in
@require_GET
def template(request: HttpRequest, template_id: UUID) -> HttpResponse:
    return _template_page(request, template_for(request.user, template_id), VideoForm())


def _template_page(request: HttpRequest, shown: Template, form: VideoForm, status: int = 200) -> HttpResponse:
    inside = sees_unapproved(request.user, shown)
    revisions = list(queries.revisions_with_reviews(shown))
    if not inside:
        revisions = [revision for revision in revisions if revision.approved_at]
    on_board = request.user.is_board_member
    job = None
    if on_board:
        job = Job.objects.filter(kind="prepare_template", target_id__in=[revision.id for revision in revisions]).first()
    context = {
        "template": shown,
        "revisions": [_card(request, revision, number == 0) for number, revision in enumerate(revisions)],
        "inside": inside,
        "on_board": on_board,
        "job": job,
        "form": form if inside and not shown.withdrawn_at else None,
    }
    return render(request, "templates_library/template.html", context, status=status)


def _card(request: HttpRequest, revision: TemplateRevision, latest: bool) -> dict:
    reviews = list(revision.reviews.all())
    approvals = sum(review.decision == Review.Decision.APPROVE for review in reviews)
    rejected = any(review.decision == Review.Decision.REJECT for review in reviews)
    may_review = (
        latest
        and request.user.is_board_member
        and revision.template.withdrawn_at is None
        and revision.approved_at is None
        and not rejected
        and request.user.pk not in {revision.author_id, revision.template.submitted_by_id}
        and all(review.reviewer_id != request.user.pk for review in reviews)
    )
    return {
        "revision": revision,
        "reviews": reviews,
        "standing": queries.standing(revision, approvals, rejected),
        "may_review": may_review,
        "may_prepare": revision.approved_at and revision.preparation != TemplateRevision.Preparation.READY,
    }


@signed_in
@require_POST
def revise_template(request: HttpRequest, template_id: UUID) -> HttpResponse:
    shown = template_for(request.user, template_id)
    if not sees_unapproved(request.user, shown):
        raise Http404
    form = VideoForm(request.POST, request.FILES)
    if form.is_valid():
        video = form.cleaned_data["video"]
        try:
            made = services.add_revision(shown, request.user, video.file, video.name)
        except (services.Unsuitable, NotAllowed) as error:
            form.add_error("video", str(error))
        else:
            messages.success(request, f"Revision {made.number} waits for the board.")
            return redirect("template", shown.id)
    return _template_page(request, shown, form, status=422)


@signed_in
@require_POST
def review_revision(request: HttpRequest, revision_id: UUID) -> HttpResponse:
    require_board(request.user)
    revision = revision_for(request.user, revision_id)
    decision = request.POST.get("decision", "")
    if decision not in Review.Decision.values:
        return HttpResponseBadRequest("decision is one of: " + ", ".join(Review.Decision.values))
    comment = request.POST.get("comment", "").strip()[:4000]
    try:
        services.review(revision, request.user, decision, comment)
    except NotAllowed as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Your word is recorded.")
    return redirect("template", revision.template_id)


@signed_in
@require_POST
def prepare_again(request: HttpRequest, revision_id: UUID) -> HttpResponse:
    require_board(request.user)
    revision = revision_for(request.user, revision_id)
    try:
        services.prepare_again(revision, request.user)
    except NotAllowed as error:
        messages.error(request, str(error))
    return redirect("template", revision.template_id)


@signed_in
@require_POST
def withdraw_template(request: HttpRequest, template_id: UUID) -> HttpResponse:
    require_board(request.user)
    shown = template_for(request.user, template_id)
    services.withdraw(shown, request.user)
    messages.success(request, f"“{shown.title}” is withdrawn: no film can be made with it any more.")
    return redirect("template", shown.id)


@signed_in
@require_safe
def revision_content(request: HttpRequest, revision_id: UUID) -> HttpResponse:
    """The film, in the parts that a player asks for."""
    stored = revision_for(request.user, revision_id).content
    return ranged_response(request, objects.open_object(stored), stored.size, stored.content_type)


@signed_in
@require_GET
def revision_poster(request: HttpRequest, revision_id: UUID) -> HttpResponse:
    return _picture(revision_for(request.user, revision_id).poster)


@signed_in
@require_GET
def role_portrait(request: HttpRequest, role_id: UUID) -> HttpResponse:
    """A face by which a role is told from the others."""
    return _picture(role_for(request.user, role_id).portrait)


def _picture(stored: StoredObject | None) -> HttpResponse:
    if stored is None:
        raise Http404
    return HttpResponse(objects.read(stored), content_type="image/jpeg", headers={"X-Content-Type-Options": "nosniff"})
