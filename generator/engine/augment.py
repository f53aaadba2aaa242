"""Varying faces in batch, on the device that trains: geometry by one `grid_sample`, light by one matrix a face."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from .config import TwinConfig
from .faceset import FaceSet
from .tone import measure_tone, retone, standard_tone

_NODES = 5  # of the net that bends a face, along each side


@dataclass(frozen=True)
class FaceTensors:
    """A face set on the training's device. layers: uint8 (N, 6, S, S), all that is drawn of a face side by side, so that a batch
    is gathered in one go: picture (3), mask, features, openings. tone: float (N, 2, 3), see `measure_tone`."""

    layers: Tensor
    tone: Tensor

    def __len__(self) -> int:
        return len(self.layers)

    @property
    def images(self) -> Tensor:
        """uint8 (N, 3, S, S)."""
        return self.layers[:, :3]

    @property
    def masks(self) -> Tensor:
        """uint8 (N, 1, S, S)."""
        return self.layers[:, 3:4]

    @classmethod
    def of(cls, faces: FaceSet, device: torch.device) -> FaceTensors:
        images = torch.from_numpy(faces.images).permute(0, 3, 1, 2)
        masks = torch.from_numpy(faces.masks)[:, None]
        drawn = (faces.features, faces.openings)
        maps = [torch.zeros_like(masks) if one is None else torch.from_numpy(one)[:, None] for one in drawn]
        layers = torch.cat([images, masks, *maps], dim=1).to(device)
        return cls(layers, measure_tone(layers[:, :3], layers[:, 3:4]))

    def sources(self) -> Tensor:
        """What the network reads of them: float (N, 4, S, S), the picture in the standard tone and the openings."""
        toned = retone(self.images.float() / 255.0, self.tone, standard_tone(len(self), self.layers.device))
        return torch.cat([toned, self.layers[:, 5:].float() / 255.0], dim=1)


@dataclass(frozen=True)
class Batch:
    """What one step learns from. source: float (N, 4, S, S), as of `FaceTensors.sources`; target: float (N, 3, S, S),
    about 0..1; mask, features: float (N, 1, S, S) in 0..1."""

    source: Tensor
    target: Tensor
    mask: Tensor
    features: Tensor

    def cut(self, parts: int) -> list[Batch]:
        """The same faces in as many batches of about one size, none of them empty."""
        layers = (self.source, self.target, self.mask, self.features)
        return [Batch(*pieces) for pieces in zip(*(layer.tensor_split(parts) for layer in layers), strict=True)]


def pick(count: int, size: int, generator: torch.Generator) -> Tensor:
    """`size` indices below `count`; none twice while there are enough."""
    if count >= size:
        return torch.randperm(count, generator=generator)[:size]
    return torch.randint(count, (size,), generator=generator)


def similarity_grid(config: TwinConfig, count: int, generator: torch.Generator, device: torch.device | None = None) -> Tensor:
    """Sampling grids (count, S, S, 2) in -1..1: rotation, zoom and shift (uniform), and mirroring.

    The few draws are the CPU's, as `generator` is, so that they are the same on every device; what is made of them is `device`'s.
    """

    def spread(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator) * 2.0 - 1.0

    angle = torch.deg2rad(spread() * config.rotation)
    scale = 1.0 + spread() * config.zoom
    shift = spread(2) * config.shift * 2.0
    mirror = torch.where(torch.rand(count, generator=generator) < config.flip, -1.0, 1.0)
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    places = _places(config.size, device)
    across = torch.stack([cosine * mirror, sine * mirror], 1)[:, :, None].to(device) * places
    down = torch.stack([-sine, cosine], 1)[:, :, None].to(device) * places + shift[:, :, None].to(device)
    # plane by plane, as displacements are: a sum of rows and columns takes a thirtieth of the time of `affine_grid`
    return (across[:, :, None, :] + down[:, :, :, None]).permute(0, 2, 3, 1)


def _places(size: int, device: torch.device | None) -> Tensor:
    """The middles of `size` pixels on an axis from -1 to 1."""
    return (torch.arange(size, device=device) * 2.0 + 1.0) / size - 1.0


def warp_field(config: TwinConfig, count: int, generator: torch.Generator, device: torch.device | None = None) -> Tensor:
    """Smooth displacements (count, S, S, 2) in the units of a sampling grid, from a 5x5 net of normal draws, bicubically."""
    nodes = torch.randn(count, 2, _NODES, _NODES, generator=generator).to(device) * (config.warp * 2.0)
    spread = _bicubic(config.size).to(device)
    return (spread @ nodes @ spread.T).permute(0, 2, 3, 1)


@cache
def _bicubic(size: int) -> Tensor:
    """What each of `_NODES` nodes gives to each of `size` places on one axis, (size, _NODES). As a product, spreading a net out
    takes a twentieth of the time that it takes by interpolating."""
    return F.interpolate(torch.eye(_NODES)[None, None], size=(size, _NODES), mode="bicubic", align_corners=True)[0, 0]


def jittered_tone(config: TwinConfig, tone: Tensor, generator: torch.Generator) -> Tensor:
    """Tones (N, 2, 3) a little wrong, uniformly by `config.light`, as those measured on a template may be."""
    draws = (torch.rand(tone.shape, generator=generator) * 2.0 - 1.0).to(tone.device) * config.light
    mean = tone[:, 0] + draws[:, 0] * tone[:, 1]
    return torch.stack([mean, tone[:, 1] * (1.0 + draws[:, 1])], dim=1)


def make_batch(config: TwinConfig, faces: FaceTensors, generator: torch.Generator, *, warp: bool) -> Batch:
    """Draw and vary `config.batch` faces, in the standard tone.

    The source is warped and its light varied, the target is neither: undoing the warp is what teaches the encoder to
    read a face's shape instead of copying it. The openings stay straight. Rotation, zoom, shift and mirroring are alike
    in all.
    """
    device = faces.layers.device
    chosen = pick(len(faces), config.batch, generator).to(device)
    count = len(chosen)
    standard = standard_tone(count, device)
    layers = faces.layers[chosen].float().div_(255.0)
    layers[:, :3] = retone(layers[:, :3], faces.tone[chosen], standard)
    light = jittered_tone(config, standard, generator)

    grid = similarity_grid(config, count, generator, device)
    straight = _sample(layers, grid)
    source = straight[:, :3]
    if warp:
        source = _sample(layers[:, :3], grid + warp_field(config, count, generator, device))
    source = torch.cat([retone(source, standard, light), straight[:, 5:]], dim=1)
    return Batch(source, straight[:, :3], straight[:, 3:4], straight[:, 4:5])


def _sample(pictures: Tensor, grid: Tensor) -> Tensor:
    sampled = F.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return cast(Tensor, sampled)
