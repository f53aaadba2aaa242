"""Varying faces in batch, on the device that trains: geometry by one `grid_sample`, tone by one 3x4 matrix a face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from .config import TwinConfig
from .faceset import FaceSet

# Luma and two colour differences (ITU-R BT.601), rows of an invertible matrix. Mean and deviation matched there is
# colour transfer (Reinhard et al. 2001) in a space that a matrix reaches, so that a whole batch is toned at once.
_TO_OPPONENT = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


@dataclass(frozen=True)
class FaceTensors:
    """A face set on the training's device. images: uint8 (N, 3, S, S); masks, features: uint8 (N, 1, S, S);
    tone: float (N, 2, 3), mean and deviation over the face of luma and two colour differences, in 0..1."""

    images: Tensor
    masks: Tensor
    features: Tensor
    tone: Tensor

    def __len__(self) -> int:
        return len(self.images)

    @classmethod
    def of(cls, faces: FaceSet, device: torch.device) -> FaceTensors:
        images = torch.from_numpy(faces.images).permute(0, 3, 1, 2).contiguous().to(device)
        masks = torch.from_numpy(faces.masks)[:, None].contiguous().to(device)
        features = torch.zeros_like(masks)
        if faces.features is not None:
            features = torch.from_numpy(faces.features)[:, None].contiguous().to(device)
        return cls(images, masks, features, _tone(images, masks))


@dataclass(frozen=True)
class Batch:
    """What one step learns from. source, target: float (N, 3, S, S) in 0..1; mask, features: float (N, 1, S, S)."""

    source: Tensor
    target: Tensor
    mask: Tensor
    features: Tensor


def _opponent(device: torch.device) -> Tensor:
    return torch.tensor(_TO_OPPONENT, device=device)


def _tone(images: Tensor, masks: Tensor) -> Tensor:
    matrix = _opponent(images.device)
    rows = []
    for image, mask in zip(images, masks, strict=True):
        inside = mask[0] > 127
        pixels = image[:, inside] if bool(inside.any()) else image.flatten(1)
        values = matrix @ (pixels.float() / 255.0)
        rows.append(torch.stack([values.mean(1), values.std(1, correction=0)]))
    return torch.stack(rows) if rows else torch.zeros(0, 2, 3, device=images.device)


def pick(count: int, size: int, generator: torch.Generator) -> Tensor:
    """`size` indices below `count`; none twice while there are enough."""
    if count >= size:
        return torch.randperm(count, generator=generator)[:size]
    return torch.randint(count, (size,), generator=generator)


def similarity_grid(config: TwinConfig, count: int, generator: torch.Generator) -> Tensor:
    """Sampling grids (count, S, S, 2) in -1..1: rotation, zoom and shift (uniform), and mirroring."""

    def spread(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator) * 2.0 - 1.0

    angle = torch.deg2rad(spread() * config.rotation)
    scale = 1.0 + spread() * config.zoom
    shift = spread(2) * config.shift * 2.0
    mirror = torch.where(torch.rand(count, generator=generator) < config.flip, -1.0, 1.0)
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    theta = torch.stack(
        [torch.stack([cosine * mirror, -sine, shift[:, 0]], 1), torch.stack([sine * mirror, cosine, shift[:, 1]], 1)], 1
    )
    return F.affine_grid(theta, [count, 1, config.size, config.size], align_corners=False)


def warp_field(config: TwinConfig, count: int, generator: torch.Generator) -> Tensor:
    """Smooth displacements (count, S, S, 2) in the units of a sampling grid, from a 5x5 net of normal draws."""
    nodes = torch.randn(count, 2, 5, 5, generator=generator) * (config.warp * 2.0)
    field = F.interpolate(nodes, size=(config.size, config.size), mode="bicubic", align_corners=True)
    return field.permute(0, 2, 3, 1)


def tone_matrices(
    config: TwinConfig, tone: Tensor, towards: Tensor | None, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Matrices (N, 3, 3) and offsets (N, 3) that re-tone RGB in 0..1.

    tone, towards: (N, 2, 3) of each face and of the face it may be toned like, by a random part. Light and colour vary
    on top of it.
    """
    count, device = len(tone), tone.device
    wanted = tone
    if towards is not None:
        chosen = torch.rand(count, 1, 1, generator=generator) < config.transfer
        part = torch.rand(count, 1, 1, generator=generator) * chosen
        wanted = torch.lerp(tone, towards, part.to(device))
    draws = (torch.rand(count, 2, 3, generator=generator) * 2.0 - 1.0).to(device) * config.light
    colour = torch.tensor([1.0, 0.25, 0.25], device=device)  # a change of hue shows more than one of brightness
    mean = wanted[:, 0] + draws[:, 0] * colour * 0.6
    deviation = wanted[:, 1] * (1.0 + draws[:, 1])
    gain = (deviation / tone[:, 1].clamp(min=1e-3)).clamp(0.5, 2.0)
    forth = _opponent(device)
    back = torch.linalg.inv(forth)
    return back @ (gain[:, :, None] * forth), (mean - gain * tone[:, 0]) @ back.T


def make_batch(
    config: TwinConfig,
    faces: FaceTensors,
    generator: torch.Generator,
    *,
    warp: bool,
    towards: FaceTensors | None = None,
) -> Batch:
    """Draw and vary `config.batch` faces.

    The source is warped, the target is not: undoing the warp is what teaches the encoder to read a face's shape
    instead of copying it. Rotation, mirroring and tone are alike in both. `towards`: faces whose tone may be taken on.
    """
    device = faces.images.device
    chosen = pick(len(faces), config.batch, generator).to(device)
    images = faces.images[chosen].float().div_(255.0)
    toned_like = None
    if towards is not None:
        toned_like = towards.tone[torch.randint(len(towards), (len(chosen),), generator=generator).to(device)]
    matrix, offset = tone_matrices(config, faces.tone[chosen], toned_like, generator)
    images = torch.einsum("nij,njhw->nihw", matrix, images) + offset[:, :, None, None]
    images = images.clamp_(0.0, 1.0)

    grid = similarity_grid(config, len(chosen), generator).to(device)
    layers = torch.cat([images, faces.masks[chosen].float() / 255.0, faces.features[chosen].float() / 255.0], dim=1)
    straight = _sample(layers, grid)
    source = straight[:, :3]
    if warp:
        source = _sample(images, grid + warp_field(config, len(chosen), generator).to(device))
    return Batch(source, straight[:, :3], straight[:, 3:4], straight[:, 4:5])


def _sample(pictures: Tensor, grid: Tensor) -> Tensor:
    sampled = F.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return cast(Tensor, sampled)
