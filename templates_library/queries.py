"""Reads on templates."""

from dataclasses import dataclass

from django.db.models import Count, Exists, F, OuterRef, Prefetch, Q, QuerySet, Subquery

from templates_library.models import Review, Template, TemplateRevision


def orderable_revisions() -> QuerySet[TemplateRevision]:
    """The newest approved and prepared revision of every template that is not withdrawn."""
    ready = TemplateRevision.objects.filter(
        approved_at__isnull=False,
        preparation=TemplateRevision.Preparation.READY,
        template__withdrawn_at__isnull=True,
    )
    newest = ready.filter(template=OuterRef("template")).order_by("-number").values("id")[:1]
    return ready.filter(id=Subquery(newest)).select_related("template").order_by("template__title", "id")


def withdrawn_sentence(template: Template) -> str:
    return f"The template “{template.title}” was withdrawn by the board on {template.withdrawn_at:%d %B %Y}."


def latest_revision(template: Template) -> TemplateRevision:
    return template.revisions.order_by("-number")[0]


def visible_templates(user) -> QuerySet[Template]:
    """What a person sees in the gallery, each with `shown`: the revision whose poster is shown, `approvals` and `is_approved`."""
    approved = TemplateRevision.objects.filter(template=OuterRef("id"), approved_at__isnull=False)
    templates = Template.objects.annotate(is_approved=Exists(approved)).select_related("submitted_by")
    if not user.is_board_member:
        templates = templates.filter(Q(is_approved=True, withdrawn_at__isnull=True) | Q(submitted_by=user))
    revisions = TemplateRevision.objects.annotate(
        approvals=Count("reviews", filter=Q(reviews__decision=Review.Decision.APPROVE))
    ).order_by(F("approved_at").desc(nulls_last=True), "-number")
    return templates.prefetch_related(Prefetch("revisions", queryset=revisions[:1], to_attr="shown_revisions"))


def revisions_with_reviews(template: Template) -> QuerySet[TemplateRevision]:
    """Newest first, with authors, reviews and reviewers."""
    reviews = Review.objects.select_related("reviewer")
    return template.revisions.select_related("author", "poster", "content").prefetch_related(
        Prefetch("reviews", queryset=reviews), "roles"
    )


@dataclass(frozen=True)
class Standing:
    """Where a revision stands: a word for a badge, the badge's kind, and a sentence."""

    word: str
    kind: str
    sentence: str


def standing(revision: TemplateRevision, approvals: int, rejected: bool) -> Standing:
    """approvals and rejected: of its reviews."""
    if revision.template.withdrawn_at:
        return Standing("withdrawn", "bad", f"Withdrawn by the board on {revision.template.withdrawn_at:%d %B %Y}.")
    if revision.approved_at is None:
        if rejected:
            return Standing("rejected", "bad", "The board rejected this revision; a new one may be sent.")
        return Standing("in review", "wait", f"{approvals} of 2 approvals.")
    if revision.preparation == TemplateRevision.Preparation.READY:
        return Standing("ready", "good", "Approved and prepared: films can be ordered with it.")
    if revision.preparation == TemplateRevision.Preparation.FAILED:
        return Standing("cannot be prepared", "bad", revision.preparation_error)
    return Standing("being prepared", "wait", "Approved; it is being prepared.")
