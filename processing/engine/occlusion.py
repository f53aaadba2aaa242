"""How much of a face something hides."""

from __future__ import annotations

import numpy as np

from processing.engine.skin import Surface


def hidden(surface: Surface) -> float:
    """0..1, the share of the face that something hides."""
    redness = np.log((surface.colours[surface.skin, 0] + 8) / (surface.colours[surface.skin, 1] + 8))
    if not len(redness):
        return 0.0
    return float((np.abs(redness - np.median(redness)) > 0.25).mean())
