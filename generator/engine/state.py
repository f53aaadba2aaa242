"""What changes while a twin learns: how it begins, is copied, and is put back."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from .adversarial import Finish
from .augment import Batch, FaceTensors
from .checkpoint import Checkpoint, CheckpointError, all_finite, load_state, load_weights
from .config import TwinConfig
from .course import Course
from .device import Precision, quickest_precision
from .losses import FaceLoss, LossParts
from .network import SIDES, Side, TwinNetwork, build_network
from .tone import retone, standard_tone

Rebuild = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
Judge = Callable[[Tensor, Batch], LossParts]


@dataclass
class TrainingState:
    """The whole of a training. `course` says when it is over; `rebuild` is the network's own and `loss` a FaceLoss, both compiled
    if that was asked for."""

    config: TwinConfig
    network: TwinNetwork
    ema: TwinNetwork
    optimizer: torch.optim.AdamW
    generator: torch.Generator
    loss: Judge
    course: Course
    precision: Precision
    scaler: torch.amp.GradScaler
    finish: Finish | None
    device: torch.device
    dataset: dict[str, str]
    rebuild: Rebuild
    step: int = 0
    images_seen: int = 0
    seconds: float = 0.0
    rate_scale: float = 1.0
    roll_backs: int = 0
    parts: int = 1

    @property
    def compiled(self) -> bool:
        return self.rebuild != self.network.rebuild

    def compile(self) -> None:
        """What is drawn is replayed as one CUDA graph on a GPU, which otherwise waits for the thousands of orders of a step. For
        the shapes of this training alone: kernels for any shape, which torch makes at a second one, failed (torch 2.11)."""
        self.rebuild = torch.compile(self.network.rebuild, dynamic=False, mode="reduce-overhead")
        self.loss = torch.compile(FaceLoss(self.config).to(self.device), dynamic=False)

    def leave_uncompiled(self) -> None:
        self.rebuild, self.loss = self.network.rebuild, FaceLoss(self.config).to(self.device)

    def is_sound(self) -> bool:
        """Whether every weight is a number."""
        return all_finite([*self.network.parameters(), *self.ema.parameters()])

    def snapshot(self) -> Checkpoint:
        """A copy that the next steps leave alone."""
        finish = self.finish
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
            roll_backs=self.roll_backs,
            parts=self.parts,
            finish={
                "critic": _copied(finish.critic.state_dict()),
                "optimizer": copy.deepcopy(finish.optimizer.state_dict()),
            }
            if finish
            else {},
            scaler=dict(self.scaler.state_dict()),
            course=self.course.to_dict(),
            torch_random=torch.get_rng_state(),
            device_random=torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
            dataset=dict(self.dataset),
        )

    def restore(self, saved: Checkpoint) -> None:
        """Be again as `saved` is, draws and all."""
        self._restore_learned(saved)
        self.rate_scale, self.roll_backs, self.parts = saved.rate_scale, saved.roll_backs, saved.parts
        self.images_seen, self.seconds = saved.images_seen, saved.seconds
        self.course.resume(saved.course)
        self.generator.set_state(saved.random_state)
        if saved.torch_random is not None:
            torch.set_rng_state(saved.torch_random)
        if saved.device_random is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(saved.device_random, self.device)

    def roll_back(self, good: Checkpoint, rate: float) -> None:
        """Back to what was learned up to `good`, at `rate` times the rate of now. Time, images and draws are not undone: the
        same batch would diverge again."""
        self._restore_learned(good)
        self.rate_scale *= rate
        self.roll_backs += rate < 1.0

    def _restore_learned(self, saved: Checkpoint) -> None:
        load_state(self.network, saved.network)
        load_state(self.ema, saved.ema)
        # load_state_dict keeps the tensors it is given when their type fits, and `saved` must outlive the next steps.
        self.optimizer.load_state_dict(copy.deepcopy(saved.optimizer))
        if self.finish is not None and saved.finish:
            self.finish.critic.load_state_dict(saved.finish["critic"])
            self.finish.optimizer.load_state_dict(copy.deepcopy(saved.finish["optimizer"]))
        if self.scaler.is_enabled() and saved.scaler:
            self.scaler.load_state_dict(saved.scaler)
        self.step = saved.step

    def halve_the_batch(self) -> bool:
        """Cut each batch into twice as many pieces; their gradients are added up, so a step stays what it was. False when
        a piece holds one face of each side already."""
        if self.parts >= self.config.batch:
            return False
        self.parts = min(self.config.batch, self.parts * 2)
        return True

    @torch.no_grad()
    def average(self) -> None:
        """Exponential moving average with a short memory at first, so that it does not drag the random start along."""
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        averages: list[Tensor] = list(self.ema.parameters())
        torch._foreach_lerp_(averages, list(self.network.parameters()), 1.0 - decay)


def _copied(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in tensors.items()}


def begin(
    config: TwinConfig,
    faces: dict[Side, FaceTensors],
    course: Course,
    *,
    checkpoint: Checkpoint | None = None,
    base: bytes | None = None,
    same_person: bool = False,
    precision: Precision | None = None,
    compiled: bool = False,
    dataset: dict[str, str] | None = None,
) -> TrainingState:
    """A fresh state, one warm from a base's weights, or the one that a checkpoint holds.

    Raises CheckpointError when checkpoint or base are of a network of another shape.
    """
    device = faces["subject"].images.device
    precision = precision or quickest_precision(device)
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
    state = TrainingState(
        config=config,
        network=network,
        ema=ema,
        optimizer=torch.optim.AdamW(_groups(network, config), lr=config.learning_rate, betas=(0.9, 0.99), fused=True),
        generator=torch.Generator().manual_seed(config.seed),
        loss=FaceLoss(config).to(device),
        course=course,
        precision=precision,
        scaler=torch.amp.GradScaler(device.type, enabled=precision.scaled),
        finish=Finish.of(config, device),
        device=device,
        dataset=dataset or {},
        rebuild=network.rebuild,
    )
    if compiled:
        state.compile()
    if checkpoint is not None:
        if not checkpoint.config.same_network(config):
            raise CheckpointError("This checkpoint is of a network of another shape than the training asks for.")
        state.restore(replace(checkpoint, config=config))
    return state


def _warm_start(network: TwinNetwork, base: TwinNetwork, *, same_person: bool = False) -> None:
    """Take over the base's encoder and library decoder. The subject's starts as a copy of the latter, on its own
    average face; of the same person everything is taken over."""
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
