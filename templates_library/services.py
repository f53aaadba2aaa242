"""Verbs on templates: submit, revise, review, withdraw. Preparation is in `preparation`.

Approval belongs to a revision. Two members of the board, neither its author nor the template's submitter, approve the latest
revision; one rejection closes it; any one member withdraws the template at once.
"""

import mimetypes
from typing import BinaryIO

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from processing.engine.decoding import probe
from processing.engine.media import MediaError, MediaInfo
from templates_library.models import Review, Template, TemplateRevision
from templates_library.poster import make_poster
from templates_library.preparation import PREPARATION, prepare_revision
from templates_library.queries import withdrawn_sentence
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.custody.keys import new_keyring
from twinvault.custody.models import Keyring
from twinvault.jobs.models import Job
from twinvault.jobs.services import enqueue, stop
from twinvault.vaults.reviewing import APPROVALS_NEEDED, UnderReview, require_board_member, require_may_review
from twinvault.vaults.services import NotAllowed

__all__ = [
    "NotAllowed",
    "Unsuitable",
    "add_revision",
    "is_orderable",
    "prepare_again",
    "prepare_outdated",
    "prepare_revision",
    "require_orderable",
    "review",
    "submit",
    "withdraw",
]

SHORTEST_S, LONGEST_S = 1.0, 300.0


class Unsuitable(ValueError):
    """The file cannot be a template. The message is one sentence for the person."""


def library_keyring() -> Keyring:
    """The key of the template library, made when the first template comes."""
    return Keyring.objects.filter(purpose="library").order_by("created_at").first() or new_keyring("library")


def submit(user, title: str, description: str, source: BinaryIO, filename: str) -> Template:
    """A new template with its first revision, waiting for the board. Unsuitable if the file cannot be one.

    source: seekable binary reader of the whole video.
    """
    info = _suitable(source, filename)
    with transaction.atomic():
        template = Template.objects.create(title=title, description=description, submitted_by=user)
        revision = _revision(template, 1, user, info, source, filename)
        record("template submitted", actor=user, target=template, revision=str(revision.id))
    return template


def add_revision(template: Template, user, source: BinaryIO, filename: str) -> TemplateRevision:
    """A new version, which starts with no approval; those approved before stay approved. For its submitter and the board."""
    if user.pk != template.submitted_by_id and not user.is_board_member:
        raise NotAllowed("Only who submitted a template, and the board, may send a new version of it.")
    info = _suitable(source, filename)
    with transaction.atomic():
        _open_template(template)
        number = template.revisions.order_by("-number").values_list("number", flat=True)[0] + 1
        revision = _revision(template, number, user, info, source, filename)
        record("template revised", actor=user, target=template, revision=str(revision.id), number=number)
    return revision


def _suitable(source: BinaryIO, filename: str) -> MediaInfo:
    try:
        info = probe(source)
    except MediaError as error:
        raise Unsuitable(str(error)) from error
    if info.kind != "video":
        raise Unsuitable(f"{filename} is a picture, and a template is a video: send a film of 1 second to 5 minutes.")
    if not SHORTEST_S <= info.seconds <= LONGEST_S:
        raise Unsuitable(f"{filename} is {info.seconds:.1f} seconds long: send a film of 1 second to 5 minutes.")
    return info


def _revision(template: Template, number: int, author, info: MediaInfo, source: BinaryIO, filename: str) -> TemplateRevision:
    keyring = library_keyring()
    poster = make_poster(source)
    source.seek(0)
    guessed = mimetypes.guess_type(filename)[0] or ""
    content_type = guessed if guessed.startswith("video/") else "video/mp4"
    return TemplateRevision.objects.create(
        template=template,
        number=number,
        author=author,
        content=objects.store_stream(keyring, "template", source, content_type),
        poster=objects.store(keyring, "poster", poster, "image/jpeg"),
        width=info.width,
        height=info.height,
        frames=info.frames,
        rate=info.rate,
        seconds=info.seconds,
        has_audio=info.has_audio,
    )


def _open_template(template: Template) -> Template:
    """The template's row, locked: reviews, new revisions and withdrawals come one after the other. NotAllowed if withdrawn."""
    locked = Template.objects.select_for_update().get(id=template.id)
    if locked.withdrawn_at:
        raise NotAllowed(withdrawn_sentence(locked))
    return locked


