"""The gate to templates: any account sees what the board approved; its submitter and the board see the rest too."""

from uuid import UUID

from django.http import Http404

from templates_library.models import Template, TemplateRevision, TemplateRole


def sees_unapproved(user, template: Template) -> bool:
    return template.submitted_by_id == user.pk or user.is_board_member


def template_for(user, template_id: UUID) -> Template:
    """The template, if the person may see it; else 404."""
    template = Template.objects.select_related("submitted_by", "withdrawn_by").filter(id=template_id).first()
    if template is None:
        raise Http404
    approved = template.withdrawn_at is None and template.revisions.filter(approved_at__isnull=False).exists()
    if not approved and not sees_unapproved(user, template):
        raise Http404
    return template


def revision_for(user, revision_id: UUID) -> TemplateRevision:
    """A revision with its template and objects, if the person may see it; else 404."""
    revision = (
        TemplateRevision.objects.select_related("template", "content__keyring", "poster__keyring").filter(id=revision_id).first()
    )
    if revision is None:
        raise Http404
    approved = revision.approved_at is not None and revision.template.withdrawn_at is None
    if not approved and not sees_unapproved(user, revision.template):
        raise Http404
    return revision


def role_for(user, role_id: UUID) -> TemplateRole:
    """A role of a revision that the person may see; else 404."""
    role = TemplateRole.objects.select_related("portrait__keyring").filter(id=role_id).first()
    if role is None:
        raise Http404
    role.revision = revision_for(user, role.revision_id)
    return role
