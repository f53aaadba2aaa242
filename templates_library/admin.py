"""The board's desk: every revision, with approve, reject and withdraw through the same services as the pages."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin, TabularInline

from templates_library import services
from templates_library.models import Review, Template, TemplateRevision
from twinvault.vaults.services import NotAllowed
from twinvault.web.admin import ReadOnly


class BoardOnly(ReadOnly):
    """Seen by members of the board; rows are changed by actions only, which ask the house's rules."""

    def has_module_permission(self, request) -> bool:
        return request.user.is_active and request.user.is_board_member

    def has_view_permission(self, request, obj=None) -> bool:
        return self.has_module_permission(request)


def _each(request: HttpRequest, rows: QuerySet, deed) -> None:
    """Does a deed on each row by itself; what the rules forbid is said, and harms no other row."""
    done = 0
    for row in rows:
        try:
            deed(row)
        except NotAllowed as error:
            messages.error(request, f"{row}: {error}")
        else:
            done += 1
    if done:
        messages.success(request, f"Done for {done}.")


class ReviewInline(BoardOnly, TabularInline):
    model = Review
    extra = 0
    fields = ["reviewer", "decision", "comment", "at"]
    readonly_fields = fields


@admin.register(TemplateRevision)
class TemplateRevisionAdmin(BoardOnly, ModelAdmin):
    list_display = ["template", "number", "author", "approvals", "approved_at", "preparation", "look"]
    list_filter = ["preparation", ("approved_at", admin.EmptyFieldListFilter)]
    list_select_related = ["template", "author"]
    search_fields = ["template__title"]
    ordering = ["-created_at"]
    fields = [
        "template", "number", "author", "look", "width", "height", "frames", "rate", "seconds", "has_audio",
        "approved_at", "preparation", "preparation_error", "people", "created_at",
    ]  # fmt: skip
    readonly_fields = fields
    inlines = [ReviewInline]
    actions = ["approve", "reject"]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("reviews", "roles")

    @admin.display(description="approvals")
    def approvals(self, revision: TemplateRevision) -> int:
        return sum(review.decision == Review.Decision.APPROVE for review in revision.reviews.all())

    @admin.display(description="frames with each face")
    def people(self, revision: TemplateRevision) -> str:
        return ", ".join(str(role.faces) for role in revision.roles.all())

    @admin.display(description="film")
    def look(self, revision: TemplateRevision) -> str:
        return format_html('<a href="{}">watch and review</a>', reverse("template", args=[revision.template_id]))

    @admin.action(description="Approve", permissions=["view"])
    def approve(self, request, revisions) -> None:
        _each(request, revisions, lambda revision: services.review(revision, request.user, Review.Decision.APPROVE))

    @admin.action(description="Reject", permissions=["view"])
    def reject(self, request, revisions) -> None:
        _each(request, revisions, lambda revision: services.review(revision, request.user, Review.Decision.REJECT))


@admin.register(Template)
class TemplateAdmin(BoardOnly, ModelAdmin):
    list_display = ["title", "submitted_by", "created_at", "withdrawn_at"]
    list_select_related = ["submitted_by"]
    search_fields = ["title"]
    fields = ["title", "description", "submitted_by", "created_at", "withdrawn_at", "withdrawn_by"]
    readonly_fields = fields
    actions = ["withdraw"]

    @admin.action(description="Withdraw at once", permissions=["view"])
    def withdraw(self, request, templates) -> None:
        _each(request, templates, lambda template: services.withdraw(template, request.user))
