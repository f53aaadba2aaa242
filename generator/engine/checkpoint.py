"""A training's state, and a twin's weights, as bytes that carry their own configuration."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor

from .config import ConfigError, TwinConfig
from .network import TwinNetwork, build_network

_MAGIC = b"TWIN\x01"
_WEIGHTS, _CHECKPOINT = "weights", "checkpoint"


class CheckpointError(ValueError):
    """Bytes that are not a usable checkpoint or weights file; the message says why."""


@dataclass
class Checkpoint:
    """All that a training needs to go on as if it had never stopped."""

    config: TwinConfig
    network: dict[str, Tensor]
    ema: dict[str, Tensor]
    optimizer: dict[str, Any]
    random_state: Tensor
    step: int
    images_seen: int
    seconds: float  # training time so far, over all runs
    rate_scale: float = 1.0  # below 1 after a roll-back
    roll_backs: int = 0
    parts: int = 1  # into how many pieces a batch is cut, so that each fits into memory
    finish: dict[str, Any] = field(default_factory=dict)  # critic and its optimizer; empty without an adversarial finish
    scaler: dict[str, Any] = field(default_factory=dict)  # the loss scale of float16; empty for other precisions
    course: dict[str, Any] = field(default_factory=dict)  # see `Course.to_dict`
    torch_random: Tensor | None = None  # torch's own generator on the CPU
    device_random: Tensor | None = None  # and on the GPU, if the training runs on one
    dataset: dict[str, str] = field(default_factory=dict)  # digest of the faces of each side

    def to_bytes(self) -> bytes:
        """The whole state; half-written or altered bytes are told by their checksum."""
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "config"}
        return _seal(_CHECKPOINT, self.config, values)

    @classmethod
    def from_bytes(cls, data: bytes) -> Checkpoint:
        """Raises CheckpointError when `data` is damaged, or is no checkpoint of this program."""
        config, values = _open(_CHECKPOINT, data)
        try:
            read = cls(config=config, **values)
        except TypeError as error:
            raise CheckpointError("This checkpoint lacks parts of the training's state.") from error
        if not all_finite([*read.network.values(), *read.ema.values()]):
            raise CheckpointError("This checkpoint holds weights that are not numbers; go back to an earlier one.")
        return read


def all_finite(tensors: list[Tensor]) -> bool:
    """Whether every number is one: neither NaN nor infinite."""
    norms = torch._foreach_norm([tensor.detach() for tensor in tensors if tensor.is_floating_point()], torch.inf)
    return not norms or bool(torch.stack([norm.float() for norm in norms]).isfinite().all())


def dump_weights(config: TwinConfig, weights: dict[str, Tensor]) -> bytes:
    """A twin to render with: float16 weights and the configuration that rebuilds its network."""
    halves = {name: value.detach().cpu().half() for name, value in weights.items()}
    return _seal(_WEIGHTS, config, {"network": halves})


def load_weights(data: bytes) -> TwinNetwork:
    """The network of a twin on the CPU, ready to draw. Raises CheckpointError for bytes that hold none."""
    config, values = _open(_WEIGHTS, data)
    network = build_network(config)
    load_state(network, {name: value.float() for name, value in values["network"].items()})
    return network.eval()


def load_state(network: TwinNetwork, state: dict[str, Tensor]) -> None:
    """Put `state` into `network`. Raises CheckpointError when shapes or names differ."""
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise CheckpointError("These weights belong to a network of another shape.") from error


def _seal(kind: str, config: TwinConfig, values: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    torch.save({"kind": kind, "config": config.to_dict(), "values": values}, buffer)
    # a view, for a checkpoint is as large as the network six times over
    body = buffer.getbuffer()
    return b"".join([_MAGIC, zlib.crc32(body).to_bytes(4, "big"), body])


def _open(kind: str, data: bytes) -> tuple[TwinConfig, dict[str, Any]]:
    head = len(_MAGIC) + 4
    if data[: len(_MAGIC)] != _MAGIC:
        raise CheckpointError("These bytes are no twin and no checkpoint of one.")
    if zlib.crc32(data[head:]).to_bytes(4, "big") != data[len(_MAGIC) : head]:
        raise CheckpointError("This twin's file is damaged or incomplete; go back to an earlier one.")
    content = torch.load(io.BytesIO(data[head:]), map_location="cpu", weights_only=True)
    if content["kind"] != kind:
        raise CheckpointError(f"A {kind} file was expected, and this is a {content['kind']} file.")
    try:
        return TwinConfig.from_dict(content["config"]), content["values"]
    except (ConfigError, TypeError) as error:
        raise CheckpointError(f"This twin was made with a configuration that cannot be used: {error}") from error
