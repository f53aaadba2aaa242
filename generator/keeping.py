"""What a training gives while it runs is stored: each thing encrypted, each older one erased."""

import json
import logging
import time
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from generator import claims
from generator.models import Learned
from generator.productions.models import Film
from generator.productions.services import begin_rendering
from generator.resuming import Resumption
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.custody.models import Keyring
from twinvault.jobs.services import JobRefused, JobStopped
from twinvault.vaults.consents import has_consent

log = logging.getLogger(__name__)

ASK_EVERY_S = 5.0


class Keeper:
    """Stores what is learned in the row of a twin, as long as the claim on it stands.

    row: the twin that learns; `base_learning` keeps a house base in the same way. resumption: where the training goes on. If the
    checkpoint stored last was damaged, the next one takes its place, and the one before stays.
    """

    def __init__(self, row: Learned, work, claim: str, resumption: Resumption):
        self.row, self.work, self.claim, self._damaged = row, work, claim, resumption.damaged
        self.unfounded = self.stopped = False
        self._asked_at = time.monotonic()
        self._rows = [json.loads(line) for line in objects.read(row.statistics).splitlines()] if row.statistics else []
        for sentence in resumption.notices:
            self.notice(sentence, resumption.checkpoint.images_seen if resumption.checkpoint else 0)

    def callbacks(self) -> dict[str, Any]:
        """The keywords of `train` by which it is kept, told and stopped."""
        return {
            "on_checkpoint": self.checkpoint,
            "on_stats": self.statistics,
            "on_preview": self.preview,
            "on_notice": self.notice,
            "should_stop": self.should_stop,
            "checkpoint_every_s": settings.ENV.checkpoint_every_s,
        }

    @property
    def keyring(self) -> Keyring:
        return self.row.vault.keyring

    def ask(self) -> None:
        """Whether the training is allowed still; asked every few seconds."""
        self.unfounded = not has_consent(self.row.life_stage.subject, self.row.life_stage)

    def should_stop(self) -> bool:
        if time.monotonic() - self._asked_at > ASK_EVERY_S:
            self._asked_at = time.monotonic()
            self.ask()
            self.stopped = self.stopped or not claims.renew(self.row, self.claim)
        return self.unfounded or self.stopped or self.work.should_stop()

    def statistics(self, row: dict) -> None:
        # what a killed worker counted after its last checkpoint is counted anew
        self._rows = [old for old in self._rows if "notice" in old or old["images_seen"] < row["images_seen"]] + [row]
        share = min(row["seconds"] / self.row.train_seconds, 1.0)
        try:
            self.work.report(share * 0.98, f"{row['images_seen']:,} faces seen, loss {row['loss']:.3f}")
        except JobStopped:
            # the training itself stops at its next step, after a last checkpoint
            self.stopped = True

    def notice(self, sentence: str, images_seen: int) -> None:
        """Something went wrong and was put right: for the operator at once, for the person with the next statistics."""
        log.warning("%s %s after %d faces: %s", type(self.row).__name__, self.row.id, images_seen, sentence)
        self._rows.append({"notice": sentence, "images_seen": images_seen})

    def checkpoint(self, data: bytes) -> None:
        """Stores the newest state and keeps the one before, but for one that was found damaged."""
        stored = objects.store(self.keyring, "checkpoint", data)
        with transaction.atomic():
            row = self._locked()
            if row is not None:
                before, gone = row.checkpoint, row.checkpoint_before
                if self._damaged:
                    before, gone = gone, before
                type(row).objects.filter(id=row.id).update(checkpoint=stored, checkpoint_before=before)
                objects.erase(gone)
        if row is None:
            objects.erase(stored)
            raise JobStopped
        self._damaged = False
        self.row.checkpoint, self.row.checkpoint_before = stored, before
        self._store_statistics()

    def preview(self, png: bytes, images_seen: int) -> None:
        if self.row.previews.filter(images_seen=images_seen).exists():
            return
        sheet = objects.store(self.keyring, "preview", png, "image/png")
        with transaction.atomic():
            row = self._locked()
            if row is not None:
                row.previews.create(images_seen=images_seen, sheet=sheet)
        if row is None:
            objects.erase(sheet)
            raise JobStopped

    def require_whole(self, result) -> None:
        """JobRefused if no consent is in force any more, JobStopped if the training was stopped before its end."""
        if self.unfounded:
            name = self.row.life_stage.subject.name
            raise JobRefused(f"The consent for {name} ended while the twin was learning.")
        if result.metrics.get("stopped"):
            raise JobStopped

    def finish(self, *, weights: bytes, measures: dict, faces: int, **more: bytes) -> None:
        """The row is ready. more: what else is kept, by the names of its columns."""
        self._store_statistics()
        for field, data in more.items():
            self._replace(field, field, data)
        self._replace("weights", "weights", weights)
        with transaction.atomic():
            done = self._held().update(
                state=Learned.State.READY,
                ready_at=timezone.now(),
                measures=self.row.measures | {key: _plain(value) for key, value in measures.items()},
                faces=faces,
                checkpoint=None,
                checkpoint_before=None,
            )
            if not done:
                raise JobStopped
            for stored in (self.row.checkpoint, self.row.checkpoint_before):
                objects.erase(stored)
            self.ready()

    def ready(self) -> None:
        """What follows, in the transaction that makes the row ready: films that were ordered with the twin are rendered now."""
        twin = self.row
        record("twin learned", vault_id=twin.vault_id, target=twin)
        waiting = Film.objects.filter(Q(twin=twin) | Q(further__twin=twin), state=Film.State.ORDERED)
        # the lock lets the last of several twins of a film see that the others are ready
        films = Film.objects.select_for_update(of=("self",)).filter(id__in=waiting.values("id"))
        for film in films.select_related("vault", "ordered_by"):
            begin_rendering(film)

    def _store_statistics(self) -> None:
        self._replace("statistics", "statistics", "\n".join(json.dumps(row) for row in self._rows).encode())

    def _replace(self, field: str, kind: str, data: bytes) -> None:
        stored = objects.store(self.keyring, kind, data)
        with transaction.atomic():
            row = self._locked()
            if row is not None:
                old = getattr(row, field)
                type(row).objects.filter(id=row.id).update(**{field: stored})
                objects.erase(old)
        if row is None:
            objects.erase(stored)
            raise JobStopped
        setattr(self.row, field, stored)

    def _held(self):
        """The row, in a query; none once it is retired, or another attempt teaches it."""
        return type(self.row).objects.filter(id=self.row.id, state=Learned.State.TRAINING, learner=self.claim)

    def _locked(self) -> Learned | None:
        """The row, locked, in a transaction; None once nothing of this attempt may be kept any more."""
        return self._held().select_for_update().first()


def _plain(value):
    """A number or word fit for JSON."""
    return value.item() if isinstance(value, np.generic) else value
