"""A film in a template that was approved after its twin had learned: a refreshed twin is begun, which the film then waits for.

The refreshed twin is a version of its own: a film says with which version it was made, and the old one stays as it is. How it
learns is in `refresh_learning`, which only workers load.
"""

from django.db import transaction
from django.db.models import Max

from generator.models import Twin
from templates_library.models import TemplateRevision
from twinvault.audit.record import record
from twinvault.jobs.queries import latest_job
from twinvault.jobs.services import enqueue, retry
from twinvault.vaults.models import LifeStage
from twinvault.vaults.services import NotAllowed

REFRESH_TWIN = "refresh_twin"
# kinds of jobs by which a twin learns
LEARNING = ("train_twin", REFRESH_TWIN)
# a refresh takes this part of the seconds that the twin's training took
COST = 0.1


def knows(twin: Twin, revision: TemplateRevision) -> bool:
    """Whether a twin has learned with a template, or is just learning with it."""
    return twin.library.filter(id=revision.id).exists()


@transaction.atomic
def twin_that_knows(twin: Twin, revision: TemplateRevision, *, by) -> Twin:
    """The twin itself if it has learned with the template; else a refreshed version of it that has, or that is begun now.

    The refreshed one may be learning still; a refresh that failed or was stopped is tried again. NotAllowed if nothing is left of
    the templates that the twin had learned with: what it knows is rehearsed on their faces.
    """
    if knows(twin, revision):
        return twin
    # the lock holds back a second order: one refresh serves both
    stage = LifeStage.objects.select_for_update().select_related("subject__vault").get(id=twin.life_stage_id)
    there = Twin.objects.filter(refreshed_from=twin, library=revision).exclude(state=Twin.State.RETIRED)
    if found := there.select_related("life_stage").order_by("state", "-version").first():
        _try_again(found)
        return found
    known = list(twin.library.filter(template__withdrawn_at__isnull=True))
    if not known:
        raise NotAllowed(f"None of the templates that {twin} has learned with can be used here: begin a new version of it.")
    newest = stage.twins.aggregate(newest=Max("version"))["newest"] or 0
    refreshed = Twin.objects.create(
        vault_id=twin.vault_id,
        life_stage=stage,
        condition=twin.condition,
        version=newest + 1,
        preset=twin.preset,
        train_seconds=_seconds_learned(_first(twin)) * COST,
        refreshed_from=twin,
        kept=twin.kept,
    )
    refreshed.library.set([*known, revision])
    record("twin refresh begun", actor=by, vault_id=twin.vault_id, target=refreshed, refreshed_from=str(twin.id))
    title = f"Learning {stage.subject.name} in “{revision.template.title}”"[:200]
    enqueue(REFRESH_TWIN, refreshed.id, queue="gpu", title=title, vault=stage.subject.vault, user=by)
    return refreshed


def _try_again(refreshed: Twin) -> None:
    job = latest_job(refreshed.id, REFRESH_TWIN)
    if refreshed.state == Twin.State.TRAINING and job and job.can_be_retried:
        retry(job)


def _seconds_learned(twin: Twin) -> float:
    """How long a training took: less than it might have where it came to its end before."""
    return min(twin.train_seconds, twin.measures.get("seconds", twin.train_seconds))


def _first(twin: Twin) -> Twin:
    """The twin that was trained in full, of which this one is a refresh, or a refresh of a refresh."""
    while twin.refreshed_from is not None:
        twin = twin.refreshed_from
    return twin
