"""Verbs on footage. Access was checked by the gate before any of them is called."""

from collections.abc import Callable
from typing import BinaryIO
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from acquisition.dates import note_when, propose
from acquisition.files import clean_filename, clean_folder, content_type_for
from acquisition.models import Footage, Upload
from acquisition.queries import jobs_of_footage
from acquisition.removal import erase_what_was_made_from
from acquisition.sidecars import forget_sidecars
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.custody.models import StoredObject
from twinvault.jobs.models import Job
from twinvault.jobs.services import enqueue, stop
from twinvault.vaults.consents import has_consent, require_consent
from twinvault.vaults.models import LifeStage, Vault
from twinvault.vaults.services import is_locked

ANALYSE = "analyse_footage"


class FootageRefused(Exception):
    """The file cannot become footage of this vault. The message is one sentence for the person."""


def add_footage(
    vault: Vault,
    life_stage: LifeStage | None,
    filename: str,
    source: BinaryIO,
    *,
    by,
    folder: str = "",
    batch: UUID | None = None,
) -> Footage:
    """Keeps a file as footage of a life stage, or of the one that its date says, and queues its analysis.

    `source` is a seekable binary reader; `folder` is where the file lay, `batch` what was sent in the same go. FootageRefused if
    it is empty or in the vault already; NotAllowed without a consent in force.
    """
    require_consent(vault.subject)
    filename = clean_filename(filename)
    if not source.read(1):
        raise FootageRefused(f"{filename} is empty: there is nothing in it to keep.")
    source.seek(0)
    fingerprint = objects.fingerprint(vault.keyring, source)
    source.seek(0)
    return keep_footage(
        vault,
        life_stage,
        filename,
        fingerprint,
        lambda: objects.store_stream(vault.keyring, "footage", source, content_type_for(filename)),
        by=by,
        folder=folder,
        batch=batch,
    )


@transaction.atomic
def keep_footage(
    vault: Vault,
    life_stage: LifeStage | None,
    filename: str,
    fingerprint: str,
    take_content: Callable[[], StoredObject],
    *,
    by,
    folder: str = "",
    batch: UUID | None = None,
) -> Footage:
    """Makes the row of a piece of footage, and queues its analysis while a consent is in force and the safe is not sealed.

    A life stage is a person's choice and stays; without one it follows the date, and is a guess while there is none.
    `take_content` stores the bytes; it is called only once it is certain that they are new to the vault. FootageRefused if not.
    """
    Vault.objects.select_for_update().get(id=vault.id)
    earlier = Footage.objects.filter(vault=vault, fingerprint=fingerprint).first()
    if earlier:
        raise FootageRefused(
            f"{filename} is the same file as {earlier.filename}, "
            f"which was added to this vault on {timezone.localtime(earlier.added_at):%d %B %Y}."
        )
    if life_stage is None and not (first := vault.subject.life_stages.first()):
        raise FootageRefused(f"No stage of life is named yet that {filename} could belong to: name one first.")
    footage = Footage.objects.create(
        vault=vault,
        life_stage=life_stage or first,
        stage_source=Footage.StageSource.PERSON if life_stage else Footage.StageSource.GUESS,
        content=take_content(),
        fingerprint=fingerprint,
        filename=filename,
        folder=clean_folder(folder),
        batch=batch,
        added_by=by,
    )
    note_when(footage)
    record("footage added", actor=by, vault_id=vault.id, target=footage, bytes=footage.content.size)
    if has_consent(vault.subject, footage.life_stage) and not is_locked(vault):
        queue_analysis(footage, by=by)
    return footage


def queue_analysis(footage: Footage, *, by) -> Job:
    return enqueue(ANALYSE, footage.id, queue="cpu", title=f"Look at {footage.filename}"[:200], vault=footage.vault, user=by)


@transaction.atomic
def remove_footage(footage: Footage, *, by) -> None:
    """Erases the bytes, their key, and everything that was made from them; work on them stops."""
    for job in jobs_of_footage(footage):
        stop(job)
    erase_what_was_made_from(footage)
    record("footage removed", actor=by, vault_id=footage.vault_id, target=footage)
    content = footage.content
    Upload.objects.filter(footage=footage).delete()
    forget_sidecars(footage)
    footage.delete()
    objects.erase(content)
    # a guess may have named it
    propose(footage.vault, around=footage)
