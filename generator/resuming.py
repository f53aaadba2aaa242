"""From where a training goes on: the newest checkpoint that can be read."""

import logging
from dataclasses import dataclass, field

from generator.engine.checkpoint import Checkpoint, CheckpointError
from generator.models import Twin
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


def resume(twin: Twin) -> Resumption:
    """Reads the last checkpoint of a twin, or the one before it if the last is damaged."""
    held = [stored for stored in (twin.checkpoint, twin.checkpoint_before) if stored is not None]
    for place, stored in enumerate(held):
        checkpoint = _read(twin, stored)
        if checkpoint is None:
            continue
        log.info("twin %s goes on after %d faces seen", twin.id, checkpoint.images_seen)
        if not place:
            return Resumption(checkpoint)
        told = f"What was stored last was damaged: it goes on from the one before, at {checkpoint.images_seen:,} faces."
        return Resumption(checkpoint, [told], damaged=True)
    told = ["What was stored of the training was damaged: it begins again at the beginning."] if held else []
    return Resumption(None, told, damaged=bool(held))


def _read(twin: Twin, stored: StoredObject) -> Checkpoint | None:
    try:
        return Checkpoint.from_bytes(objects.read(stored))
    except (CheckpointError, StreamDamaged, FileNotFoundError) as error:
        log.error("a checkpoint of twin %s (object %s) cannot be used: %s", twin.id, stored.id, error)
        return None
