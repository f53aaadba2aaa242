"""Twins that new footage would make better: offered on their pages, or begun by itself where a vault wants that."""

from dataclasses import dataclass

from generator import services
from generator.models import Twin
from processing import dataset_queries
from processing import queries as faces
from twinvault.vaults.models import Vault
from twinvault.vaults.services import NotAllowed

# so many new faces, and so much more than before, are worth another training
FEWEST_NEW, LEAST_SHARE = 60, 0.2


@dataclass(frozen=True)
class Growth:
    """What has come since a twin learned. twin: the newest of its stage of life and light. new: faces."""

    twin: Twin
    new: int

    @property
    def is_enough(self) -> bool:
        return self.new >= max(FEWEST_NEW, LEAST_SHARE * _then(self.twin))


def _then(twin: Twin) -> int:
    """Faces that could be learned from when it was begun; of older installations it is only known how many it learned from."""
    return twin.kept or twin.faces


def growth(vault: Vault) -> list[Growth]:
    """Of the newest version of each stage of life and light, if it is ready. Empty while the vault is sealed, when nothing
    can be learned. The same few queries however many twins there are.
    """
    if vault.is_locked:
        return []
    newest: dict[tuple, Twin] = {}
    # a refresh has seen nothing new of its person
    trained = vault.twins.filter(refreshed_from=None).exclude(state=Twin.State.RETIRED)
    for twin in trained.select_related("life_stage__subject").order_by("version"):
        newest[twin.life_stage_id, twin.condition] = twin
    ready = [twin for twin in newest.values() if twin.state == Twin.State.READY]
    if not ready:
        return []
    kept = {stage.id: counts.kept for stage, counts in faces.counts_by_stage(vault)}
    counted = dataset_queries.counted_of(vault) if any(twin.condition for twin in ready) else {}

    def now(twin: Twin) -> int:
        if not twin.condition:
            return kept.get(twin.life_stage_id, 0)
        of_stage = counted.get(twin.life_stage_id)
        return of_stage.conditions.get(twin.condition, 0) if of_stage else 0

    return [Growth(twin, max(0, now(twin) - _then(twin))) for twin in ready]


def update_twin(twin: Twin, *, by) -> Twin:
    """A new version of a twin, from the faces that are there now: as long as it learned, of the same size, warm from the last.

    NotAllowed as `start_twin`.
    """
    seconds = twin.train_seconds
    while twin.refreshed_from is not None:
        twin = twin.refreshed_from
        seconds = twin.train_seconds
    return services.start_twin(twin.life_stage, preset=twin.preset, seconds=seconds, condition=twin.condition, by=by)


def keep_twins() -> None:
    """Called again and again by every worker: begins new versions in the vaults that want this by itself."""
    for vault in Vault.objects.filter(upkeep__by_itself=True).select_related("keyring__archive", "subject"):
        for one in growth(vault):
            if not one.is_enough:
                continue
            try:
                update_twin(one.twin, by=None)
            except NotAllowed:
                # no consent, no template, or another worker was quicker: the page says so to whoever asks for it there
                continue
