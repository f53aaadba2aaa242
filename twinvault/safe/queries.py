"""Reads on a safe: what it holds, and how it stands."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet, Sum

from twinvault.custody.models import StoredObject
from twinvault.jobs.models import Job
from twinvault.safe.models import Erasure, Export
from twinvault.safe.services import SEAL
from twinvault.vaults.models import Vault

WORDS = (
    ("Footage, as it was brought in", ("footage",)),
    ("Faces found in it, and their measures", ("pack", "descriptors", "counts", "reference")),
    ("Pictures of how twins learned", ("preview",)),
    ("Learned faces", ("weights", "checkpoint", "identity", "statistics")),
    ("Films and storyboards", ("film", "storyboard")),
    ("Else", ()),
)


@dataclass
class Held:
    """One line of what a safe holds. `sealed` counts the objects that the server cannot open by itself."""

    words: str
    objects: int = 0
    bytes: int = 0
    sealed: int = 0


def held(vault: Vault) -> list[Held]:
    """What lies in the vault, by what it is to a person; lines with nothing are left out. One query."""
    rows = StoredObject.objects.filter(keyring_id=vault.keyring_id).exclude(kind="export").exclude(wrapped_key=b"").order_by()
    sums = rows.values_list("kind").annotate(objects=Count("id"), size=Sum("size"), sealed=Count("id", filter=Q(sealed=True)))
    return _in_words(sums)


def erased(erasure: Erasure) -> list[Held]:
    """What an erasure took away, in the same words."""
    return _in_words((kind, objects, size, 0) for kind, (objects, size) in erasure.counts.items())


def _in_words(sums: Iterable[tuple[str, int, int, int]]) -> list[Held]:
    """(kind, objects, bytes, sealed) -> lines; what has no words of its own is put together in the last."""
    lines = [Held(words) for words, _ in WORDS]
    line_of = {kind: line for (_, kinds), line in zip(WORDS, lines, strict=True) for kind in kinds}
    for kind, objects, size, sealed in sums:
        line = line_of.get(kind, lines[-1])
        line.objects, line.bytes, line.sealed = line.objects + objects, line.bytes + size, line.sealed + sealed
    return [line for line in lines if line.objects]


def total(lines: list[Held]) -> Held:
    return Held("All", sum(line.objects for line in lines), sum(line.bytes for line in lines), sum(line.sealed for line in lines))


def sealing_job(vault: Vault) -> Job | None:
    return vault.jobs.filter(kind=SEAL).select_related("vault").first()


def exports_of(vault: Vault) -> QuerySet[Export]:
    """Those that can still be downloaded, or are being put together."""
    return vault.exports.exclude(state=Export.State.OVER).select_related("asked_by")


def erasures_of(vault: Vault) -> QuerySet[Erasure]:
    return Erasure.objects.filter(vault_id=vault.id).select_related("asked_by")
