"""What ends with the last consent for a face: trainings, twins, films and clips, and films of other vaults that show it."""

from django.db.models import Q, QuerySet

from generator.models import Twin
from generator.productions.models import Film
from generator.productions.services import RENDER as RENDER_FILM
from generator.productions.services import revoke_film
from generator.scenes.models import Clip
from generator.scenes.services import RENDER as RENDER_CLIP
from generator.scenes.services import revoke_clip
from generator.services import retire_twin
from twinvault.jobs.models import Job
from twinvault.jobs.services import OPEN, stop


def end(vaults: QuerySet, *, by) -> None:
    """Ends all of that in these vaults; may be called again, and then finds little to do.

    Films go before the twins in them, so that none is told to have failed for want of its twin. A job that runs hears of it at
    its next report, and a lost one when it is taken up.
    """
    films = Film.objects.filter(Q(vault__in=vaults) | Q(further__twin__vault__in=vaults)).exclude(state=Film.State.REVOKED)
    for film in films.distinct():
        _stop(RENDER_FILM, film)
        revoke_film(film, by=by)
    for clip in Clip.objects.filter(vault__in=vaults).exclude(state=Clip.State.REVOKED):
        _stop(RENDER_CLIP, clip)
        revoke_clip(clip, by=by)
    for twin in Twin.objects.filter(vault__in=vaults).exclude(state=Twin.State.RETIRED):
        retire_twin(twin, by=by)


def _stop(kind: str, row: Film | Clip) -> None:
    for job in Job.objects.filter(kind=kind, target_id=row.id, state__in=OPEN):
        stop(job)
