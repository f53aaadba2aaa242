"""The gate for films."""

from uuid import UUID

from generator.productions.models import Film
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
    """Whether the person whom the gate let in (`film.vault.role`) may see its pictures: of one held back, owners alone."""
    if film.content is None:
        return False
    return film.state == Film.State.READY or (film.state == Film.State.HELD and film.vault.role >= Role.OWNER)
