"""Twins, their previews and their upkeep, as the safe erases, exports and imports them."""

from collections.abc import Iterator
from uuid import UUID

from generator.models import Preview, Twin, Upkeep
from generator.services import HELD
from twinvault.custody.objects import destroy_keys
from twinvault.jobs.models import Job
from twinvault.safe.holdings import Holding, Rows
from twinvault.safe.models import Scope
from twinvault.vaults.models import Vault


def rows(vault: Vault) -> list[Rows]:
    # one that has not learned to its end goes on from a checkpoint, which is not exported
    # the oldest first: others may have started from it; a house base belongs to the house and does not go along
    whole = vault.twins.exclude(state=Twin.State.TRAINING).order_by("created_at")
    return [Rows(whole), Rows(Preview.objects.filter(twin__in=whole)), Rows(Upkeep.objects.filter(vault=vault))]


def erase(vault: Vault, scope: Scope) -> None:
    Preview.objects.filter(twin__vault=vault, sheet__wrapped_key=b"").delete()
    if scope != Scope.SOURCES:
        # a training that was stopped may have stored its state after the keys were destroyed
        for column in HELD:
            destroy_keys(vault.twins.exclude(**{column: None}).values_list(f"{column}_id", flat=True))
        destroy_keys(Preview.objects.filter(twin__vault=vault).values_list("sheet_id", flat=True))
        Preview.objects.filter(twin__vault=vault).delete()
        Job.objects.filter(target_id__in=vault.twins.values("id")).delete()
        vault.twins.all().delete()
        Upkeep.objects.filter(vault=vault).delete()


def paths(vault: Vault) -> Iterator[tuple[UUID, str]]:
    for twin in vault.twins.select_related("life_stage").prefetch_related("previews"):
        folder = f"twins/{twin.learned_from.replace('/', '_')}, version {twin.version}"
        for what in ("weights", "identity", "looks", "statistics"):
            if stored_id := getattr(twin, f"{what}_id"):
                yield stored_id, f"{folder}/{what}"
        for preview in twin.previews.all():
            yield preview.sheet_id, f"{folder}/after {preview.images_seen} faces.png"


HOLDING = Holding("generator", models=(Twin, Preview, Upkeep), rows=rows, erase=erase, paths=paths)
