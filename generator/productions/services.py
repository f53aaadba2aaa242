"""Verbs on films: order one, revoke one. How one is made is in `making`, which only workers load."""

from collections.abc import Mapping

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from generator.matchmaking import match
from generator.models import Twin
from generator.productions.models import Film, FilmPiece, FurtherPart
from generator.productions.storyboard import Storyboard
from generator.refreshing import twin_that_knows
from templates_library import services as library
from templates_library.models import TemplateRevision
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.jobs import sharing
from twinvault.jobs.models import Job
from twinvault.jobs.services import OPEN, enqueue
from twinvault.vaults.access import role_in
from twinvault.vaults.consents import require_consent
from twinvault.vaults.models import LifeStage, Role, Vault
from twinvault.vaults.services import NotAllowed

RENDER, HELP = "render_film", "help_render"


@transaction.atomic
def order_film(
    vault: Vault,
    *,
    revision: TemplateRevision,
    storyboard: Storyboard,
    by,
    twin: Twin | None = None,
    life_stage: LifeStage | None = None,
    role: int = 0,
    further: Mapping[int, Twin] | None = None,
) -> Film:
    """A film of this vault's twin in an approved template, queued to be rendered.

    Without a twin the one that fits the template is picked, of `life_stage` if that is given; the film says why. role: whose
    place it takes. further: by number of the role, who plays others; a twin of another vault only by an owner of that vault.
    Whoever plays no role is seen as they are. A twin that has not learned with the template yet is refreshed first
    (`refreshing`); the film is of the refreshed version, and its rendering is queued once all are ready.

    NotAllowed where consent, twin or template do not allow it; StoryboardError where the storyboard cannot be filmed.
    """
    if twin and twin.vault_id != vault.id:
        raise ValueError("the twin is of another vault")
    require_consent(vault.subject, kind=storyboard.kind)
    library.require_orderable(revision)
    storyboard.validate(template_seconds=revision.seconds)
    further = further or {}
    _require_roles(revision, [role, *further])
    because = ""
    if twin is None:
        found = match(vault, revision, life_stage, role)
        twin, because = found.twin, found.because
    for one in further.values():
        _require_may_lend(by, vault, one)
    for one in (twin, *further.values()):
        require_consent(one.vault.subject, one.life_stage, storyboard.kind)
        if one.state != Twin.State.READY:
            raise NotAllowed(f"{one} is {one.get_state_display()}: choose a twin that is ready.")
    twin = twin_that_knows(twin, revision, by=by)
    others = {number: twin_that_knows(one, revision, by=by) for number, one in sorted(further.items())}
    # a refresh that ends just now finds the film, or is found to have ended
    list(Twin.objects.select_for_update().filter(id__in={twin.id, *(one.id for one in others.values())}).order_by("id"))
    film = Film.objects.create(
        vault=vault,
        twin=twin,
        role=role,
        revision=revision,
        template_title=revision.template.title,
        kind=storyboard.kind,
        chosen_because=because,
        storyboard=objects.store(vault.keyring, "storyboard", storyboard.to_json().encode(), "application/json"),
        ordered_by=by,
    )
    FurtherPart.objects.bulk_create(FurtherPart(film=film, role=number, twin=one) for number, one in others.items())
    record("film ordered", actor=by, vault_id=vault.id, target=film, template=str(revision.id), twin=str(twin.id))
    for one in others.values():
        # the record of the vault that lends a face says so too
        record("twin cast", actor=by, vault_id=one.vault_id, target=one, film=str(film.id))
    begin_rendering(film)
    return film


def begin_rendering(film: Film) -> None:
    """Queues the rendering of an ordered film, unless somebody who plays in it learns still: then it follows once they have."""
    if not film.waits_for_twins:
        enqueue(RENDER, film.id, queue="gpu", title=f"Film: {film.template_title}", vault=film.vault, user=film.ordered_by)


def _require_roles(revision: TemplateRevision, numbers: list[int]) -> None:
    if len(set(numbers)) != len(numbers):
        raise NotAllowed("Two cannot play the same role: choose another role for one of them.")
    if not set(numbers) <= set(revision.roles.values_list("number", flat=True)):
        raise NotAllowed(f"“{revision.template.title}” has no such role (any more): look at its roles again.")


def _require_may_lend(by, vault: Vault, twin: Twin) -> None:
    """A face of another vault is seen by whoever may see films of this one, so only an owner of that vault lends it."""
    if twin.vault_id == vault.id:
        return
    if role_in(by, twin.vault_id) != Role.OWNER:
        raise NotAllowed("A twin of another vault is cast by an owner of that vault.")
    if twin.vault.is_locked:
        raise NotAllowed(f"The vault of {twin.vault.subject.name} is sealed: open it first.")


@transaction.atomic
def revoke_film(film: Film, *, by) -> None:
    """The film is erased and cannot be played any more; the row stays and says so. So is what there is of one that is being
    made."""
    # read anew: it may have been finished since
    current = Film.objects.select_for_update(of=("self",)).select_related("content").get(id=film.id)
    if current.state == Film.State.REVOKED:
        return
    Film.objects.filter(id=film.id).update(state=Film.State.REVOKED, content=None)
    objects.erase(current.content)
    forget_making(film)
    record("film revoked", actor=by, vault_id=film.vault_id, target=film)


@transaction.atomic
def forget_making(film: Film) -> None:
    """Ends the help with a rendering, and erases what it leaves behind on its way: the pieces, and the preview."""
    sharing.send_helpers_home(HELP, FilmPiece.objects.filter(film=film))
    rows = FilmPiece.objects.select_for_update(of=("self",)).filter(film=film).select_related("content")
    pieces = [piece.content for piece in rows]
    FilmPiece.objects.filter(film=film).delete()
    current = Film.objects.select_for_update(of=("self",)).select_related("preview").get(id=film.id)
    Film.objects.filter(id=film.id).update(preview=None)
    for stored in [*pieces, current.preview]:
        objects.erase(stored)


def forget_abandoned() -> None:
    """Erases what is left of renderings that nobody goes on with: their workers died, too often or before they were stopped.
    Safe to run anywhere, any time."""
    under_way = Job.objects.filter(kind=RENDER, target_id=OuterRef("id"), state__in=OPEN)
    begun = Film.objects.filter(Q(preview__isnull=False) | Exists(FilmPiece.objects.filter(film=OuterRef("id"))))
    for film in begun.exclude(Exists(under_way)):
        forget_making(film)
