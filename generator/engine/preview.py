"""Pictures of how far a training has come."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from .faceset import FaceSet
from .network import SIDES, Side, TwinNetwork

_ROWS: dict[Side, int] = {"subject": 2, "library": 4}
_OTHER: dict[Side, Side] = {"subject": "library", "library": "subject"}


@torch.no_grad()
def draw_preview(network: TwinNetwork, faces: dict[Side, FaceSet], device: torch.device) -> bytes:
    """PNG of some faces of each side, a row each: source | rebuilt by its own decoder | swapped to the other side."""
    rows = []
    for side in SIDES:
        images = faces[side].images
        if not len(images):
            continue
        chosen = np.unique(np.linspace(0, len(images) - 1, _ROWS[side]).round().astype(int))
        pixels = torch.from_numpy(images[chosen]).permute(0, 3, 1, 2).to(device).float() / 255.0
        code = network.encoder(pixels)
        columns = [images[chosen]] + [_pictures(network.decoder(which)(code)) for which in (side, _OTHER[side])]
        rows.append(np.concatenate(columns, axis=2).reshape(-1, 3 * images.shape[2], 3))
    sheet = np.concatenate(rows) if rows else np.zeros((1, 1, 3), np.uint8)
    done, data = cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    if not done:
        raise RuntimeError("The preview could not be written as PNG.")
    return data.tobytes()


def _pictures(drawn: torch.Tensor) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = (drawn[:, :3].clamp(0, 1) * 255.0).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return pixels
