"""The gate for films."""

from uuid import UUID

from generator.productions.models import Film
from twinvault.vaults import consents
from twinvault.vaults.access import owned_row_for
from twinvault.vaults.models import Role


def film_for(user, film_id: UUID, least: Role = Role.VIEWER) -> Film:
    related = (
        "twin__life_stage__subject__vault",
        "twin__refreshed_from",
        "content__keyring",
        "preview__keyring",
        "storyboard__keyring",
        "ordered_by",
    )
    rows = Film.objects.select_related(*related)
    return owned_row_for(user, rows, film_id, least)


def may_watch(film: Film) -> bool:
    """Whether the person whom the gate let in (`film.vault.role`) may see its pictures: of one held back, owners alone; and
    nobody whom `why_not_watch` forbids it."""
    if film.content is None or why_not_watch(film):
        return False
    return film.state == Film.State.READY or (film.state == Film.State.HELD and film.vault.role >= Role.OWNER)


def why_not_watch(film: Film) -> str:
    """One sentence if no consent in force lets the person watch somebody in it; else empty."""
    further = film.further.select_related("twin__life_stage__subject")
    for twin in (film.twin, *(part.twin for part in further)):
        subject = twin.life_stage.subject
        if not consents.may_watch(subject, twin.life_stage, film.kind, film.vault.role):
            return consents.why_none(subject, twin.life_stage, film.kind)
    return ""
