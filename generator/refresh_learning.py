"""How a twin is refreshed: the job behind `refreshing`. No face of the subject is read, so the safe may be sealed."""

from collections.abc import Iterable
from uuid import UUID

import numpy as np

from generator import claims
from generator.engine.checkpoint import load_weights
from generator.engine.distributed import train_on_all
from generator.engine.faceset import FaceSet, FaceSetError, build_faceset
from generator.engine.refresh import joined, refresh
from generator.engine.training import TrainingError
from generator.engine.twin_quality import measure_refreshed
from generator.keeping import Keeper
from generator.learning import load_embeddings, require_consent
from generator.models import Twin
from generator.resuming import resume
from generator.scenes.books import copy_book
from processing.engine.identity import DIMENSIONS
from templates_library import preparation
from templates_library.models import TemplateRevision
from twinvault.custody import objects
from twinvault.jobs.services import JobRefused

_READ = "vault__keyring", "life_stage__subject", "checkpoint__keyring", "checkpoint_before__keyring", "statistics__keyring"
KEPT = (
    "new_ssim_before", "new_ssim_after", "known_ssim_before", "known_ssim_after", "rehearsed_ssim",
    "images_seen", "images_per_second", "roll_backs",
)  # fmt: skip
# of the version before it: they need true faces of the subject, of which none is read here
OF_PREDECESSOR = ("heldout_ssim", "heldout_ssim_subject", "heldout_perceptual_subject", "heldout_rebuilt_to_subject")


def refresh_twin(twin_id: UUID, work) -> None:
    """Job handler: a refreshed version of a twin learns with the template that the old one had not learned with.

    1. The old twin's weights, the faces of the new template and those of the old ones are read into memory.
    2. It learns, from its last checkpoint if it has one.
    3. It is ready, with the old one's identity; what can be measured without a face of the subject is measured anew, and of the
       rest it is kept that it is of the old one. The films that were ordered with it are queued.
    """
    twin = Twin.objects.select_related(*_READ).get(id=twin_id)
    if twin.state != Twin.State.TRAINING:
        return
    require_consent(twin)
    claim = claims.take(twin, work.job.id)
    try:
        _refresh(Twin.objects.select_related(*_READ).get(id=twin.id), work, claim)
    finally:
        claims.release(twin, claim)


def _refresh(twin: Twin, work, claim: str) -> None:
    """Steps 1 to 3 of `refresh_twin`, for a twin as it is once it is claimed."""
    resumption = resume(twin)
    work.report(0.0, "Gathering faces of the templates")
    old = Twin.objects.select_related("weights__keyring", "identity__keyring", "looks__keyring").get(id=twin.refreshed_from_id)
    if old.weights is None:
        raise JobRefused(f"Version {old.version}, from which this twin was to be refreshed, was retired: order with another one.")
    weights = objects.read(old.weights)
    new, known = _faces(twin, old, load_weights(weights).config.size)
    keeper = Keeper(twin, work, claim, resumption)
    try:
        # there is no true face of the subject to show beside what is drawn
        told = keeper.callbacks() | {"on_preview": None}
        result = refresh(weights, new, known, train_on_all, seconds=twin.train_seconds, checkpoint=resumption.checkpoint, **told)
    except TrainingError as error:
        raise JobRefused(str(error)) from error
    keeper.require_whole(result)
    copy_book(old, twin)
    measured = result.metrics
    kept = {name: value for name, value in old.measures.items() if name in (*OF_PREDECESSOR, "parameters", "device")}
    identity = load_embeddings(objects.read(old.identity)) if old.identity else np.zeros((0, DIMENSIONS), np.float32)
    keeper.finish(
        weights=result.weights,
        measures=kept
        | {name: measured[name] for name in KEPT}
        | measure_refreshed(result.weights, joined(new, known), identity)
        | {
            "of_predecessor": [name for name in OF_PREDECESSOR if name in kept],
            "heldout_ssim_library": (measured["new_ssim_after"] + measured["known_ssim_after"]) / 2,
            "refresh_seconds": measured["seconds"],
        },
        faces=old.faces,
        **{name: objects.read(getattr(old, name)) for name in ("identity", "looks") if getattr(old, name)},
    )


def _faces(twin: Twin, old: Twin, size: int) -> tuple[FaceSet, FaceSet]:
    """Of the templates that are new to it, and of those that the old one had learned with."""
    usable = twin.library.filter(preparation=TemplateRevision.Preparation.READY, template__withdrawn_at__isnull=True)
    before = set(old.library.values_list("id", flat=True))
    new, known = [], []
    for revision in usable:
        (known if revision.id in before else new).append(revision)
    if not new or not known:
        raise JobRefused("A template that this twin was to learn with was withdrawn: order a film in another one.")
    try:
        return _face_set(new, size), _face_set(known, size)
    except FaceSetError as error:
        raise JobRefused(str(error)) from error


def _face_set(revisions: Iterable[TemplateRevision], size: int) -> FaceSet:
    faces = preparation.library_face_set(revisions)
    return build_faceset(faces.images, faces.landmarks, faces.moments, size, faces.held_out)
