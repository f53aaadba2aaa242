"""How a twin learns.

A training is a job that may be killed at any moment. Every so often its whole state is stored as one encrypted object, and the
one before it is kept as well; whichever worker takes the job next goes on from there, and counts only the seconds that were spent
learning. One attempt at a time may store anything of a twin (`claims`). On a machine with several GPUs the worker starts one
process more for each of them, and they learn together.
"""

import logging
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from generator import claims
from generator.descent import Start, start_of
from generator.engine.checkpoint import load_weights
from generator.engine.config import PRESETS, TwinConfig
from generator.engine.distributed import train_on_all
from generator.engine.faceset import FaceSet, FaceSetError, build_faceset
from generator.engine.training import TrainingError
from generator.engine.twin_quality import measure_twin
from generator.keeping import Keeper
from generator.looks import looks_of_faces
from generator.models import Twin
from generator.resuming import resume
from generator.scenes.book_making import gather, keep_book
from processing import datasets
from processing.engine.identity import DIMENSIONS
from templates_library import preparation
from templates_library.models import TemplateRevision
from twinvault.custody import objects
from twinvault.jobs.services import JobRefused
from twinvault.vaults.consents import has_consent, why_none

log = logging.getLogger(__name__)

_READ = (
    "vault__keyring",
    "life_stage__subject__vault__keyring",
    "checkpoint__keyring",
    "checkpoint_before__keyring",
    "statistics__keyring",
)


def train_twin(twin_id: UUID, work) -> None:
    """Job handler: learns a twin, from its last checkpoint if it has one.

    1. The faces of the life stage and of the templates are read into memory.
    2. It starts from what is known of the person, or from the house base (`descent.start_of`); the row says from what.
    3. The training runs; checkpoint, statistics and previews are stored as it goes.
    4. The code book for new scenes and the weights are stored and the twin is ready; the checkpoint is erased.
    """
    twin = Twin.objects.select_related(*_READ).get(id=twin_id)
    if twin.state != Twin.State.TRAINING:
        return
    require_consent(twin)
    claim = claims.take(twin, work.job.id)
    try:
        _learn(Twin.objects.select_related(*_READ).get(id=twin.id), work, claim)
    finally:
        claims.release(twin, claim)


def require_consent(twin: Twin) -> None:
    if not has_consent(twin.life_stage.subject, twin.life_stage):
        raise JobRefused(why_none(twin.life_stage.subject, twin.life_stage))


def _learn(twin: Twin, work, claim: str) -> None:
    """Steps 1 to 4 of `train_twin`, for a twin as it is once it is claimed."""
    resumption = resume(twin)
    # a network goes on in the shape that it has, though the preset may have another one by now
    config = resumption.checkpoint.config if resumption.checkpoint else PRESETS[twin.preset]
    work.report(0.0, "Gathering faces")
    subject, library = _faces(twin, config)
    # read now: the time for which a sealed safe was unsealed may be over when the training ends
    identity = datasets.subject_embeddings(twin.life_stage)
    seen = gather(twin.life_stage, twin.condition)
    looks = looks_of_faces(twin.life_stage, twin.condition)
    start = None if resumption.checkpoint else _start(twin)
    keeper = Keeper(twin, work, claim, resumption)
    try:
        result = train_on_all(
            config,
            subject,
            library,
            seconds=twin.train_seconds,
            checkpoint=resumption.checkpoint,
            base=start,
            same_person=twin.started_from_id is not None,
            **keeper.callbacks(),
        )
    except TrainingError as error:
        raise JobRefused(str(error)) from error
    keeper.require_whole(result)
    keep_book(twin, result.weights, subject, seen)
    keeper.finish(
        weights=result.weights,
        measures=result.metrics | measure_twin(result.weights, subject, library),
        faces=len(subject),
        identity=dump_embeddings(identity),
        looks=looks.dump(),
    )


def _start(twin: Twin) -> bytes | None:
    """The weights that a twin starts from, as its row says from now on; None for nothing."""
    start = start_of(twin)
    weights = objects.read((start.twin or start.base).weights) if start.twin or start.base else None
    if weights is not None and not load_weights(weights).config.same_network(PRESETS[twin.preset]):
        log.info("twin %s starts from nothing: what there is has the network that %s had before", twin.id, twin.preset)
        start, weights = Start(), None
    twin.started_from, twin.base = start.twin, start.base
    twin.save(update_fields=["started_from", "base"])
    return weights


def dump_embeddings(embeddings: NDArray[np.float32]) -> bytes:
    """float32 (N, 128) -> bytes, as `load_embeddings` reads them."""
    return np.ascontiguousarray(embeddings, dtype="<f4").tobytes()


def load_embeddings(data: bytes) -> NDArray[np.float32]:
    """The inverse of `dump_embeddings`: float32 (N, 128)."""
    return np.frombuffer(data, dtype="<f4").reshape(-1, DIMENSIONS)


def _faces(twin: Twin, config: TwinConfig) -> tuple[FaceSet, FaceSet]:
    revisions = list(twin.library.filter(preparation=TemplateRevision.Preparation.READY, template__withdrawn_at__isnull=True))
    if not revisions:
        raise JobRefused("The templates that this twin was to learn with were withdrawn: begin a new one.")
    try:
        return tuple(
            build_faceset(faces.images, faces.landmarks, faces.moments, config.size, faces.held_out)
            for faces in (datasets.face_set(twin.life_stage, twin.condition), preparation.library_face_set(revisions))
        )
    except FaceSetError as error:
        raise JobRefused(str(error)) from error
