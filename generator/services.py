"""Verbs on twins: begin one, retire one. How one learns is in `learning`, which only workers load."""

from django.db import transaction
from django.db.models import Max

from generator.engine.config import PRESETS
from generator.models import Twin
from generator.scenes.books import forget_book
from processing import datasets
from templates_library import queries
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.jobs.models import Job
from twinvault.jobs.services import OPEN, enqueue, stop
from twinvault.vaults.models import LifeStage
from twinvault.vaults.services import NotAllowed, require_consent, require_unlocked


def start_twin(life_stage: LifeStage, *, preset: str, seconds: float, by, condition: str = "") -> Twin:
    """A new version of the life stage's twin, queued to learn against every template that is ready.

    condition: name of the light that it learns from, one of engine.categories.CONDITIONS, or "" for all light together.
    NotAllowed if there is no consent, too few faces (of that light), no template, or a training of this life stage under way.
    """
    subject = life_stage.subject
    require_consent(subject)
    require_unlocked(subject.vault)
    if preset not in PRESETS:
        raise NotAllowed(f"There is no preset called {preset}; choose one of {', '.join(PRESETS)}.")
    if condition and condition not in datasets.CONDITION_NAMES:
        raise NotAllowed(f"There is no light called {condition}; choose one of {', '.join(datasets.CONDITION_NAMES)}.")
    datasets.require_enough(life_stage, condition)
    library = list(queries.orderable_revisions())
    if not library:
        raise NotAllowed("No template is approved and prepared yet: a twin learns against the approved templates.")
    with transaction.atomic():
        # the lock holds back a second click
        LifeStage.objects.select_for_update().get(id=life_stage.id)
        under_way = life_stage.twins.filter(state=Twin.State.TRAINING).first()
        if under_way:
            raise NotAllowed(
                f"{under_way} has not learned to its end yet: let it go on, or retire it, before the next one begins."
            )
        newest = life_stage.twins.aggregate(newest=Max("version"))["newest"] or 0
        twin = Twin.objects.create(
            vault=subject.vault,
            life_stage=life_stage,
            condition=condition,
            version=newest + 1,
            preset=preset,
            train_seconds=seconds,
        )
        twin.library.set(library)
        record("twin begun", actor=by, vault_id=subject.vault_id, target=twin, preset=preset, seconds=seconds)
        enqueue("train_twin", twin.id, queue="gpu", title=f"Learning {subject.name}, {twin}", vault=subject.vault, user=by)
    return twin


@transaction.atomic
def retire_twin(twin: Twin, *, by) -> None:
    """No film can be ordered with it any more; its weights and everything it left are erased."""
    if not Twin.objects.filter(id=twin.id).exclude(state=Twin.State.RETIRED).update(state=Twin.State.RETIRED):
        return
    for job in Job.objects.filter(kind="train_twin", target_id=twin.id, state__in=OPEN):
        stop(job)
    twin.refresh_from_db()
    forget_book(twin)
    held = [twin.weights, twin.checkpoint, twin.statistics, twin.identity]
    sheets = [preview.sheet for preview in twin.previews.select_related("sheet")]
    twin.previews.all().delete()
    twin.weights = twin.checkpoint = twin.statistics = twin.identity = None
    twin.save(update_fields=["weights", "checkpoint", "statistics", "identity"])
    for stored in held + sheets:
        objects.erase(stored)
    record("twin retired", actor=by, vault_id=twin.vault_id, target=twin)
