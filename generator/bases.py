"""Verbs on the house base. How one learns is in `base_learning`, which only workers load.

A base is learned from approved and prepared templates, by itself: the sweep of every worker calls `keep_bases`. It is of lower
urgency than anything that a family waits for. It begins once the house was quiet for a while, which also gathers several new
templates into one version; it makes way, with what it has learned stored, as soon as other work for the GPU waits; and goes on
when that is done.

A withdrawn template takes the bases with it that had learned it. Twins that started from one of these stay: what they took over
was a place to begin at, and they have learned from faces of their own since; like a twin that had the template in its own
library, they cannot be put into it any more. Their pages say that their base was retired.
"""

from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, Max, OuterRef, Q
from django.utils import timezone

from generator.engine.config import PRESETS, ConfigError, TwinConfig
from generator.models import Base, Twin
from templates_library.models import TemplateRevision
from templates_library.queries import orderable_revisions
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.jobs.models import Job
from twinvault.jobs.queries import latest_job
from twinvault.jobs.services import OPEN, enqueue, retry, stop
from twinvault.vaults.services import NotAllowed

TRAIN_BASE = "train_base"
# ready bases of a preset that are kept: the newest, and one to go back to
KEPT = 2
# columns of a base that point to what was learned
HELD = ("weights", "checkpoint", "checkpoint_before", "statistics")
# of whose preset there is a base before any twin was begun, if none is set
USUAL_PRESET = "quick"
# how long one learns that somebody begins where none begins by itself
DEFAULT_S = 600.0


def begin_base(preset: str, *, by=None) -> Base:
    """A new version of a preset's base, queued to learn all templates that films can be ordered with; `by` None: by itself.

    NotAllowed if there is no such template, or one of this preset is learning.
    """
    if preset not in PRESETS:
        raise NotAllowed(f"There is no preset called {preset}; choose one of {', '.join(PRESETS)}.")
    library = list(orderable_revisions())
    if not library:
        raise NotAllowed("No template is approved and prepared yet: a base learns from the approved templates.")
    newest = Base.objects.filter(preset=preset).aggregate(newest=Max("version"))["newest"] or 0
    try:
        with transaction.atomic():
            base = Base.objects.create(preset=preset, version=newest + 1, train_seconds=settings.ENV.base_seconds or DEFAULT_S)
            base.library.set(library)
            record("base begun", actor=by, target=base, preset=preset, templates=len(library))
            _enqueue(base, by)
    except IntegrityError as error:
        raise NotAllowed(f"A house base for {preset} has not learned to its end yet: let it go on, or retire it.") from error
    return base


def _enqueue(base: Base, by=None) -> Job:
    return enqueue(TRAIN_BASE, base.id, queue="gpu", title=f"Learning {base}", user=by)


@transaction.atomic
def stop_base(base: Base, *, by) -> None:
    """Its training stops with what it has learned stored, and does not go on by itself."""
    Base.objects.filter(id=base.id).update(made_way_at=None)
    for job in Job.objects.filter(kind=TRAIN_BASE, target_id=base.id, state__in=OPEN):
        stop(job)
    record("base stopped", actor=by, target=base)


@transaction.atomic
def resume_base(base: Base, *, by) -> None:
    """A training that was stopped, or failed, goes on. NotAllowed if it is none of these."""
    job = latest_job(base.id, TRAIN_BASE)
    if base.state != Base.State.TRAINING or job is None or not job.can_be_retried or not retry(job):
        raise NotAllowed(f"The {base} is not waiting to go on.")
    Base.objects.filter(id=base.id).update(made_way_at=None)
    record("base resumed", actor=by, target=base)


@transaction.atomic
def retire_base(base: Base, *, because: str, by=None) -> bool:
    """No twin starts from it any more; what it has learned is erased. False if it was retired already."""
    retired = Base.objects.filter(id=base.id).exclude(state=Base.State.RETIRED)
    if not retired.update(state=Base.State.RETIRED, retired_because=because, made_way_at=None):
        return False
    for job in Job.objects.filter(kind=TRAIN_BASE, target_id=base.id, state__in=OPEN):
        stop(job)
    base.refresh_from_db()
    held = [getattr(base, column) for column in HELD]
    sheets = [preview.sheet for preview in base.previews.select_related("sheet")]
    base.previews.all().delete()
    for column in HELD:
        setattr(base, column, None)
    base.save(update_fields=HELD)
    for stored in held + sheets:
        objects.erase(stored)
    record("base retired", actor=by, target=base, because=str(because))
    return True


