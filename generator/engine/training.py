"""Learning a twin: one loop, every knob of which is in `TwinConfig`."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .augment import FaceTensors, make_batch
from .checkpoint import Checkpoint, CheckpointError, dump_weights, load_state, load_weights
from .config import TwinConfig
from .device import choose_device, keep_freed_memory, mixed_precision
from .faceset import FaceSet, FaceSetError, split_heldout
from .losses import FaceLoss
from .network import SIDES, Side, TwinNetwork, build_network, count_parameters
from .preview import draw_preview, rebuild
from .quality import ssim
from .threads import ThreadChoice
from .tone import retone, standard_tone

MAX_ROLL_BACKS = 5
_HELDOUT_JUDGED = 64  # faces of each side: enough for two digits, quick enough to be asked for while training


class TrainingError(RuntimeError):
    """The training cannot go on; the message says why."""


@dataclass(frozen=True)
class TrainingResult:
    """weights: bytes for `Swapper`. metrics: parameters, images_seen, images_per_second, heldout_ssim (mean of
    heldout_ssim_subject and heldout_ssim_library, at 64 px, averaged weights), seconds, steps, roll_backs, stopped."""

    weights: bytes
    metrics: dict[str, Any]


def train(
    config: TwinConfig,
    subject: FaceSet,
    library: FaceSet,
    *,
    seconds: float | None = None,  # stop after this much training time, counted over all resumed runs
    images: int | None = None,  # or after this many faces seen, both sides counted
    checkpoint: bytes | None = None,  # go on from here
    base: bytes | None = None,  # weights to start from when there is no checkpoint
    same_person: bool = False,  # the base is a twin of this very person: its subject decoder is taken over, too
    hold_subject: bool = False,  # the subject's decoder stays as it is
    on_checkpoint: Callable[[bytes], None] | None = None,
    on_stats: Callable[[dict[str, Any]], None] | None = None,
    on_preview: Callable[[bytes, int], None] | None = None,  # PNG, images seen
    should_stop: Callable[[], bool] | None = None,
    checkpoint_every_s: float = 20.0,
    stats_every_s: float = 2.0,
    preview_every_s: float = 30.0,
    device: torch.device | str | None = None,
) -> TrainingResult:
    """Train the subject's decoder, the library's and their shared encoder.

    subject, library: faces of any side, resized to `config.size`. One of `seconds` and `images` is needed; with both,
    the first reached ends it. Callbacks run in this thread; `should_stop` ends the training early after a last
    checkpoint. The same seed, data and number of images give the same weights on one machine, also across a resumption
    at a step's end. Raises FaceSetError for empty sets, CheckpointError for a checkpoint that is damaged or of another
    network, TrainingError when the loss stays NaN after several roll-backs.
    """
    if seconds is None and images is None:
        raise ValueError("A training needs seconds or images to stop at.")
    if not len(subject) or not len(library):
        raise FaceSetError("A training needs faces of the subject and of the library.")
    where = choose_device(device)
    keep_freed_memory()

    faces: dict[Side, FaceTensors] = {}
    heldout: dict[Side, FaceSet] = {}
    for side, full in zip(SIDES, (subject, library), strict=True):
        kept, heldout[side] = split_heldout(full.resized(config.size), config.heldout)
        faces[side] = FaceTensors.of(kept, where)

    state = _begin(config, faces, where, checkpoint, base, same_person=same_person)
    if hold_subject:
        state.network.subject.requires_grad_(False)
    run_start, seconds_before, images_before = time.monotonic(), state.seconds, state.images_seen
    last_stats = last_checkpoint = last_preview = run_start
    good = state.snapshot()
    stopped, roll_backs = False, 0

    with ThreadChoice() if where.type == "cpu" else nullcontext() as threads:
        while True:
            now = time.monotonic()
            state.seconds = seconds_before + (now - run_start)
            done = max(state.seconds / seconds if seconds else 0.0, state.images_seen / images if images else 0.0)
            if done >= 1.0 or (should_stop is not None and should_stop()):
                stopped = done < 1.0
                break

            rate = config.learning_rate * state.rate_scale * schedule(config, state.step, done)
            warp = done < config.warp_until
            losses = _step(state, faces, rate, warp)
            if threads is not None:
                threads.took(time.monotonic() - now, now - run_start)

            if not math.isfinite(losses["loss"]):
                roll_backs += 1
                if roll_backs > MAX_ROLL_BACKS:
                    raise TrainingError("The training diverged again and again; a lower learning rate may hold it.")
                state.restore(good, rate_scale=good.rate_scale * 0.5)
                continue

            if on_stats is not None and now - last_stats >= stats_every_s:
                last_stats = now
                passed = max(now - run_start, 1e-6)
                on_stats(
                    {
                        "step": state.step,
                        "images_seen": state.images_seen,
                        "seconds": round(state.seconds, 2),
                        "done": round(done, 4),
                        "rate": rate,
                        "warp": warp,
                        "images_per_second": round((state.images_seen - images_before) / passed, 2),
                        "roll_backs": roll_backs,
                        **{name: round(value, 5) for name, value in losses.items()},
                    }
                )
            if now - last_checkpoint >= checkpoint_every_s:
                last_checkpoint = now
                good = state.snapshot()
                if on_checkpoint is not None:
                    on_checkpoint(good.to_bytes())
            if on_preview is not None and now - last_preview >= preview_every_s:
                last_preview = now
                on_preview(draw_preview(state.ema, heldout, where), state.images_seen)

    ran = max(time.monotonic() - run_start, 1e-6)
    if on_checkpoint is not None:
        on_checkpoint(state.snapshot().to_bytes())
    if on_preview is not None:
        on_preview(draw_preview(state.ema, heldout, where), state.images_seen)
    similarity = {side: heldout_ssim(state.ema, heldout[side], side, where) for side in SIDES}
    return TrainingResult(
        weights=dump_weights(config, state.ema.state_dict()),
        metrics={
            "parameters": count_parameters(state.network),
            "images_seen": state.images_seen,
            "images_per_second": (state.images_seen - images_before) / ran,
            "heldout_ssim": float(np.mean(list(similarity.values()))),
            "heldout_ssim_subject": similarity["subject"],
            "heldout_ssim_library": similarity["library"],
            "seconds": state.seconds,
            "steps": state.step,
            "roll_backs": roll_backs,
            "stopped": stopped,
        },
    )


def schedule(config: TwinConfig, step: int, done: float) -> float:
    """Part of the full learning rate, 0..1: linear warm-up over steps, then a cosine over `done`, the part of the
    training that lies behind (0..1), so that it ends low however quick the machine is."""
    warm = min(1.0, (step + 1) / max(1, config.warm_up))
    cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, max(0.0, done))))
    return warm * (config.final_rate + (1.0 - config.final_rate) * cosine)


def heldout_ssim(network: TwinNetwork, faces: FaceSet, side: Side, device: torch.device) -> float:
    """Mean SSIM at 64 px between held-out faces and what their own decoder rebuilds; NaN when none are held out."""
    if not len(faces):
        return float("nan")
    chosen = np.unique(np.linspace(0, len(faces) - 1, _HELDOUT_JUDGED).round().astype(int))
    rebuilt = rebuild(network, faces.take(chosen), (side,), device)[side]
    return float(np.mean([ssim(a, b) for a, b in zip(faces.images[chosen], rebuilt, strict=True)]))


@dataclass
class _State:
    """What changes while a twin learns."""

    config: TwinConfig
    network: TwinNetwork
    ema: TwinNetwork
    optimizer: torch.optim.AdamW
    generator: torch.Generator
    loss: FaceLoss
    step: int = 0
    images_seen: int = 0
    seconds: float = 0.0
    rate_scale: float = 1.0

    def snapshot(self) -> Checkpoint:
        return Checkpoint(
            config=self.config,
            network=_copied(self.network.state_dict()),
            ema=_copied(self.ema.state_dict()),
            optimizer=copy.deepcopy(self.optimizer.state_dict()),
            random_state=self.generator.get_state(),
            step=self.step,
            images_seen=self.images_seen,
            seconds=self.seconds,
            rate_scale=self.rate_scale,
        )

    def restore(self, saved: Checkpoint, rate_scale: float | None = None) -> None:
        """Back to `saved`. With a `rate_scale` (a roll-back) time, images and draws are not undone: the same batch
        would diverge again."""
        load_state(self.network, saved.network)
        load_state(self.ema, saved.ema)
        # load_state_dict keeps the tensors it is given when their type fits, and `saved` must outlive the next steps.
        self.optimizer.load_state_dict(copy.deepcopy(saved.optimizer))
        self.rate_scale = saved.rate_scale if rate_scale is None else rate_scale
        self.step = saved.step
        if rate_scale is None:
            self.generator.set_state(saved.random_state)
            self.images_seen, self.seconds = saved.images_seen, saved.seconds


def _copied(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in tensors.items()}


def _begin(
    config: TwinConfig,
    faces: dict[Side, FaceTensors],
    device: torch.device,
    checkpoint: bytes | None,
    base: bytes | None,
    *,
    same_person: bool = False,
) -> _State:
    """A fresh state, one warm from a base, or the one a checkpoint holds."""
    torch.manual_seed(config.seed)
    network = build_network(config)
    for side in SIDES:
        some = slice(None, None, max(1, len(faces[side]) // 256))
        images = faces[side].images[some].cpu().float() / 255.0
        toned = retone(images, faces[side].tone[some].cpu(), standard_tone(len(images)))
        network.decoder(side).start_from(toned, faces[side].masks[some].cpu().float() / 255.0)
    if checkpoint is None and base is not None:
        _warm_start(network, load_weights(base), same_person=same_person)
    network = network.to(device)
    ema = copy.deepcopy(network).eval()
    for parameter in ema.parameters():
        parameter.requires_grad_(False)
    generator = torch.Generator().manual_seed(config.seed)
    optimizer = torch.optim.AdamW(_groups(network, config), lr=config.learning_rate, betas=(0.9, 0.99), fused=True)
    state = _State(config, network, ema, optimizer, generator, FaceLoss(config).to(device))
    if checkpoint is not None:
        saved = Checkpoint.from_bytes(checkpoint)
        if not saved.config.same_network(config):
            raise CheckpointError("This checkpoint is of a network of another shape than the training asks for.")
        state.restore(replace(saved, config=config))
    return state


def _warm_start(network: TwinNetwork, base: TwinNetwork, *, same_person: bool = False) -> None:
    """Take over the base's encoder and library decoder. The subject's starts as a copy of the latter, on its own average face; of
    the same person everything is taken over."""
    if not base.config.same_network(network.config):
        raise CheckpointError("The base to start from is a network of another shape than this training's.")
    if same_person:
        network.load_state_dict(base.state_dict())
        return
    learned = base.library.state_dict()
    network.encoder.load_state_dict(base.encoder.state_dict())
    network.library.load_state_dict(learned)
    network.subject.load_state_dict({**learned, "mean": network.subject.mean})


def _groups(network: TwinNetwork, config: TwinConfig) -> list[dict[str, Any]]:
    """Weight decay for matrices and kernels only; biases, norms and scales go free."""
    decayed = [p for p in network.parameters() if p.ndim > 1 and p.shape[1:] != (1, 1)]
    free = [p for p in network.parameters() if not (p.ndim > 1 and p.shape[1:] != (1, 1))]
    return [{"params": decayed, "weight_decay": config.weight_decay}, {"params": free, "weight_decay": 0.0}]


def _step(state: _State, faces: dict[Side, FaceTensors], rate: float, warp: bool) -> dict[str, float]:
    """One step on a batch of each side; on a loss that is not finite nothing is changed."""
    config, device = state.config, faces["subject"].images.device
    subject = make_batch(config, faces["subject"], state.generator, warp=warp)
    library = make_batch(config, faces["library"], state.generator, warp=warp)
    with mixed_precision(device):
        drawn = state.network.rebuild(subject.source, library.source)
    judged = {side: state.loss(picture, batch) for side, picture, batch in zip(SIDES, drawn, (subject, library), strict=True)}
    total = judged["subject"].total + judged["library"].total
    values = {"loss": float(total.detach()) / 2.0}
    if not math.isfinite(values["loss"]):
        return values

    for group in state.optimizer.param_groups:
        group["lr"] = rate
    state.optimizer.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]
    norm = float(torch.nn.utils.clip_grad_norm_(state.network.parameters(), config.clip))
    if not math.isfinite(norm):
        return {"loss": float("nan")}
    state.optimizer.step()
    state.step += 1
    state.images_seen += len(subject.source) + len(library.source)
    _average(state)
    for side in SIDES:
        values[f"loss_{side}"] = float(judged[side].total.detach())
        values |= {f"{name}_{side}": float(value.detach()) for name, value in judged[side].parts.items()}
    values["gradient"] = norm
    return values


@torch.no_grad()
def _average(state: _State) -> None:
    """Exponential moving average with a short memory at first, so that it does not drag the random start along."""
    decay = min(state.config.ema, (1 + state.step) / (10 + state.step))
    averages: list[Tensor] = list(state.ema.parameters())
    torch._foreach_lerp_(averages, list(state.network.parameters()), 1.0 - decay)
