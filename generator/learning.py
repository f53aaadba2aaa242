"""How a twin learns.

A training is a job that may be killed at any moment. Every so often its whole state is stored as one encrypted object; whichever
worker takes the job next goes on from there, and counts only the seconds that were spent learning.
"""

import json
import logging
import time
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from generator.engine.checkpoint import Checkpoint
from generator.engine.config import PRESETS, TwinConfig
from generator.engine.faceset import FaceSet, FaceSetError, build_faceset
from generator.engine.training import train
from generator.engine.twin_quality import measure_twin
from generator.models import Preview, Twin
from generator.scenes.book_making import gather, keep_book
from processing import datasets
from processing.engine.identity import DIMENSIONS
from templates_library import preparation
from templates_library.models import TemplateRevision
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.jobs.services import JobRefused, JobStopped
from twinvault.vaults.services import has_consent

log = logging.getLogger(__name__)

CONSENT_EVERY_S = 5.0


def train_twin(twin_id: UUID, work) -> None:
    """Job handler: learns a twin, from its last checkpoint if it has one.

    1. The faces of the life stage and of the templates are read into memory.
    2. The training runs; checkpoint, statistics and previews are stored as it goes.
    3. The code book for new scenes and the weights are stored and the twin is ready; the checkpoint is erased.
    """
    twin = Twin.objects.select_related(
        "vault__keyring", "life_stage__subject__vault__keyring", "checkpoint__keyring", "statistics__keyring"
    ).get(id=twin_id)
    if twin.state != Twin.State.TRAINING:
        return
    if not has_consent(twin.life_stage.subject):
        raise JobRefused(f"The consent for {twin.life_stage.subject.name} is not in force any more.")
    config = PRESETS[twin.preset]
    work.report(0.0, "Gathering faces")
    subject, library = _faces(twin, config)
    # read now: the time for which a sealed safe was unsealed may be over when the training ends
    identity = datasets.subject_embeddings(twin.life_stage)
    seen = gather(twin.life_stage, twin.condition)
    checkpoint = objects.read(twin.checkpoint) if twin.checkpoint else None
    if checkpoint:
        log.info("twin %s goes on after %d faces seen", twin.id, Checkpoint.from_bytes(checkpoint).images_seen)
    keeper = _Keeper(twin, work)
    result = train(
        config,
        subject,
        library,
        seconds=twin.train_seconds,
        checkpoint=checkpoint,
        on_checkpoint=keeper.checkpoint,
        on_stats=keeper.statistics,
        on_preview=keeper.preview,
        should_stop=keeper.should_stop,
        checkpoint_every_s=settings.ENV.checkpoint_every_s,
    )
    if keeper.withdrawn:
        raise JobRefused(f"The consent for {twin.life_stage.subject.name} was withdrawn while the twin was learning.")
    if result.metrics.get("stopped"):
        raise JobStopped
    result.metrics.update(measure_twin(result.weights, subject, library))
    keep_book(twin, result.weights, subject, seen)
    keeper.finish(result, faces=len(subject), identity=identity)


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


class _Keeper:
    """Stores what a training gives while it runs, each thing encrypted, each older one erased."""

    def __init__(self, twin: Twin, work):
        self.twin, self.work = twin, work
        self.withdrawn = self.stopped = False
        self._asked_at = time.monotonic()
        self._rows = [json.loads(line) for line in objects.read(twin.statistics).splitlines()] if twin.statistics else []

    def should_stop(self) -> bool:
        if time.monotonic() - self._asked_at > CONSENT_EVERY_S:
            self._asked_at = time.monotonic()
            self.withdrawn = not has_consent(self.twin.life_stage.subject)
        return self.withdrawn or self.stopped or self.work.should_stop()

    def statistics(self, row: dict) -> None:
        # what a killed worker counted after its last checkpoint is counted anew
        self._rows = [old for old in self._rows if old["images_seen"] < row["images_seen"]] + [row]
        share = min(row["seconds"] / self.twin.train_seconds, 1.0)
        try:
            self.work.report(share * 0.98, f"{row['images_seen']:,} faces seen, loss {row['loss']:.3f}")
        except JobStopped:
            # the training itself stops at its next step, after a last checkpoint
            self.stopped = True

    def _replace(self, field: str, kind: str, data: bytes) -> None:
        stored = objects.store(self.twin.vault.keyring, kind, data)
        with transaction.atomic():
            row = self._locked()
            if row is not None:
                old = getattr(row, field)
                Twin.objects.filter(id=row.id).update(**{field: stored})
                objects.erase(old)
        if row is None:
            objects.erase(stored)
            raise JobStopped
        setattr(self.twin, field, stored)

    def _locked(self) -> Twin | None:
        """The twin's row, locked, in a transaction; None once it is retired: nothing may be kept of it any more."""
        return Twin.objects.select_for_update().filter(id=self.twin.id, state=Twin.State.TRAINING).first()

    def checkpoint(self, data: bytes) -> None:
        self._replace("checkpoint", "checkpoint", data)
        self._replace("statistics", "statistics", "\n".join(json.dumps(row) for row in self._rows).encode())

    def preview(self, png: bytes, images_seen: int) -> None:
        if self.twin.previews.filter(images_seen=images_seen).exists():
            return
        sheet = objects.store(self.twin.vault.keyring, "preview", png, "image/png")
        with transaction.atomic():
            row = self._locked()
            if row is not None:
                Preview.objects.create(twin=row, images_seen=images_seen, sheet=sheet)
        if row is None:
            objects.erase(sheet)
            raise JobStopped

    def finish(self, result, faces: int, identity: NDArray[np.float32]) -> None:
        self._replace("statistics", "statistics", "\n".join(json.dumps(row) for row in self._rows).encode())
        self._replace("identity", "identity", dump_embeddings(identity))
        self._replace("weights", "weights", result.weights)
        with transaction.atomic():
            done = Twin.objects.filter(id=self.twin.id, state=Twin.State.TRAINING).update(
                state=Twin.State.READY,
                ready_at=timezone.now(),
                measures={key: _plain(value) for key, value in result.metrics.items()},
                faces=faces,
                checkpoint=None,
            )
            if not done:
                raise JobStopped
            objects.erase(self.twin.checkpoint)
            record("twin learned", vault_id=self.twin.vault_id, target=self.twin)


def _plain(value):
    """A number or word fit for JSON."""
    return value.item() if isinstance(value, np.generic) else value
