"""The gate for films."""

from uuid import UUID

from generator.productions.models import Film
from twinvault.vaults.access import owned_row_for
from twinvault.vaults.models import Role


def film_for(user, film_id: UUID, least: Role = Role.VIEWER) -> Film:
    rows = Film.objects.select_related(
        "twin__life_stage", "content__keyring", "preview__keyring", "storyboard__keyring", "ordered_by"
    )
    return owned_row_for(user, rows, film_id, least)
