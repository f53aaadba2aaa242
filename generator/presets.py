"""Which size of face to learn: what each preset needs, and which one fits a person's footage, time and machine.

Knows no torch, for pages ask it as well. Memory is reckoned by a formula that was held against measured peaks; the minutes are
rules of thumb, from how many faces a second each preset sees, and no quality was measured for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from generator.engine.config import PRESETS, TwinConfig

Device = Literal["cpu", "cuda"]

_MIB = 2**20
_PROGRAM = 500 * _MIB  # Python, torch and the libraries that see faces
_FLOATS_OF_STATE = 13  # weights, gradients, two moments, averages; a good copy of four; a checkpoint as bytes, twice for a moment
_MAPS = 1.5  # floats that a step holds for each activation: bfloat16, of which some are kept twice and some in float32


@dataclass(frozen=True)
class Needs:
    """What a preset is for. minutes: from which on it looks better than the one before, by device. face_pixels: how wide a face
    must be in the footage for the size to show anything more. memory: GB at the peak with USUAL_FACES, the next half."""

    words: str
    minutes: dict[Device, float]
    face_pixels: int
    memory: float

    @property
    def told(self) -> str:
        return f"{self.words}; {self.memory:g} GB of memory"


USUAL_FACES = 2000  # of both sides together
NEEDS: dict[str, Needs] = {
    "quick": Needs("96 pixels: minutes on any computer", {"cpu": 0, "cuda": 0}, 0, 1),
    "standard": Needs("128 pixels: an hour on a computer, minutes on a GPU", {"cpu": 30, "cuda": 2}, 100, 1.5),
    "fine": Needs("256 pixels: a night on a computer, an hour on a GPU", {"cpu": 480, "cuda": 20}, 200, 4.5),
    "studio": Needs("384 pixels: a GPU for hours, and footage with large faces", {"cpu": 2880, "cuda": 90}, 320, 9),
}
ENOUGH_FACES = {"fine": 300, "studio": 800}


def memory_needed(config: TwinConfig, faces: int, parameters: int) -> int:
    """Bytes that a training in bfloat16 needs at its peak; float32 takes up to twice as much.

    Measured on two cores with few faces: `quick` 598 MiB, `standard` 825, `fine` 2,596; the formula is within a third.
    faces: of both sides together. parameters: of the network.
    """
    pixels = config.size**2
    values = 0.0
    for level, (channels, depth) in enumerate(zip(config.dims, config.depths, strict=True)):
        # encoder and decoder: each block keeps its input, what its norm gives, and twice the widened map
        values += 2 * depth * channels * (2 + 2 * config.expansion) * pixels / 16 / 4**level
    values += config.detail_dim * 4 * pixels / 4 + 60 * pixels  # the decoder's end, and pictures as they are drawn and judged
    activations = values * 4 * _MAPS * 2 * config.batch
    held = faces * pixels * 6 * 2
    return int(_PROGRAM + parameters * 4 * _FLOATS_OF_STATE + activations + held)


def choose_preset(
    device: Device, minutes: float, faces: int, face_pixels: float | None = None, memory: int | None = None
) -> tuple[str, str]:
    """The largest preset that everything allows, and one sentence that says why it is not a larger one.

    minutes: how long it may learn. faces: of the subject. face_pixels: usual width of a face in the footage, None when unknown.
    memory: bytes that the device has free, None when unknown.
    """
    chosen, why = "quick", ""
    for name in list(NEEDS)[1:]:
        needs = NEEDS[name]
        size = PRESETS[name].size
        machine = "a GPU" if device == "cuda" else "a computer without a GPU"
        least = needs.minutes[device]
        if minutes < least:
            why = f"{size} pixels would take {_time(least)} on {machine}"
        elif face_pixels is not None and face_pixels < needs.face_pixels:
            why = f"faces in the footage are {face_pixels:.0f} pixels wide, and {size} would show no more of them"
        elif faces < ENOUGH_FACES.get(name, 0):
            why = f"{size} pixels want {ENOUGH_FACES[name]} faces, and there are {faces}"
        elif memory is not None and memory < memory_needed(PRESETS[name], faces * 2, PARAMETERS[name]):
            need = memory_needed(PRESETS[name], faces * 2, PARAMETERS[name]) / 2**30
            why = f"{size} pixels need {need:.1f} GB of memory, and {memory / 2**30:.1f} are free"
        else:
            chosen = name
            continue
        break
    size = PRESETS[chosen].size
    return chosen, f"{size} pixels, since {why}." if why else f"{size} pixels, the largest: footage, time and machine allow it."


PARAMETERS = {"quick": 1_660_000, "standard": 1_660_000, "fine": 7_800_000, "studio": 9_400_000}


def _time(minutes: float) -> str:
    return f"{minutes:.0f} minutes" if minutes < 120 else f"{minutes / 60:.0f} hours"