@transaction.atomic
def review(revision: TemplateRevision, reviewer, decision: str, comment: str = "") -> Review:
    """One board member's word on the latest revision of a template. The second approval approves it and queues its preparation.

    NotAllowed for anybody who is no active board member (superusers included), for its author and the template's submitter, on
    a revision that is not the latest or is decided already, and for a second word of the same member.
    """
    decision = Review.Decision(decision)
    template = _open_template(revision.template)
    revision = TemplateRevision.objects.get(id=revision.id)
    _may_review(revision, template, reviewer)
    try:
        with transaction.atomic():
            given = Review.objects.create(revision=revision, reviewer=reviewer, decision=decision, comment=comment)
    except IntegrityError as error:
        raise NotAllowed("You have given your word on it already.") from error
    record(f"template revision {decision.label}", actor=reviewer, target=revision, template=str(template.id))
    approvals = revision.reviews.filter(decision=Review.Decision.APPROVE).count()
    if decision == Review.Decision.APPROVE and approvals >= APPROVALS_NEEDED:
        _approve(revision, template, reviewer)
    return given


def _may_review(revision: TemplateRevision, template: Template, reviewer) -> None:
    asked = UnderReview(
        thing="template",
        author=revision.author_id,
        submitter=template.submitted_by_id,
        is_latest=not template.revisions.filter(number__gt=revision.number).exists(),
        is_approved=revision.approved_at is not None,
        is_rejected=revision.reviews.filter(decision=Review.Decision.REJECT).exists(),
    )
    require_may_review(reviewer, asked)


def _approve(revision: TemplateRevision, template: Template, reviewer) -> None:
    approved = TemplateRevision.objects.filter(
        id=revision.id, approved_at__isnull=True, template__withdrawn_at__isnull=True
    ).update(approved_at=timezone.now())
    if approved:
        record("template revision approved by the board", actor=reviewer, target=revision, template=str(template.id))
        _enqueue_preparation(revision, template, reviewer)


def _enqueue_preparation(revision: TemplateRevision, template: Template, by) -> Job:
    return enqueue("prepare_template", revision.id, queue="cpu", title=f"Preparing the template {template.title}"[:200], user=by)


def prepare_outdated() -> None:
    """Queues the preparation of revisions in use that an older version prepared, once each. Safe to run anywhere, any time."""
    outdated = TemplateRevision.objects.filter(
        preparation=TemplateRevision.Preparation.READY,
        prepared_by__lt=PREPARATION,
        approved_at__isnull=False,
        template__withdrawn_at__isnull=True,
    )
    # one that was stopped, or that the new version could do nothing with, is the board's to begin again
    tried = Job.objects.filter(kind="prepare_template", target_id=OuterRef("id")).exclude(state=Job.State.DONE)
    for revision in outdated.exclude(Exists(tried)).select_related("template"):
        _enqueue_preparation(revision, revision.template, None)


@transaction.atomic
def prepare_again(revision: TemplateRevision, by) -> Job:
    """Queues the preparation of an approved revision once more. For the board."""
    template = _open_template(revision.template)
    require_board_member(by, "have a template prepared again")
    if not TemplateRevision.objects.filter(id=revision.id, approved_at__isnull=False).exists():
        raise NotAllowed("A template is prepared once the board has approved it.")
    record("template preparation asked for again", actor=by, target=revision)
    return _enqueue_preparation(revision, template, by)


@transaction.atomic
def withdraw(template: Template, by) -> None:
    """Any one board member ends the use of a template at once; work on it stops. Nothing brings it back but a new submission."""
    require_board_member(by, "withdraw templates")
    withdrawn = Template.objects.filter(id=template.id, withdrawn_at__isnull=True).update(
        withdrawn_at=timezone.now(), withdrawn_by=by
    )
    if withdrawn:
        record("template withdrawn", actor=by, target=template)
        revisions = template.revisions.values_list("id", flat=True)
        for job in Job.objects.filter(kind="prepare_template", target_id__in=list(revisions)):
            stop(job)
    template.refresh_from_db()


def is_orderable(revision: TemplateRevision) -> bool:
    """Approved, prepared and not withdrawn, as the database says at this moment."""
    return TemplateRevision.objects.filter(
        id=revision.id,
        approved_at__isnull=False,
        preparation=TemplateRevision.Preparation.READY,
        template__withdrawn_at__isnull=True,
    ).exists()


def require_orderable(revision: TemplateRevision) -> None:
    """NotAllowed, with the reason, unless a film may be made with this revision at this moment."""
    if is_orderable(revision):
        return
    current = TemplateRevision.objects.select_related("template").get(id=revision.id)
    title = current.template.title
    if current.template.withdrawn_at:
        raise NotAllowed(withdrawn_sentence(current.template))
    if current.approved_at is None:
        raise NotAllowed(f"The board has not approved this revision of the template “{title}”.")
    if current.preparation == TemplateRevision.Preparation.FAILED:
        raise NotAllowed(f"The template “{title}” cannot be used: {current.preparation_error}")
    raise NotAllowed(f"The template “{title}” is still being prepared: try again in a few minutes.")