def others_wait() -> bool:
    """Whether work of anybody else waits for a GPU worker."""
    return Job.objects.filter(queue="gpu", state=Job.State.QUEUED).exclude(kind=TRAIN_BASE).exists()


def keep_bases() -> None:
    """Called again and again by every worker; what is in order costs a few small queries.

    1. Bases that learned a template withdrawn since are retired; so are ready ones that KEPT newer ones have followed.
    2. One that made way goes on once no other work for the GPU is open.
    3. Where a template is in no version yet, a new one begins, once the house was quiet for `base_quiet_s`.
    """
    for base in Base.objects.exclude(state=Base.State.RETIRED).filter(library__template__withdrawn_at__isnull=False).distinct():
        retire_base(base, because=Base.Why.WITHDRAWN)
    if not settings.ENV.base_seconds:
        return
    _retire_superseded()
    if Job.objects.filter(queue="gpu", state__in=OPEN).exclude(kind=TRAIN_BASE).exists():
        return
    # its worker may be about to let go still: a job queued now would be taken for that one's
    held = Job.objects.filter(kind=TRAIN_BASE, target_id=OuterRef("id"), state__in=OPEN)
    for base in Base.objects.filter(state=Base.State.TRAINING, made_way_at__isnull=False).exclude(Exists(held)):
        # only one of several workers finds it still waiting
        with transaction.atomic():
            if Base.objects.filter(id=base.id, made_way_at__isnull=False).update(made_way_at=None):
                _enqueue(base)
    for preset in _presets_without():
        if not _was_quiet():
            return
        try:
            begin_base(preset)
        except NotAllowed:
            # another worker was quicker
            continue


def _retire_superseded() -> None:
    ready = Base.objects.filter(state=Base.State.READY).order_by("preset", "-version")
    seen: dict[str, int] = {}
    for base in ready:
        seen[base.preset] = seen.get(base.preset, 0) + 1
        if seen[base.preset] > KEPT:
            retire_base(base, because=Base.Why.SUPERSEDED)


def _presets_without() -> list[str]:
    """Presets in use whose newest version lacks a template that can be ordered, or was retired with a withdrawn one."""
    orderable = set(orderable_revisions().values_list("id", flat=True))
    if not orderable:
        return []
    in_use = set(Twin.objects.exclude(state=Twin.State.RETIRED).values_list("preset", flat=True))
    in_use.add(settings.ENV.train_preset or USUAL_PRESET)
    learning = set(Base.objects.filter(state=Base.State.TRAINING).values_list("preset", flat=True))
    return sorted(preset for preset in (in_use & set(PRESETS)) - learning if _lacks(preset, orderable))


def _lacks(preset: str, orderable: set) -> bool:
    newest = Base.objects.filter(preset=preset).order_by("-version").first()
    if newest is None or newest.retired_because == Base.Why.WITHDRAWN or not fits(newest):
        return True
    return not orderable <= set(newest.library.values_list("id", flat=True))


def fits(base: Base) -> bool:
    """Whether a base is of the network that its preset has today, or is not ready; an upgrade may have given it another one."""
    if base.state != Base.State.READY:
        return True
    try:
        return TwinConfig.from_dict(base.measures["config"]).same_network(PRESETS[base.preset])
    except (ConfigError, KeyError, TypeError):
        return False


def _was_quiet() -> bool:
    """Whether nothing was prepared, learned or rendered just now, nor is to be."""
    since = timezone.now() - timedelta(seconds=settings.ENV.base_quiet_s)
    work = Q(queue="gpu") | Q(kind="prepare_template")
    busy = Job.objects.filter(work).filter(Q(state__in=OPEN) | Q(ended_at__gt=since)).exists()
    return not busy and not TemplateRevision.objects.filter(approved_at__gt=since).exists()
