"""From where a training goes on: the newest checkpoint that can be read."""

import logging
from dataclasses import dataclass, field

from generator.engine.checkpoint import Checkpoint, CheckpointError
from generator.models import Learned
from twinvault.custody import objects
from twinvault.custody.models import StoredObject
from twinvault.custody.stream import StreamDamaged

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Resumption:
    """checkpoint: None to begin at the beginning. notices: sentences about what could not be read. damaged: whether the newest
    is of no use, and the one before it must be kept."""

    checkpoint: Checkpoint | None
    notices: list[str] = field(default_factory=list)
    damaged: bool = False


def resume(row: Learned) -> Resumption:
    """Reads the last checkpoint of a twin or a base, or the one before it if the last is damaged."""
    held = [stored for stored in (row.checkpoint, row.checkpoint_before) if stored is not None]
    for place, stored in enumerate(held):
        checkpoint = _read(row, stored)
        if checkpoint is None:
            continue
        log.info("%s %s goes on after %d faces seen", type(row).__name__, row.id, checkpoint.images_seen)
        if not place:
            return Resumption(checkpoint)
        told = f"What was stored last was damaged: it goes on from the one before, at {checkpoint.images_seen:,} faces."
        return Resumption(checkpoint, [told], damaged=True)
    told = ["What was stored of the training was damaged: it begins again at the beginning."] if held else []
    return Resumption(None, told, damaged=bool(held))


def _read(row: Learned, stored: StoredObject) -> Checkpoint | None:
    try:
        return Checkpoint.from_bytes(objects.read(stored))
    except (CheckpointError, StreamDamaged, FileNotFoundError) as error:
        log.error("a checkpoint of %s %s (object %s) cannot be used: %s", type(row).__name__, row.id, stored.id, error)
        return None
