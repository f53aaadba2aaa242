"""The house base: what is common to all faces, learned from approved templates alone, that every twin may start from."""

from __future__ import annotations

from typing import Any

from .config import TwinConfig
from .faceset import FaceSet
from .training import Learn, TrainingResult, train


def train_base(config: TwinConfig, library: FaceSet, learn: Learn = train, **knobs: Any) -> TrainingResult:
    """An encoder and a library decoder for `train(base=...)`, learned from the faces of the library and nobody else's.

    library: faces of any side, of all templates together. learn: `train`, or `distributed.train_on_all`. knobs: any of
    `train`'s keywords; its errors are this function's.

    Both sides of the training see the same faces. Shown one half of the actors each, the decoders would know half of them,
    and a twin starts both of its decoders from the library's.
    """
    return learn(config, library, library, **knobs)
