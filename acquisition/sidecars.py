"""Verbs on files that lie beside footage. Only what they say of its date is kept, and goes with the footage."""

from pathlib import PurePosixPath
from typing import BinaryIO
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from acquisition.dates import note_when, set_when
from acquisition.dating.sidecars import LARGEST, beginning_of, belongs, name_of, read_sidecar
from acquisition.models import Footage, Sidecar
from twinvault.vaults.models import Vault


class SidecarRefused(Exception):
    """The file says nothing of any footage. The message is one sentence for the person."""


@transaction.atomic
def keep_sidecar(vault: Vault, filename: str, source: BinaryIO, *, folder: str = "", batch: UUID | None = None) -> str:
    """Notes what a sidecar says, for the footage that is here and for what still comes; a sentence says which.

    SidecarRefused if it is no sidecar, or says no date that can be believed.
    """
    content = source.read(LARGEST + 1)
    dating = (
        read_sidecar(content, PurePosixPath(filename).suffix.lower(), timezone.localdate()) if len(content) <= LARGEST else None
    )
    if dating is None:
        raise SidecarRefused(
            f"{filename} does not say when footage was filmed: of such files, Google Takeout's .json and the .xmp of photo "
            "programs are read."
        )
    # the same one again
    Sidecar.objects.filter(vault=vault, folder=folder, batch=batch, filename=filename).delete()
    sidecar = Sidecar(vault=vault, folder=folder, batch=batch, filename=filename)
    set_when(sidecar, dating.in_zone(timezone.get_current_timezone()))
    sidecar.save(force_insert=True)
    name = name_of(filename)
    near = vault.footage.filter(folder=folder, filename__startswith=name.beginning)
    fitting = [footage for footage in near if belongs(name, footage.filename)]
    fitting = [footage for footage in fitting if footage.batch == batch] or fitting
    for footage in fitting:
        note_when(footage)
    return _sentence(sidecar, fitting)


def _sentence(sidecar: Sidecar, fitting: list[Footage]) -> str:
    whose = fitting[0].filename if fitting else name_of(sidecar.filename).base
    says = f"{sidecar.filename} dates {whose}: {sidecar.filmed_in_words}"
    if not fitting:
        return f"{says}. It is not here yet; the date is kept until it comes."
    if len({footage.filename for footage in fitting}) < len(fitting):
        return f"{says}. Several pieces of footage are called so: send it together with its own."
    if all(footage.filmed_source == sidecar.filmed_source for footage in fitting):
        return f"{says}."
    return f"{says}. A better date is known already."


def forget_sidecars(footage: Footage) -> None:
    """Forgets what was said of a piece of footage, unless it was said of another one, too."""
    near = Sidecar.objects.filter(
        vault=footage.vault_id, folder=footage.folder, filename__startswith=beginning_of(footage.filename)
    )
    others = footage.vault.footage.exclude(id=footage.id).filter(
        folder=footage.folder, filename__startswith=beginning_of(footage.filename)
    )
    names = list(others.values_list("filename", flat=True))
    for sidecar in near:
        name = name_of(sidecar.filename)
        if belongs(name, footage.filename) and not any(belongs(name, other) for other in names):
            sidecar.delete()
