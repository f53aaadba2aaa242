"""Twins and their previews, as the safe erases, exports and imports them."""

from collections.abc import Iterator
from uuid import UUID

from generator.models import Preview, Twin
from twinvault.custody.objects import destroy_keys
from twinvault.jobs.models import Job
from twinvault.safe.holdings import Holding, Rows
from twinvault.safe.models import Scope
from twinvault.vaults.models import Vault

HELD = ("weights_id", "checkpoint_id", "checkpoint_before_id", "identity_id", "statistics_id")


def rows(vault: Vault) -> list[Rows]:
    # one that has not learned to its end goes on from a checkpoint, which is not exported
    whole = vault.twins.exclude(state=Twin.State.TRAINING)
    return [Rows(whole), Rows(Preview.objects.filter(twin__in=whole))]


def erase(vault: Vault, scope: Scope) -> None:
    Preview.objects.filter(twin__vault=vault, sheet__wrapped_key=b"").delete()
    if scope != Scope.SOURCES:
        # a training that was stopped may have stored its state after the keys were destroyed
        for column in HELD:
            destroy_keys(vault.twins.exclude(**{column: None}).values_list(column, flat=True))
        destroy_keys(Preview.objects.filter(twin__vault=vault).values_list("sheet_id", flat=True))
        Preview.objects.filter(twin__vault=vault).delete()
        Job.objects.filter(target_id__in=vault.twins.values("id")).delete()
        vault.twins.all().delete()


def paths(vault: Vault) -> Iterator[tuple[UUID, str]]:
    for twin in vault.twins.select_related("life_stage").prefetch_related("previews"):
        folder = f"twins/{twin.learned_from.replace('/', '_')}, version {twin.version}"
        for what in ("weights", "identity", "statistics"):
            if stored_id := getattr(twin, f"{what}_id"):
                yield stored_id, f"{folder}/{what}"
        for preview in twin.previews.all():
            yield preview.sheet_id, f"{folder}/after {preview.images_seen} faces.png"


HOLDING = Holding("generator", models=(Twin, Preview), rows=rows, erase=erase, paths=paths)
