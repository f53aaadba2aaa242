"""Verbs on films: order one, revoke one. How one is made is in `making`, which only workers load."""

from django.db import transaction

from generator.matchmaking import match
from generator.models import Twin
from generator.productions.models import Film
from generator.productions.storyboard import Storyboard
from generator.refreshing import twin_that_knows
from templates_library import services as library
from templates_library.models import TemplateRevision
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.jobs.services import enqueue
from twinvault.vaults.models import LifeStage, Vault
from twinvault.vaults.services import NotAllowed, require_consent


@transaction.atomic
def order_film(
    vault: Vault,
    *,
    revision: TemplateRevision,
    storyboard: Storyboard,
    by,
    twin: Twin | None = None,
    life_stage: LifeStage | None = None,
) -> Film:
    """A film of this vault's twin in an approved template, queued to be rendered.

    Without a twin the one that fits the template is picked, of `life_stage` if that is given; the film says why. A twin that has
    not learned with the template yet is refreshed first (`refreshing`); the film is of the refreshed version, and its rendering
    is queued once that is ready.

    NotAllowed where consent, twin or template do not allow it; StoryboardError where the storyboard cannot be filmed.
    """
    if twin and twin.vault_id != vault.id:
        raise ValueError("the twin is of another vault")
    require_consent(vault.subject)
    library.require_orderable(revision)
    storyboard.validate(template_seconds=revision.seconds)
    because = ""
    if twin is None:
        found = match(vault, revision, life_stage)
        twin, because = found.twin, found.because
    if twin.state != Twin.State.READY:
        raise NotAllowed(f"{twin} is {twin.get_state_display()}: choose a twin that is ready.")
    twin = twin_that_knows(twin, revision, by=by)
    film = Film.objects.create(
        vault=vault,
        twin=twin,
        revision=revision,
        template_title=revision.template.title,
        kind=storyboard.kind,
        chosen_because=because,
        storyboard=objects.store(vault.keyring, "storyboard", storyboard.to_json().encode(), "application/json"),
        ordered_by=by,
    )
    record("film ordered", actor=by, vault_id=vault.id, target=film, template=str(revision.id), twin=str(twin.id))
    if twin.state == Twin.State.READY:
        title = f"Film: {revision.template.title}"
        enqueue("render_film", film.id, queue="gpu", title=title, vault=vault, user=by)
    return film


@transaction.atomic
def revoke_film(film: Film, *, by) -> None:
    """The film is erased and cannot be played any more; the row stays and says so."""
    if not Film.objects.filter(id=film.id).exclude(state=Film.State.REVOKED).update(state=Film.State.REVOKED, content=None):
        return
    objects.erase(film.content)
    record("film revoked", actor=by, vault_id=film.vault_id, target=film)
