"""Every number that shapes a twin's network and its training, in one dataclass with named presets."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any


class ConfigError(ValueError):
    """A twin's configuration cannot be used; the message says which value and why."""


@dataclass(frozen=True)
class TwinConfig:
    """Shape and training recipe of one twin. Lengths are pixels of the square crop unless said otherwise."""

    # Network
    size: int = 96  # side of the crop that is learned and rebuilt; a multiple of `2 ** (len(dims) + 1)`
    dims: tuple[int, ...] = (64, 128, 192)  # channels at size/4, size/8, size/16 ...
    depths: tuple[int, ...] = (1, 1, 2)  # residual blocks at each of these
    detail_dim: int = 16  # channels of the decoder's last stage, at size/2
    expansion: int = 2  # widening inside a block's two pointwise layers

    # Optimisation
    batch: int = 8  # faces of each side in one step
    learning_rate: float = 2.4e-3
    weight_decay: float = 0.01
    warm_up: int = 30  # steps until the full rate
    final_rate: float = 0.02  # what the cosine leaves of the rate at the end
    clip: float = 1.0  # gradient norm
    ema: float = 0.995  # memory of the averaged weights, which are the ones kept
    seed: int = 0

    # Augmentation; the spreads are of the uniform or normal law named in `augment`
    # Small, since crops are aligned on the mesh: ten degrees and five per cent cost half of the sharpness at equal time.
    rotation: float = 3.0  # degrees
    zoom: float = 0.02  # part of the scale
    shift: float = 0.015  # part of the side
    flip: float = 0.3  # chance
    warp: float = 0.05  # standard deviation of the warp grid's nodes, part of the side
    warp_until: float = 0.75  # part of the training after which the input is no longer warped
    light: float = 0.15  # error of the source's tone, in deviations of the face's own

    # Loss weights
    loss_l1: float = 1.0
    loss_dssim: float = 1.0
    loss_edges: float = 1.0
    loss_mask: float = 0.1
    background: float = 0.15  # weight of a pixel outside the face, where the face weighs 1
    features: float = 2.0  # weight of a pixel in the eyes and the mouth

    # The adversarial finish of the subject's decoder; see `adversarial`
    adversarial: float = 0.0  # share of the reconstruction's gradient that it may pull with; 0 is no such finish
    adversarial_from: float = 0.8  # part of the training after which it begins
    loss_matching: float = 0.0  # weight of the critic's own features of drawn and true face being alike
    critic_dim: int = 32  # channels of the critic's first layer
    critic_rate: float = 2e-4

    # When to end before the time is over
    plateau_images: int = 500_000  # after so many faces seen without ...
    plateau_gain: float = 0.001  # ... this much more of held-out SSIM the training goes into its last part; 0 images is never

    # What the training keeps
    heldout: float = 0.1  # part of the faces, in stretches of time, that the training never sees

    def __post_init__(self) -> None:
        step = 2 ** (len(self.dims) + 1)
        if not self.dims or len(self.dims) != len(self.depths):
            raise ConfigError("A twin's configuration needs as many depths as dims, and at least one.")
        if self.size <= 0 or self.size % step:
            raise ConfigError(f"A twin's size must be a multiple of {step}, and {self.size} is not.")
        if self.batch < 1:
            raise ConfigError("A twin's batch must hold at least one face.")
        for name in ("heldout", "warp_until", "flip", "adversarial_from"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigError(f"A twin's {name} must lie between 0 and 1.")

    def to_dict(self) -> dict[str, Any]:
        """Plain values only, fit for JSON."""
        values = asdict(self)
        values["dims"], values["depths"] = list(self.dims), list(self.depths)
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TwinConfig:
        """The inverse of `to_dict`. Raises ConfigError for an unknown name or an unusable value."""
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise ConfigError(f"A twin's configuration knows no {', '.join(sorted(unknown))}.")
        values = dict(values)
        for name in ("dims", "depths"):
            if name in values:
                values[name] = tuple(int(value) for value in values[name])
        return cls(**values)

    def same_network(self, other: TwinConfig) -> bool:
        """Whether weights of the one fit the other."""
        names = ("size", "dims", "depths", "detail_dim", "expansion")
        return all(getattr(self, name) == getattr(other, name) for name in names)


PRESETS: dict[str, TwinConfig] = {
    # 32 px, for tests: shows a face rebuilt after a few seconds on one core.
    "tiny": TwinConfig(size=32, dims=(48, 96), depths=(1, 1), detail_dim=16, batch=8, learning_rate=3e-3, ema=0.98, warm_up=10),
    # 96 px: some four minutes on two cores. Lean where maps are large: what that saves goes into more faces seen, see
    # docs/performance.md.
    "quick": TwinConfig(),
    # 128 px: faces that fill more of the frame; some ten minutes on eight cores, one on a GPU.
    "standard": TwinConfig(size=128, batch=16),
    # 256 px and 384 px: for a GPU; the finish gives back the pores and hairs that a mean over likely faces leaves out.
    "fine": TwinConfig(
        size=256, dims=(96, 192, 256, 256), depths=(2, 2, 3, 3), detail_dim=32, adversarial=0.1, loss_matching=0.5
    ),
    "studio": TwinConfig(
        size=384, dims=(96, 192, 256, 320), depths=(2, 2, 3, 3), detail_dim=32, adversarial=0.1, loss_matching=0.5
    ),
}
