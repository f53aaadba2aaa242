"""A twin learns one more template without a face of its subject: the safe may be sealed, the footage erased.

The subject's side is rehearsed instead of shown: the twin draws its subject in the poses and the light of the faces that it
has known so far, and must still draw the same from them when it has learned (generative replay: Shin et al. 2017; the old
network as the teacher: Li and Hoiem 2016). The subject's decoder is held, so nobody's likeness drifts; encoder and library
decoder learn to read the new actor in the words that this decoder understands.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from .checkpoint import load_weights
from .config import TwinConfig
from .device import choose_device
from .faceset import FaceSet, FaceSetError, split_heldout
from .preview import rebuild
from .training import Learn, TrainingResult, heldout_ssim, train

RATE = 0.5  # part of the full learning rate: what is known must not be shaken
REHEARSED = 400  # faces drawn of the subject; a few seconds of drawing on two cores


def refresh_config(config: TwinConfig) -> TwinConfig:
    """The recipe of a refresh of a twin that was trained by `config`: the same network, a lower rate, and no adversarial
    finish, which is of the subject's decoder."""
    return replace(config, learning_rate=config.learning_rate * RATE, adversarial=0.0)


def rehearse(weights: bytes, known: FaceSet, device: torch.device | str | None = None) -> FaceSet:
    """The subject as the twin draws it from up to REHEARSED faces of templates that it knows, as a set of faces to learn from.

    weights: of the twin. known: faces of any side, spread evenly. Masks, eyes and mouth are those of the faces that it was
    drawn from: crops are aligned on the mesh, so these lie in the same places.
    """
    network = load_weights(weights)
    where = choose_device(device)
    chosen = np.unique(np.linspace(0, len(known) - 1, min(len(known), REHEARSED)).round().astype(int))
    sources = known.resized(network.config.size).take(chosen)
    drawn = rebuild(network.to(where), sources, ("subject",), where)["subject"]
    return replace(sources, images=drawn, held_out=None)


def refresh(weights: bytes, new: FaceSet, known: FaceSet, learn: Learn = train, **knobs: Any) -> TrainingResult:
    """The same twin, which has learned with the faces of one more template.

    weights: of the twin, as `train` gives them. new: faces of the template. known: faces of the templates that it learned
    with; as many of them as of the new one are mixed in, so that these do not get worse. learn:
    `train`, or `distributed.train_on_all`. knobs: `train`'s keywords for its length, its callbacks and its checkpoint, which goes
    on if the same faces are given again.

    The metrics are `train`'s, and beside them new_ssim_before, new_ssim_after (the new template, rebuilt by the library
    decoder), known_ssim_before, known_ssim_after (the templates before it) and rehearsed_ssim (the subject as rehearsed, drawn
    again): all at 64 px, the first four of faces that were held out. FaceSetError without new or known faces, CheckpointError
    for damaged weights.
    """
    if not len(new) or not len(known):
        raise FaceSetError("A refresh needs faces of the new template and of those before it.")
    config = refresh_config(load_weights(weights).config)
    where = choose_device(knobs.get("device"))
    learned, kept_back = zip(*(split_heldout(faces.resized(config.size), config.heldout) for faces in (new, known)), strict=True)
    subject = rehearse(weights, learned[1], where)
    old = learned[1].take(_spread(len(learned[1]), len(learned[0])))
    # what is held back was taken out above
    mixed = replace(joined(learned[0], old), held_out=np.zeros(len(learned[0]) + len(old), np.bool_))
    before = load_weights(weights).to(where)
    known_before, new_before = (heldout_ssim(before, faces, "library", where) for faces in (kept_back[1], kept_back[0]))
    result = learn(replace(config, heldout=0.0), subject, mixed, base=weights, same_person=True, hold_subject=True, **knobs)
    after = load_weights(result.weights).to(where)
    return replace(
        result,
        metrics=result.metrics
        | {
            "new_ssim_before": new_before,
            "new_ssim_after": heldout_ssim(after, kept_back[0], "library", where),
            "known_ssim_before": known_before,
            "known_ssim_after": heldout_ssim(after, kept_back[1], "library", where),
            "rehearsed_ssim": heldout_ssim(after, subject, "subject", where),
        },
    )


def _spread(count: int, wanted: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Up to `wanted` of the numbers below `count`, evenly."""
    return np.unique(np.linspace(0, count - 1, min(count, wanted)).round().astype(np.intp))


def joined(first: FaceSet, second: FaceSet) -> FaceSet:
    """Both sets as one, of faces of one side; what is not known of one of them is left out of both."""

    def both(name: str) -> Any:
        values = getattr(first, name), getattr(second, name)
        return None if any(value is None for value in values) else np.concatenate(values)

    return FaceSet(*(both(name) for name in ("images", "masks", "moments", "features", "openings", "held_out")))
