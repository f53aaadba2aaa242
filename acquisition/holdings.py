"""Footage and uploads, as the safe erases, exports and imports them."""

from collections.abc import Iterator
from uuid import UUID

from django.db import transaction

from acquisition.models import Footage, Sidecar, Upload
from acquisition.queries import jobs_of_footage
from acquisition.services import queue_analysis
from twinvault.custody.objects import incoming_path
from twinvault.safe.holdings import Holding, Rows
from twinvault.safe.models import Scope
from twinvault.vaults.consents import has_consent
from twinvault.vaults.models import Vault


def rows(vault: Vault) -> list[Rows]:
    return [Rows(Footage.objects.filter(vault=vault)), Rows(Sidecar.objects.filter(vault=vault))]


def destroy_keys(vault: Vault, _scope: Scope) -> None:
    """What is still coming in can be decrypted by a key in its own row."""
    Upload.objects.filter(vault=vault).update(wrapped_key=b"", tail=b"")


def erase(vault: Vault, scope: Scope) -> None:
    gone = Footage.objects.filter(vault=vault)
    if scope != Scope.VAULT:
        gone = gone.filter(content__wrapped_key=b"")
    for footage in gone.iterator():
        jobs_of_footage(footage).delete()
    for upload_id in vault.uploads.filter(wrapped_key=b"").values_list("id", flat=True):
        path = incoming_path(upload_id)
        transaction.on_commit(lambda path=path: path.unlink(missing_ok=True))
    vault.uploads.filter(wrapped_key=b"").delete()
    gone.delete()
    vault.timeline_changes.all().delete()
    vault.sidecars.all().delete()


def paths(vault: Vault) -> Iterator[tuple[UUID, str]]:
    for content_id, stage, filename in vault.footage.values_list("content_id", "life_stage__name", "filename"):
        # a slash in a name would be a folder
        yield content_id, f"originals/{stage.replace('/', '_')}/{filename.replace('/', '_')}"


def look_at_what_waits(vault: Vault, by) -> None:
    """What came in while the safe was sealed, or no consent was in force, could not be looked at; now it can."""
    for footage in vault.footage.filter(state=Footage.State.WAITING).select_related("life_stage"):
        if has_consent(vault.subject, footage.life_stage):
            queue_analysis(footage, by=by)


HOLDING = Holding("acquisition", models=(Footage, Sidecar), rows=rows, destroy_keys=destroy_keys, erase=erase, paths=paths)
