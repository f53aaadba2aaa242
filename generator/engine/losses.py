"""How far a rebuilt face is from the true one. Each loss is a small callable that gives a scalar."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .augment import Batch
from .config import TwinConfig


def _window(size: int, stride: int, sigma: float) -> Tensor:
    """Rows of normalised Gaussians, (size / stride, size): a blur and subsampling of one axis as a product."""
    centres = torch.arange(0, size, stride, dtype=torch.float32) + (stride - 1) / 2
    distance = torch.arange(size, dtype=torch.float32)[None] - centres[:, None]
    weights = torch.exp(-0.5 * (distance / sigma) ** 2) * (distance.abs() <= 3.5 * sigma)
    return weights / weights.sum(1, keepdim=True)


class Dssim(nn.Module):
    """(1 - SSIM) / 2 in 0..1 at several scales (Wang et al. 2004; weights of each scale alike).

    Blurring by matrices is several times quicker on CPU than depthwise convolution with an 11x11 window. Windows lie `stride`
    pixels apart, and half as far at each further scale; they are wide enough that every pixel is seen by several.
    pictures: float (N, 3, S, S) in 0..1; weight: float (N, 1, S, S).
    """

    def __init__(self, size: int, scales: int = 2, sigma: float = 1.5, stride: int = 4) -> None:
        super().__init__()
        self.scales = max(1, min(scales, size // 32))
        for scale in range(self.scales):
            window = _window(size >> scale, max(1, stride >> scale), sigma)
            self.register_buffer(f"window{scale}", window, persistent=False)

    def forward(self, drawn: Tensor, true: Tensor, weight: Tensor) -> Tensor:
        total = drawn.new_zeros(())
        for scale in range(self.scales):
            if scale:
                drawn, true, weight = (F.avg_pool2d(x, 2) for x in (drawn, true, weight))
            window: Tensor = getattr(self, f"window{scale}")
            maps = _ssim_map(drawn, true, window)
            share = _blur(weight, window)
            total = total + (share * (1.0 - maps)).sum() / (share.sum() * maps.shape[1]) / 2.0
        return total / self.scales


def _blur(pictures: Tensor, window: Tensor) -> Tensor:
    return window @ pictures @ window.T


def _ssim_map(drawn: Tensor, true: Tensor, window: Tensor) -> Tensor:
    """Only the sum of both variances is asked for, so three blurs of the drawn picture are enough; the true one's needs no
    gradient."""
    steady, contrast = 0.01**2, 0.03**2
    mean_drawn, squares, product = _blur(torch.stack([drawn, drawn * drawn + true * true, drawn * true]), window)
    mean_true = _blur(true, window)
    means, of_both = mean_drawn * mean_true, mean_drawn**2 + mean_true**2
    return ((2 * means + steady) * (2 * (product - means) + contrast)) / ((of_both + steady) * (squares - of_both + contrast))


def weighted_l1(drawn: Tensor, true: Tensor, weight: Tensor) -> Tensor:
    """Mean absolute difference, each pixel counted by its weight."""
    return ((drawn - true).abs() * weight).sum() / (weight.sum() * drawn.shape[1])


def edges(drawn: Tensor, true: Tensor, weight: Tensor) -> Tensor:
    """Mean absolute difference of the horizontal and vertical steps: it is what keeps lids and lips crisp."""
    wrong = drawn - true
    across = (wrong[..., :, 1:] - wrong[..., :, :-1]).abs() * weight[..., :, 1:]
    down = (wrong[..., 1:, :] - wrong[..., :-1, :]).abs() * weight[..., 1:, :]
    return (across.sum() + down.sum()) / (weight.sum() * drawn.shape[1])


@dataclass(frozen=True)
class LossParts:
    """The weighted sum to descend on, and its parts for the record."""

    total: Tensor
    parts: dict[str, Tensor]


class FaceLoss(nn.Module):
    """L1 + multi-scale DSSIM + edges, weighted toward the face and most toward eyes and mouth, and the mask's
    cross-entropy."""

    def __init__(self, config: TwinConfig) -> None:
        super().__init__()
        self.config = config
        self.dssim = Dssim(config.size)

    def forward(self, drawn: Tensor, batch: Batch) -> LossParts:
        """drawn: (N, 4, S, S) of the network, colour and mask logit."""
        config = self.config
        # networks draw channels last, and the losses run over planes
        drawn = drawn.contiguous()
        colour, logit = drawn[:, :3], drawn[:, 3:4]
        face = config.background + (1.0 - config.background) * batch.mask
        weight = face + (config.features - 1.0) * batch.features
        parts = {
            "l1": weighted_l1(colour, batch.target, weight),
            "dssim": self.dssim(colour, batch.target, weight),
            "edges": edges(colour, batch.target, weight),
            "mask": F.binary_cross_entropy_with_logits(logit, batch.mask),
        }
        total = (
            config.loss_l1 * parts["l1"]
            + config.loss_dssim * parts["dssim"]
            + config.loss_edges * parts["edges"]
            + config.loss_mask * parts["mask"]
        )
        return LossParts(total, parts)
