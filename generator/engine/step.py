"""One step of a training: a batch of each side, its gradients, and what they change."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field
from enum import IntEnum

import torch
from torch import Tensor

from .adversarial import adaptive_weight, last_layer
from .augment import Batch, FaceTensors, make_batch
from .device import give_back_memory, mixed_precision, ran_out_of_memory
from .network import SIDES, Side
from .ranks import Ranks
from .state import TrainingState

log = logging.getLogger(__name__)


class Status(IntEnum):
    """How a step ended; of several ranks the largest counts."""

    DONE = 0
    DIVERGED = 1  # the loss, or its gradient, is not a number
    NO_MEMORY = 2


@dataclass(frozen=True)
class Outcome:
    """status, and the step's losses by their names; without a status of DONE nothing was changed, unless it is `spoiled`."""

    status: Status
    losses: dict[str, float] = field(default_factory=dict)
    spoiled: bool = False  # the memory ended while weights were being changed


def take_step(
    state: TrainingState,
    faces: dict[Side, FaceTensors],
    *,
    rate: float,
    warp: bool,
    adversarial: float | None = None,
    ranks: Ranks | None = None,
) -> Outcome:
    """Learn from one batch of each side, cut into `state.parts` pieces.

    rate: learning rate. adversarial: None before the finish; in it, how much of its weight the critic has, 0..1. With several
    ranks each learns from a batch of its own; what one cannot do, none of them does.
    """
    ranks = ranks or Ranks()
    draws = state.generator.get_state()
    losses: dict[str, float] = {}
    status = Status.DONE
    try:
        try:
            losses = _gradients(state, faces, warp, adversarial)
        except Exception as error:
            # a compiler fails in many ways, also at its first run on the device; what was wrong itself is raised again without it
            if not state.compiled or ran_out_of_memory(error):
                raise
            log.warning("the network cannot be compiled here, and learns as it is: %s", error)
            state.leave_uncompiled()
            state.generator.set_state(draws)
            losses = _gradients(state, faces, warp, adversarial)
        if not math.isfinite(losses["loss"]):
            status = Status.DIVERGED
    except (RuntimeError, MemoryError) as error:
        if not ran_out_of_memory(error):
            raise
        log.warning("a batch in %d parts does not fit into memory: %s", state.parts, error)
        status = Status.NO_MEMORY
    status = Status(ranks.worst(status))
    if status is Status.DONE:
        ranks.average(parameter.grad for parameter in _learning(state, adversarial) if parameter.grad is not None)
        try:
            norm = _update(state, rate, adversarial)
        except (RuntimeError, MemoryError) as error:
            if ranks.size > 1 or not ran_out_of_memory(error):
                raise
            _forget_gradients(state)
            return Outcome(Status.NO_MEMORY, spoiled=True)
        if math.isfinite(norm):
            state.images_seen += 2 * state.config.batch * ranks.size
            return Outcome(status, losses | {"gradient": norm})
        status = Status.DIVERGED
    _forget_gradients(state)
    if status is Status.NO_MEMORY:
        state.generator.set_state(draws)
        give_back_memory(state.device)
    return Outcome(status)


def _learning(state: TrainingState, adversarial: float | None) -> list[Tensor]:
    """The parameters that this step changes."""
    own: list[Tensor] = list(state.network.parameters())
    return own + list(state.finish.critic.parameters()) if state.finish and adversarial is not None else own


def _forget_gradients(state: TrainingState) -> None:
    state.optimizer.zero_grad(set_to_none=True)
    if state.finish:
        state.finish.optimizer.zero_grad(set_to_none=True)


def _gradients(state: TrainingState, faces: dict[Side, FaceTensors], warp: bool, adversarial: float | None) -> dict[str, float]:
    """Leave the batch's gradients at the parameters, and give its losses."""
    _forget_gradients(state)
    if state.compiled and adversarial is not None:
        # the finish asks for gradients more than once, which compiled code refuses
        state.leave_uncompiled()
    batches = {side: make_batch(state.config, faces[side], state.generator, warp=warp) for side in SIDES}
    parts = {side: batch.cut(state.parts) for side, batch in batches.items()}
    sums: dict[str, Tensor] = {}
    for subject, library in zip(parts["subject"], parts["library"], strict=True):
        share = len(subject.source) / len(batches["subject"].source)
        for name, value in _of_a_part(state, subject, library, share, adversarial).items():
            sums[name] = sums[name] + share * value if name in sums else share * value
    # one answer for all of them, for each question halts a GPU
    values = torch.stack([value.float() for value in sums.values()]).tolist()
    return dict(zip(sums, values, strict=True))


def _of_a_part(
    state: TrainingState, subject: Batch, library: Batch, share: float, adversarial: float | None
) -> dict[str, Tensor]:
    config, finish = state.config, state.finish
    with mixed_precision(state.device, state.precision):
        drawn = state.rebuild(subject.source, library.source)
    judged = {side: state.loss(picture, batch) for side, picture, batch in zip(SIDES, drawn, (subject, library), strict=True)}
    total = judged["subject"].total + judged["library"].total
    told = {"loss": total.detach() / 2.0}
    for side in SIDES:
        told[f"loss_{side}"] = judged[side].total.detach()
        told |= {f"{name}_{side}": value.detach() for name, value in judged[side].parts.items()}
    if finish is not None and adversarial is not None:
        colour = drawn[0][:, :3]
        with mixed_precision(state.device, state.precision):
            untrue, matching = finish.pull(config, colour, subject.target, subject.mask)
            lesson = finish.lesson(colour, subject.target, subject.mask)
        layer = last_layer(state.network.subject)
        weight = adaptive_weight(state.scaler.scale(judged["subject"].total), state.scaler.scale(untrue), layer)
        total = total + adversarial * (config.adversarial * weight * untrue + config.loss_matching * matching)
        total = total + lesson
        told |= {"untrue": untrue.detach(), "matching": matching.detach(), "critic": lesson.detach(), "pull": weight}
        told["loss"] = told["loss"] + 0.0 * total.detach()  # a critic that is not a number counts as well
    state.scaler.scale(total * share).backward()
    return told


def _update(state: TrainingState, rate: float, adversarial: float | None) -> float:
    """Change the weights by their gradients; the norm of the network's, before it was clipped. Not a number: nothing was
    changed, and a scale of float16 that was merely too large is not told as such."""
    config, scaler = state.config, state.scaler
    scaler.unscale_(state.optimizer)
    norm = float(torch.nn.utils.clip_grad_norm_(state.network.parameters(), config.clip))
    optimizers: list[torch.optim.Optimizer] = [state.optimizer]
    for group in state.optimizer.param_groups:
        group["lr"] = rate
    if state.finish is not None and adversarial is not None:
        scaler.unscale_(state.finish.optimizer)
        of_critic = float(torch.nn.utils.clip_grad_norm_(state.finish.critic.parameters(), config.clip))
        norm = norm if math.isfinite(of_critic) else of_critic
        for group in state.finish.optimizer.param_groups:
            group["lr"] = config.critic_rate * state.rate_scale
        optimizers.append(state.finish.optimizer)
    if not math.isfinite(norm):
        if not scaler.is_enabled():
            return norm
        if scaler.get_scale() <= 1.0:
            scaler.update()
            return norm
        # the scaler leaves the step out, and scales less from here on
        norm = 0.0
    for optimizer in optimizers:
        scaler.step(optimizer)
    if scaler.is_enabled():
        scaler.update()
    state.step += 1
    state.average()
    return norm
