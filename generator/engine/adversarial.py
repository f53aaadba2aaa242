"""The adversarial finish: a critic that knows the subject's own faces asks for the detail that a mean leaves out.

L1 and SSIM are at their best with the average of all likely faces, which is soft. In the last part of a training a critic
of patches (Isola et al. 2017) learns to tell true faces of the subject from drawn ones by the hinge loss (Lim and Ye 2017),
held smooth by spectral normalisation (Miyato et al. 2018), and the subject's decoder learns to please it. How hard it may pull is
measured anew at each step against the pull of the reconstruction (Esser et al. 2021, eq. 7), so that a face gets
sharper and not another one. The library's decoder is left out: no film shows what it draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from .config import TwinConfig

_RAMP = 0.05  # part of the training over which the critic's pull grows to its full weight
_MOST = 100.0  # the adaptive weight is never more than this, however small the critic's gradient is


class PatchCritic(nn.Module):
    """(N, 3, S, S) in about 0..1 -> the features of each layer, and last how true each patch looks, (N, 1, S/8, S/8).

    A patch is 46 pixels wide: an eye, or the corner of a mouth.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        layers, channels = [], 3
        for wider in (width, 2 * width, 4 * width):
            layers.append(spectral_norm(nn.Conv2d(channels, wider, 4, stride=2, padding=1)))
            channels = wider
        layers.append(spectral_norm(nn.Conv2d(channels, 1, 3, padding=1)))
        self.layers = nn.ModuleList(layers)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        features = [pictures * 4.0 - 2.0]
        for layer in self.layers[:-1]:
            features.append(F.leaky_relu(layer(features[-1]), 0.2))
        return [*features[1:], self.layers[-1](features[-1])]


def only_face(pictures: Tensor, mask: Tensor) -> Tensor:
    """Grey outside the face, so that the critic cannot tell by what stands behind. pictures (N, 3, S, S), mask (N, 1, S, S)."""
    return torch.lerp(torch.full_like(pictures, 0.5), pictures, mask)


def hinge(true: Tensor, drawn: Tensor) -> Tensor:
    """The critic's loss: true patches above 1, drawn ones below -1."""
    return 0.5 * (F.relu(1.0 - true.float()).mean() + F.relu(1.0 + drawn.float()).mean())


def last_layer(decoder: nn.Module) -> nn.Parameter:
    """The kernel of the decoder's last convolution, at which the two pulls are compared."""
    return [parameter for parameter in decoder.parameters() if parameter.ndim == 4][-1]


def adaptive_weight(reconstruction: Tensor, adversarial: Tensor, layer: nn.Parameter) -> Tensor:
    """What to multiply `adversarial` by so that its gradient at `layer` is as long as that of `reconstruction`; a scalar
    without gradient, 0..100."""
    (own,) = torch.autograd.grad(reconstruction, layer, retain_graph=True)
    (other,) = torch.autograd.grad(adversarial, layer, retain_graph=True)
    return (own.float().norm() / (other.float().norm() + 1e-6)).clamp(0.0, _MOST).detach()


@dataclass
class Finish:
    """The critic and its optimizer, which are part of a training's state."""

    critic: PatchCritic
    optimizer: torch.optim.Adam

    @classmethod
    def of(cls, config: TwinConfig, device: torch.device) -> Finish | None:
        """None when the configuration has no adversarial finish."""
        if config.adversarial <= 0.0:
            return None
        critic = PatchCritic(config.critic_dim).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(critic, torch.optim.Adam(critic.parameters(), lr=config.critic_rate, betas=(0.5, 0.9), fused=True))

    def pull(self, config: TwinConfig, drawn: Tensor, true: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """What the decoder is to lessen. drawn, true: (N, 3, S, S); mask: (N, 1, S, S) -> (how untrue it looks, how far the
        critic's features of it are from those of the true face (Wang et al. 2018)). The critic itself learns nothing of it."""
        self.critic.requires_grad_(False)
        try:
            *features, verdict = self.critic(only_face(drawn, mask))
            matching = drawn.new_zeros(())
            if config.loss_matching > 0.0:
                with torch.no_grad():
                    *wanted, _ = self.critic(only_face(true, mask))
                pairs = zip(features, wanted, strict=True)
                matching = torch.stack([F.l1_loss(own.float(), other.float()) for own, other in pairs]).mean()
        finally:
            self.critic.requires_grad_(True)
        return -verdict.float().mean(), matching

    def lesson(self, drawn: Tensor, true: Tensor, mask: Tensor) -> Tensor:
        """The critic's own loss on pictures that carry no gradient: one pass of true and drawn ones together."""
        both = torch.cat([only_face(true, mask), only_face(drawn.detach(), mask)]).contiguous(memory_format=torch.channels_last)
        verdict = self.critic(both)[-1]
        return hinge(verdict[: len(true)], verdict[len(true) :])


def strength(config: TwinConfig, done: float) -> float:
    """How much of its weight the finish has once `done` (0..1) of the training lies behind: 0 before it, then rising to 1.

    The critic learns from the first moment of the finish on, so it knows something by the time that it is heard.
    """
    return min(1.0, max(0.0, (done - config.adversarial_from) / _RAMP))
