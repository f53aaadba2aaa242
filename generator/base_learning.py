"""How a house base learns: from templates alone.

`library_faces` is the one place that faces come from, and it takes revisions of templates, nothing else; no vault, no life stage
and no footage is known to this module.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Exists
from django.utils import timezone

from generator import claims
from generator.bases import others_wait
from generator.descent import newest_base
from generator.engine.base import train_base as learn_base
from generator.engine.checkpoint import load_weights
from generator.engine.config import PRESETS, TwinConfig
from generator.engine.distributed import train_on_all
from generator.engine.faceset import FaceSet, FaceSetError, build_faceset
from generator.engine.training import TrainingError
from generator.keeping import Keeper
from generator.models import Base
from generator.resuming import Resumption, resume
from templates_library import preparation
from templates_library.models import TemplateRevision
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.custody.models import Keyring
from twinvault.jobs.models import Job
from twinvault.jobs.services import JobRefused, JobStopped

_READ = "checkpoint__keyring", "checkpoint_before__keyring", "statistics__keyring", "started_from__weights__keyring"


def train_base(base_id: UUID, work) -> None:
    """Job handler: learns a base, from its last checkpoint if it has one, else from the newest one that is ready.

    It makes way, with its state stored, once other work for the GPU waits; `bases.keep_bases` lets it go on.
    """
    base = Base.objects.select_related(*_READ).get(id=base_id)
    if base.state != Base.State.TRAINING:
        return
    claim = claims.take(base, work.job.id)
    try:
        _learn(Base.objects.select_related(*_READ).get(id=base.id), work, claim)
    finally:
        claims.release(base, claim)


def _learn(base: Base, work, claim: str) -> None:
    resumption = resume(base)
    config = resumption.checkpoint.config if resumption.checkpoint else PRESETS[base.preset]
    work.report(0.0, "Gathering faces of the templates")
    revisions = list(base.library.select_related("template", "content__keyring"))
    _require_allowed(revisions)
    try:
        library = library_faces(revisions, config)
    except FaceSetError as error:
        raise JobRefused(str(error)) from error
    keeper = _Keeper(base, work, claim, resumption, keyring=revisions[0].content.keyring)
    try:
        result = learn_base(
            config,
            library,
            train_on_all,
            seconds=base.train_seconds,
            checkpoint=resumption.checkpoint,
            base=None if resumption.checkpoint else _start(base, config),
            **keeper.callbacks(),
        )
    except TrainingError as error:
        raise JobRefused(str(error)) from error
    keeper.require_whole(result)
    keeper.finish(
        weights=result.weights,
        measures=result.metrics | {"config": config.to_dict(), "heldout_ssim": result.metrics["heldout_ssim_library"]},
        faces=len(library),
    )


def library_faces(revisions: Sequence[TemplateRevision], config: TwinConfig) -> FaceSet:
    """The actors' faces of these revisions, all that a base ever sees. FaceSetError if they are too few."""
    faces = preparation.library_face_set(revisions)
    return build_faceset(faces.images, faces.landmarks, faces.moments, config.size, faces.held_out)


def _require_allowed(revisions: Sequence[TemplateRevision]) -> None:
    """JobRefused if a template is not approved, not prepared or withdrawn."""
    for revision in revisions:
        ready = revision.approved_at and revision.preparation == TemplateRevision.Preparation.READY
        if not ready or revision.template.withdrawn_at:
            raise JobRefused(f"The template “{revision.template.title}” cannot be used any more: a new base will do without it.")


def _start(base: Base, config: TwinConfig) -> bytes | None:
    """The weights of the newest ready base, if it has the same network; the row says from now on that it started there."""
    before = newest_base(base.preset)
    weights = objects.read(before.weights) if before else None
    if weights is not None and not load_weights(weights).config.same_network(config):
        before, weights = None, None
    base.started_from = before
    base.save(update_fields=["started_from"])
    return weights


class _Keeper(Keeper):
    """As of a twin; what is kept lies under the key of the template library."""

    def __init__(self, base: Base, work, claim: str, resumption: Resumption, *, keyring: Keyring):
        super().__init__(base, work, claim, resumption)
        self._keyring = keyring
        self.withdrawn = self.made_way = False

    @property
    def keyring(self) -> Keyring:
        return self._keyring

    def ask(self) -> None:
        """A withdrawn template ends the training; others' work makes it stop for a while."""
        self.withdrawn = self.row.library.filter(template__withdrawn_at__isnull=False).exists()
        self.made_way = not self.withdrawn and others_wait()
        self.stopped = self.stopped or self.made_way

    def require_whole(self, result) -> None:
        if self.withdrawn:
            raise JobRefused("A template was withdrawn while this base was learning it: a new base will do without it.")
        if result.metrics.get("stopped"):
            if self.made_way:
                # one that somebody stopped meanwhile does not go on by itself
                asked = Job.objects.filter(id=self.work.job.id, stop_requested=True)
                makes_way = Base.objects.filter(id=self.row.id, state=Base.State.TRAINING).exclude(Exists(asked))
                makes_way.update(made_way_at=timezone.now())
            raise JobStopped

    def ready(self) -> None:
        record("base learned", target=self.row)
        if self.row.library.filter(template__withdrawn_at__isnull=False).exists():
            raise JobRefused("A template was withdrawn while this base was learning it: a new base will do without it.")
