"""What would make a film better that missed its marks: footage above all, told from what the faces of its life stage cover."""

from collections.abc import Iterable

from generator.marks import DIRECTION, EXPRESSION, FACES, LIGHT, LONGER, TEMPLATE, Mark
from generator.models import Twin
from processing import counting
from processing.engine import coverage
from twinvault.vaults.models import Vault

MOST = 5

# where the dataset lacks nothing that it is asked for, or is sealed
_IN_GENERAL = {
    EXPRESSION: "Footage in which {name} talks and laughs, so that mouth and eyes are seen open and shut, helps most.",
    DIRECTION: "Footage in which {name} turns the head, as the actor of this video does, helps.",
    LIGHT: "Footage of {name} in other light, such as that of this video, helps.",
}


def advice_for(twin: Twin, missed: Iterable[Mark], reader: Vault) -> list[str]:
    """Up to five sentences for the person, what would help most first.

    twin: which plays the role that missed these marks, with its life stage and subject. reader: the vault whose members read it;
    what the faces of another one lack is not told them.
    """
    stage = twin.life_stage
    subject = stage.subject
    counted = counting.counted(stage) if subject.vault == reader and not reader.is_locked else None
    said: list[str] = []
    for helps in dict.fromkeys(each for mark in missed for each in mark.helps):
        if helps == FACES:
            light = f" in {twin.learned_from.split(', ', 1)[1]}" if twin.condition else ""
            said.append(
                f"Add footage of {subject.name} ({stage.name}){light} from another day, near and sharp, and begin a new version: "
                f"this one learned from {twin.faces} faces."
            )
        elif helps == LONGER:
            said.append(f"Let a new version learn longer: this one had {_minutes(twin.train_seconds)}.")
        elif helps == TEMPLATE:
            said.append("Choose another video, in which the face is near, little hidden and evenly lit.")
        else:
            lacking = coverage.advice(counted.coverage, subject.name, {helps})[:2] if counted and counted.kept else []
            said += lacking or [_IN_GENERAL[helps].format(name=subject.name)]
    return said[:MOST]


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
