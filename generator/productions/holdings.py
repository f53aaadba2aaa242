"""Films, as the safe erases, exports and imports them."""

from collections.abc import Iterator
from uuid import UUID

from generator.models import Twin
from generator.productions.models import Film, FilmPiece, FurtherPart
from generator.productions.services import revoke_film
from twinvault.custody.objects import destroy_keys
from twinvault.jobs.models import Job
from twinvault.safe.holdings import Holding, Rows
from twinvault.safe.models import Scope
from twinvault.vaults.models import Vault


def rows(vault: Vault) -> list[Rows]:
    films = vault.films.exclude(state=Film.State.ORDERED).exclude(twin__state=Twin.State.TRAINING)
    # who was lent by another vault is not this one's to hand on
    further = FurtherPart.objects.filter(film__in=films, twin__vault=vault).exclude(twin__state=Twin.State.TRAINING)
    return [Rows(films), Rows(further)]


def erase(vault: Vault, scope: Scope) -> None:
    if scope != Scope.SOURCES:
        # one may have been finished after the keys were destroyed
        destroy_keys(vault.films.exclude(content=None).values_list("content_id", flat=True))
        destroy_keys(vault.films.exclude(preview=None).values_list("preview_id", flat=True))
        destroy_keys(FilmPiece.objects.filter(film__vault=vault).exclude(content=None).values_list("content_id", flat=True))
        destroy_keys(vault.films.values_list("storyboard_id", flat=True))
        Job.objects.filter(target_id__in=vault.films.values("id")).delete()
        vault.films.all().delete()
        for part in FurtherPart.objects.filter(twin__vault=vault).select_related("film__content"):
            # a film of another vault that shows this face goes with it
            revoke_film(part.film, by=None)
            part.delete()


def paths(vault: Vault) -> Iterator[tuple[UUID, str]]:
    for film in vault.films.filter(content__isnull=False):
        folder = "films/held back" if film.state == Film.State.HELD else "films"
        yield film.content_id, f"{folder}/{film.ordered_at:%Y-%m-%d} {film.kind} {str(film.id)[:8]}.mp4"
        yield film.preview_id, f"films/{film.ordered_at:%Y-%m-%d} {film.kind} {str(film.id)[:8]} preview.mp4"


HOLDING = Holding("productions", models=(Film, FurtherPart), rows=rows, erase=erase, paths=paths)
