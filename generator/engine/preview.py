"""Pictures of how far a training has come."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from .augment import FaceTensors
from .device import mixed_precision
from .faceset import FaceSet
from .network import SIDES, Side, TwinNetwork
from .tone import retone, standard_tone

_ROWS: dict[Side, int] = {"subject": 2, "library": 4}
_OTHER: dict[Side, Side] = {"subject": "library", "library": "subject"}


@torch.no_grad()
def rebuild(
    network: TwinNetwork, faces: FaceSet, sides: tuple[Side, ...], device: torch.device, batch: int = 16
) -> dict[Side, NDArray[np.uint8]]:
    """Faces drawn again by the decoders of `sides`, in the light that they were taken in: uint8 (N, S, S, 3) each."""
    drawn: dict[Side, list[NDArray[np.uint8]]] = {side: [] for side in sides}
    for first in range(0, len(faces), batch):
        some = FaceTensors.of(faces.take(np.arange(first, min(len(faces), first + batch))), device)
        standard = standard_tone(len(some), device)
        with mixed_precision(device):
            sources = some.sources()
            code = network.encoder(sources)
            pictures = {side: network.decoder(side)(code, sources[:, 3:])[:, :3].float() for side in sides}
        for side, picture in pictures.items():
            lit = retone(picture, standard, some.tone).clamp(0, 1)
            drawn[side].append((lit * 255.0).round().byte().permute(0, 2, 3, 1).cpu().numpy())
    return {side: np.concatenate(parts) for side, parts in drawn.items()}


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
