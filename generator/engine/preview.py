"""Pictures of how far a training has come."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from .augment import FaceTensors
from .device import give_back_memory, mixed_precision, ran_out_of_memory
from .faceset import FaceSet
from .network import SIDES, Side, TwinNetwork
from .tone import retone, standard_tone

_ROWS: dict[Side, int] = {"subject": 2, "library": 4}
_OTHER: dict[Side, Side] = {"subject": "library", "library": "subject"}


@torch.no_grad()
def rebuild(
    network: TwinNetwork, faces: FaceSet, sides: tuple[Side, ...], device: torch.device, batch: int = 16
) -> dict[Side, NDArray[np.uint8]]:
    """Faces drawn again by the decoders of `sides`, in the light that they were taken in: uint8 (N, S, S, 3) each.

    batch: faces at once; half as many from there on where the memory ends, and its error where not even one fits.
    """
    drawn: dict[Side, list[NDArray[np.uint8]]] = {side: [] for side in sides}
    first = 0
    while first < len(faces):
        some = faces.take(np.arange(first, min(len(faces), first + batch)))
        try:
            pictures = _rebuild(network, some, sides, device)
        except (RuntimeError, MemoryError) as error:
            if batch == 1 or not ran_out_of_memory(error):
                raise
            pictures = None
        if pictures is None:
            give_back_memory(device)
            batch //= 2
            continue
        for side, picture in pictures.items():
            drawn[side].append(picture)
        first += len(some)
    return {side: np.concatenate(parts) for side, parts in drawn.items()}


def _rebuild(
    network: TwinNetwork, faces: FaceSet, sides: tuple[Side, ...], device: torch.device
) -> dict[Side, NDArray[np.uint8]]:
    some = FaceTensors.of(faces, device)
    standard = standard_tone(len(some), device)
    with mixed_precision(device):
        sources = some.sources()
        code = network.encoder(sources)
        pictures = {side: network.decoder(side)(code, sources[:, 3:])[:, :3].float() for side in sides}
    lit = {side: retone(picture, standard, some.tone).clamp(0, 1) for side, picture in pictures.items()}
    return {side: (picture * 255.0).round().byte().permute(0, 2, 3, 1).cpu().numpy() for side, picture in lit.items()}


def draw_preview(network: TwinNetwork, faces: dict[Side, FaceSet], device: torch.device) -> bytes:
    """PNG of some faces of each side, a row each: source | rebuilt by its own decoder | swapped to the other side."""
    rows = []
    for side in SIDES:
        if not len(faces[side]):
            continue
        chosen = np.unique(np.linspace(0, len(faces[side]) - 1, _ROWS[side]).round().astype(int))
        some = faces[side].take(chosen)
        drawn = rebuild(network, some, SIDES, device)
        triples = np.concatenate([some.images, drawn[side], drawn[_OTHER[side]]], axis=2)
        rows.append(triples.reshape(-1, triples.shape[2], 3))
    sheet = np.concatenate(rows) if rows else np.zeros((1, 1, 3), np.uint8)
    done, data = cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    if not done:
        raise RuntimeError("The preview could not be written as PNG.")
    return data.tobytes()
