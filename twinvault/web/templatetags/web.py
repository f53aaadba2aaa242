"""What the pages of every app share: icons, and the way round inside a vault."""

from django import template
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from twinvault.vaults.models import Role

register = template.Library()

# label, name of its address, names of the pages that lie behind it
VAULT_PAGES = (
    ("Overview", "vault", {"consent", "life_stages", "life_stage", "vault_details"}),
    ("Upload", "upload", {"footage", "remove_footage"}),
    ("Timeline", "timeline", set()),
    ("People", "people", {"person"}),
    ("Faces", "faces", {"face"}),
    ("Datasets", "datasets", {"dataset", "thresholds"}),
    ("Twins", "twins", {"twin"}),
    ("Films", "order", {"film"}),
    ("Scenes", "scenes", {"scene", "new_scene", "revise_scene"}),
    ("Jobs", "jobs", set()),
    ("Members", "members", set()),
    ("Safe", "safe", {"safe_password", "export", "record"}),
)
FOR_OWNERS = {"safe"}


@register.simple_tag
def icon(name: str):
    """A small drawing from `web/icons.svg`; it only decorates, so the words beside it must say all."""
    drawing = '<svg class="icon" aria-hidden="true" width="24" height="24"><use href="{}#{}"></use></svg>'
    return format_html(drawing, static("web/icons.svg"), name)


@register.simple_tag(takes_context=True)
def vault_pages(context, vault) -> list[dict]:
    """The pages of a vault: label, address, and whether the reader is there."""
    match = context["request"].resolver_match
    here = match.url_name if match else None
    return [
        {"label": label, "address": reverse(name, args=[vault.id]), "current": here == name or here in behind}
        for label, name, behind in VAULT_PAGES
        if _is_there(name, vault) and (name not in FOR_OWNERS or vault.role >= Role.OWNER)
    ]


def _is_there(name: str, vault) -> bool:
    """The safe box also runs without the apps that stand on it."""
    try:
        reverse(name, args=[vault.id])
    except NoReverseMatch:
        return False
    return True
