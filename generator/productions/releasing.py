"""What an owner does with a film that was held back: let it out all the same. To erase it is to revoke it."""

from django.db import transaction

from generator.productions.models import Film
from templates_library import services as library
from twinvault.audit.record import record
from twinvault.vaults.consents import require_consent
from twinvault.vaults.services import NotAllowed


@transaction.atomic
def release_film(film: Film, reason: str, *, by) -> None:
    """The film is shown to everybody who may see the vault's films; why, and what it missed, is on record.

    reason: one of Film.Reason. NotAllowed if the film is not held back (any more), the consent was withdrawn, or its template
    was.
    """
    require_consent(film.vault.subject, film.twin.life_stage, film.kind)
    if film.revision is not None:
        library.require_orderable(film.revision)
    reason = Film.Reason(reason)
    if not Film.objects.filter(id=film.id, state=Film.State.HELD).update(state=Film.State.READY, released_because=reason):
        raise NotAllowed("This film is not held back any more: somebody may just have released or erased it.")
    missed = ", ".join(film.missed)
    record("film released", actor=by, vault_id=film.vault_id, target=film, missed=missed, reason=reason.value)
