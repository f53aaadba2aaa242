"""Verbs on twins: begin one, retire one. How one learns is in `learning`, which only workers load."""

from django.db import transaction
from django.db.models import Max

from generator import queries as queries_of_twins
from generator.engine.config import PRESETS
from generator.models import Twin, Upkeep
from generator.presets import choose_preset
from generator.refreshing import LEARNING
from generator.scenes.books import forget_book
from processing import datasets
from templates_library import queries
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.jobs.models import Job
from twinvault.jobs.services import OPEN, enqueue, stop
from twinvault.vaults.consents import require_consent
from twinvault.vaults.models import LifeStage, Vault
from twinvault.vaults.services import NotAllowed, require_unlocked

# columns of a twin that point to what was learned of the face
HELD = ("weights", "checkpoint", "checkpoint_before", "statistics", "identity", "looks")


def fitting_preset(life_stage: LifeStage, seconds: float) -> tuple[str, str]:
    """The preset that fits the footage of a life stage, the time, and the machine that learns; and a sentence that says why."""
    device, memory = queries_of_twins.learning_machine()
    faces = min(datasets.queries.kept_faces(life_stage).count(), datasets.BUDGET)
    return choose_preset(device, seconds / 60, faces, datasets.usual_size(life_stage), memory)


def start_twin(life_stage: LifeStage, *, preset: str, seconds: float, by, condition: str = "") -> Twin:
    """A new version of the life stage's twin, queued to learn against every template that is ready; `by` None: by itself.

    Earlier versions stay as they are. What it starts from is settled when its training begins (`descent`).

    preset: name of one of engine.config.PRESETS, or "" for the one that fits. condition: name of the light that it learns from,
    one of engine.categories.CONDITIONS, or "" for all light together.
    NotAllowed if there is no consent, too few faces (of that light), no template, or a training of this life stage under way.
    """
    subject = life_stage.subject
    require_consent(subject, life_stage)
    require_unlocked(subject.vault)
    if preset and preset not in PRESETS:
        raise NotAllowed(f"There is no preset called {preset}; choose one of {', '.join(PRESETS)}.")
    if condition and condition not in datasets.CONDITION_NAMES:
        raise NotAllowed(f"There is no light called {condition}; choose one of {', '.join(datasets.CONDITION_NAMES)}.")
    kept = datasets.require_enough(life_stage, condition)
    why = ""
    if not preset:
        preset, why = fitting_preset(life_stage, seconds)
    library = list(queries.orderable_revisions())
    if not library:
        raise NotAllowed("No template is approved and prepared yet: a twin learns against the approved templates.")
    with transaction.atomic():
        # the lock holds back a second click
        LifeStage.objects.select_for_update().get(id=life_stage.id)
        under_way = life_stage.twins.filter(state=Twin.State.TRAINING, refreshed_from=None).first()
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
            kept=kept,
            measures={"why_preset": why} if why else {},
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
    for job in Job.objects.filter(kind__in=LEARNING, target_id=twin.id, state__in=OPEN):
        stop(job)
    twin.refresh_from_db()
    forget_book(twin)
    held = [getattr(twin, column) for column in HELD]
    sheets = [preview.sheet for preview in twin.previews.select_related("sheet")]
    twin.previews.all().delete()
    for column in HELD:
        setattr(twin, column, None)
    twin.save(update_fields=HELD)
    for stored in held + sheets:
        objects.erase(stored)
    record("twin retired", actor=by, vault_id=twin.vault_id, target=twin)


@transaction.atomic
def set_upkeep(vault: Vault, *, by_itself: bool, by) -> None:
    """Whether twins of this vault learn anew by themselves once enough new faces have come."""
    Upkeep.objects.update_or_create(vault=vault, defaults={"by_itself": by_itself})
    record("upkeep of twins set", actor=by, vault_id=vault.id, target=vault, by_itself=by_itself)
