"""The gate for films."""

from uuid import UUID

from django.db.models import Q

from generator.productions.models import Film
from twinvault.vaults.access import owned_row_for
from twinvault.vaults.models import Consent, Role, Subject


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
    nobody while `stands_still`."""
    if film.content is None or stands_still(film):
        return False
    return film.state == Film.State.READY or (film.state == Film.State.HELD and film.vault.role >= Role.OWNER)


def stands_still(film: Film) -> Subject | None:
    """Somebody in it for whom no consent is in force; None if there is nobody like that."""
    seen = Subject.objects.filter(Q(vault=film.vault_id) | Q(vault__twins__further_parts__film=film.id))
    return seen.exclude(consents__in=Consent.objects.in_force()).first()
