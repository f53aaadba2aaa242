"""What ends once no consent allows it any more: trainings, twins, films and clips, and films of other vaults that show a face."""

from django.db.models import Exists, OuterRef, QuerySet

from generator.models import Twin
from generator.productions.models import Film, FurtherPart
from generator.productions.services import RENDER as RENDER_FILM
from generator.productions.services import revoke_film
from generator.scenes.models import Clip
from generator.scenes.services import RENDER as RENDER_CLIP
from generator.scenes.services import revoke_clip
from generator.services import retire_twin
from twinvault.jobs.models import Job
from twinvault.jobs.services import OPEN, stop
from twinvault.vaults.models import Consent


def end(vaults: QuerySet, *, by) -> None:
    """Ends all of that in these vaults; may be called again, and then finds little to do.

    Films go before the twins in them, so that none is told to have failed for want of its twin. A job that runs hears of it at
    its next report, and a lost one when it is taken up.
    """
    films = Film.objects.exclude(state=Film.State.REVOKED)
    own = uncovered(films.filter(vault__in=vaults), "vault", "twin__life_stage", "kind")
    lent = FurtherPart.objects.filter(twin__vault__in=vaults, film__in=films)
    lent = uncovered(lent, "twin__vault", "twin__life_stage", "film__kind")
    for film in [*own, *films.filter(id__in=lent.values("film"))]:
        _stop(RENDER_FILM, film)
        revoke_film(film, by=by)
    clips = Clip.objects.filter(vault__in=vaults).exclude(state=Clip.State.REVOKED)
    for clip in uncovered(clips, "vault", "revision__twin__life_stage", "revision__scene__kind"):
        _stop(RENDER_CLIP, clip)
        revoke_clip(clip, by=by)
    twins = Twin.objects.filter(vault__in=vaults).exclude(state=Twin.State.RETIRED)
    for twin in uncovered(twins, "vault", "life_stage"):
        retire_twin(twin, by=by)


def uncovered(rows: QuerySet, vault: str, life_stage: str, kind: str = "") -> QuerySet:
    """Rows that no consent covers which was not withdrawn. vault, life_stage, kind: where a row has them."""
    covering = Consent.objects.not_withdrawn().filter(subject__vault=OuterRef(vault))
    return rows.exclude(Exists(covering.covering(life_stage=OuterRef(life_stage), kind=OuterRef(kind) if kind else None)))


def _stop(kind: str, row: Film | Clip) -> None:
    for job in Job.objects.filter(kind=kind, target_id=row.id, state__in=OPEN):
        stop(job)
