"""The twin's network: one encoder for everybody, one decoder for the subject and one for the library.

The encoder must say what a face does (pose, expression, light) in words that both decoders understand; a library face
read by the encoder and drawn by the subject's decoder is the swap. Blocks follow ConvNeXt (Liu et al. 2022) with a
3x3 depthwise layer, whose backward pass on CPU is ten times quicker than that of 5x5; upsampling is by
pixel shuffle (Shi et al. 2016).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import TwinConfig

Side = Literal["subject", "library"]
SIDES: tuple[Side, Side] = ("subject", "library")


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of (N, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Block(nn.Module):
    """Residual block: depthwise 3x3, normalisation, two pointwise layers with a GELU between."""

    def __init__(self, channels: int, expansion: int) -> None:
        super().__init__()
        self.spatial = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.norm = ChannelNorm(channels)
        self.widen = nn.Conv2d(channels, channels * expansion, 1)
        self.narrow = nn.Conv2d(channels * expansion, channels, 1)
        self.scale = nn.Parameter(torch.full((channels, 1, 1), 0.3))

    def forward(self, x: Tensor) -> Tensor:
        y = self.narrow(F.gelu(self.widen(self.norm(self.spatial(x)))))
        return x + y * self.scale.to(y.dtype)


class Mixer(nn.Module):
    """Lets every cell of the smallest map know of every other one: a small dense layer over the positions."""

    def __init__(self, channels: int, cells: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.mix = nn.Linear(cells, cells)
        self.pointwise = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.mix(self.norm(x).flatten(2)).reshape(x.shape)
        return x + self.pointwise(F.gelu(y.contiguous(memory_format=torch.channels_last)))


class Encoder(nn.Module):
    """(N, 4, S, S), picture and openings in about 0..1 -> code (N, dims[-1], S/2**(len(dims)+1), same)."""

    def __init__(self, config: TwinConfig) -> None:
        super().__init__()
        dims = config.dims
        cells = (config.size // 2 ** (len(dims) + 1)) ** 2
        layers: list[nn.Module] = [nn.Conv2d(4, dims[0], 4, stride=4), ChannelNorm(dims[0])]
        for index, (channels, depth) in enumerate(zip(dims, config.depths, strict=True)):
            if index:
                layers += [ChannelNorm(dims[index - 1]), nn.Conv2d(dims[index - 1], channels, 2, stride=2)]
            layers += [Block(channels, config.expansion) for _ in range(depth)]
        layers += [Mixer(dims[-1], cells), Mixer(dims[-1], cells), ChannelNorm(dims[-1])]
        self.layers = nn.Sequential(*layers)

    def forward(self, sources: Tensor) -> Tensor:
        code: Tensor = self.layers(sources * 4.0 - 2.0)
        return code


class Decoder(nn.Module):
    """Code and openings (N, 1, S, S) -> picture in about 0..1 and mask logit, (N, 4, S, S).

    What is learned is the difference from `mean`, the average face and mask of this side, so that the first step
    already starts from a face.
    """

    mean: Tensor

    def __init__(self, config: TwinConfig) -> None:
        super().__init__()
        dims = config.dims[::-1]
        coarse: list[nn.Module] = []
        fine: list[nn.Module] = []
        for index, (channels, depth) in enumerate(zip(dims, config.depths[::-1], strict=True)):
            if index:
                coarse += [nn.Conv2d(dims[index - 1], channels * 4, 1), nn.PixelShuffle(2)]
            blocks = [Block(channels, config.expansion) for _ in range(depth)]
            (coarse if index + 1 < len(dims) else fine).extend(blocks)
        detail = config.detail_dim
        fine += [nn.Conv2d(dims[-1], detail * 4, 1), nn.PixelShuffle(2)]
        fine += [nn.Conv2d(detail, detail, 3, padding=1), nn.GELU()]
        head = nn.Conv2d(detail, 16, 3, padding=1)
        nn.init.normal_(head.weight, std=0.01)
        nn.init.zeros_(head.bias)  # type: ignore[arg-type]
        self.coarse = nn.Sequential(*coarse)
        self.openings = nn.Conv2d(1, dims[-1], 4, stride=4)
        self.fine = nn.Sequential(*fine, head, nn.PixelShuffle(2))
        self.register_buffer("mean", torch.zeros(1, 4, config.size, config.size))

    @torch.no_grad()
    def start_from(self, faces: Tensor, masks: Tensor) -> None:
        """Set `mean` from faces (N, 3, S, S) in the standard tone and masks (N, 1, S, S) in 0..1."""
        chance = masks.mean(0, keepdim=True).clamp(0.02, 0.98)
        self.mean.copy_(torch.cat([faces.mean(0, keepdim=True), chance.logit()], dim=1))

    def forward(self, code: Tensor, openings: Tensor) -> Tensor:
        drawn: Tensor = self.fine(self.coarse(code) + self.openings(openings))
        return drawn.float() + self.mean


class TwinNetwork(nn.Module):
    """The encoder and its two decoders."""

    def __init__(self, config: TwinConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.subject = Decoder(config)
        self.library = Decoder(config)

    def decoder(self, side: Side) -> Decoder:
        return self.subject if side == "subject" else self.library

    def forward(self, sources: Tensor, side: Side) -> Tensor:
        """sources (N, 4, S, S): picture in the standard tone and openings. -> the same face by the decoder of `side`,
        (N, 4, S, S): colour in the standard tone, then mask logit."""
        drawn: Tensor = self.decoder(side)(self.encoder(sources), sources[:, 3:])
        return drawn

    def rebuild(self, subject: Tensor, library: Tensor) -> tuple[Tensor, Tensor]:
        """Both sides through one pass of the encoder, each drawn by its own decoder."""
        code = self.encoder(torch.cat([subject, library]).contiguous(memory_format=torch.channels_last))
        own, other = code[: len(subject)], code[len(subject) :]
        return self.subject(own, subject[:, 3:]), self.library(other, library[:, 3:])


def build_network(config: TwinConfig) -> TwinNetwork:
    """A fresh network in the memory layout that convolutions are quickest in."""
    network = TwinNetwork(config)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def count_parameters(network: nn.Module) -> int:
    """Numbers that the training may change."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
