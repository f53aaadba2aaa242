"""How a twin is refreshed: the job behind `refreshing`. No face of the subject is read, so the safe may be sealed."""

from collections.abc import Iterable
from uuid import UUID

from django.conf import settings

from generator.engine.checkpoint import load_weights
from generator.engine.faceset import FaceSet, FaceSetError, build_faceset
from generator.engine.refresh import refresh
from generator.learning import Keeper
from generator.models import Twin
from templates_library import preparation
from templates_library.models import TemplateRevision
from twinvault.custody import objects
from twinvault.jobs.services import JobRefused
from twinvault.vaults.services import has_consent

KEPT = ("new_ssim_before", "new_ssim_after", "known_ssim_before", "known_ssim_after", "rehearsed_ssim")


def refresh_twin(twin_id: UUID, work) -> None:
    """Job handler: a refreshed version of a twin learns with the template that the old one had not learned with.

    1. The old twin's weights, the faces of the new template and those of the old ones are read into memory.
    2. It learns, from its last checkpoint if it has one.
    3. It is ready, with the old one's likeness measures and identity, and what was measured on the template; the films that were
       ordered with it are queued.
    """
    related = "vault__keyring", "life_stage__subject", "checkpoint__keyring", "statistics__keyring"
    twin = Twin.objects.select_related(*related).get(id=twin_id)
    if twin.state != Twin.State.TRAINING:
        return
    if not has_consent(twin.life_stage.subject):
        raise JobRefused(f"The consent for {twin.life_stage.subject.name} is not in force any more.")
    work.report(0.0, "Gathering faces of the templates")
    old = Twin.objects.select_related("weights__keyring", "identity__keyring", "looks__keyring").get(id=twin.refreshed_from_id)
    if old.weights is None:
        raise JobRefused(f"Version {old.version}, from which this twin was to be refreshed, was retired: order with another one.")
    weights = objects.read(old.weights)
    new, known = _faces(twin, old, load_weights(weights).config.size)
    keeper = Keeper(twin, work)
    result = refresh(
        weights,
        new,
        known,
        seconds=twin.train_seconds,
        checkpoint=objects.read(twin.checkpoint) if twin.checkpoint else None,
        on_checkpoint=keeper.checkpoint,
        on_stats=keeper.statistics,
        should_stop=keeper.should_stop,
        checkpoint_every_s=settings.ENV.checkpoint_every_s,
    )
    keeper.require_whole(result)
    keeper.finish(
        weights=result.weights,
        measures=old.measures | {name: result.metrics[name] for name in KEPT} | {"refresh_seconds": result.metrics["seconds"]},
        faces=old.faces,
        **{name: objects.read(getattr(old, name)) for name in ("identity", "looks") if getattr(old, name)},
    )


def _faces(twin: Twin, old: Twin, size: int) -> tuple[FaceSet, FaceSet]:
    """Of the templates that are new to it, and of those that the old one had learned with."""
    usable = twin.library.filter(preparation=TemplateRevision.Preparation.READY, template__withdrawn_at__isnull=True)
    before = set(old.library.values_list("id", flat=True))
    new, known = [], []
    for revision in usable.select_related("track__keyring", "pack__keyring"):
        (known if revision.id in before else new).append(revision)
    if not new or not known:
        raise JobRefused("A template that this twin was to learn with was withdrawn: order a film in another one.")
    try:
        return _face_set(new, size), _face_set(known, size)
    except FaceSetError as error:
        raise JobRefused(str(error)) from error


def _face_set(revisions: Iterable[TemplateRevision], size: int) -> FaceSet:
    faces = preparation.library_face_set(revisions)
    return build_faceset(faces.images, faces.landmarks, faces.moments, size)
