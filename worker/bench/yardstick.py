"""The yardstick: the classic face-swapping autoencoder, `original`, at the settings that it was published with.

One encoder for two people and a decoder each, 64 pixels, 82 million parameters. Faces come from the same memory, cut and varied
by the same code as ours, so that neither reading nor warping is what tells the two apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from generator.engine.augment import pick, similarity_grid, warp_field
from generator.engine.config import TwinConfig
from generator.engine.device import keep_freed_memory
from generator.engine.faceset import FaceSet
from generator.engine.network import SIDES, Side
from generator.engine.threads import ThreadChoice

SIZE, BATCH = 64, 16
# how its loader varies faces; nothing else of the configuration is read
VARIED = TwinConfig(size=SIZE, batch=BATCH, rotation=10.0, zoom=0.05, shift=0.05, flip=0.5, warp=5 / 256)


def _halved(inside: int, outside: int) -> list[nn.Module]:
    return [nn.Conv2d(inside, outside, 5, stride=2, padding=2), nn.LeakyReLU(0.1)]


def _doubled(inside: int, outside: int) -> list[nn.Module]:
    return [nn.Conv2d(inside, outside * 4, 3, padding=1), nn.LeakyReLU(0.1), nn.PixelShuffle(2)]


class Original(nn.Module):
    """Pictures (N, 3, 64, 64) in 0..1 -> the same, drawn by the decoder of a side."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            *_halved(3, 128),
            *_halved(128, 256),
            *_halved(256, 512),
            *_halved(512, 1024),
            nn.Flatten(),
            nn.Linear(4 * 4 * 1024, 1024),
            nn.Linear(1024, 4 * 4 * 1024),
            nn.Unflatten(1, (1024, 4, 4)),
            *_doubled(1024, 512),
        )
        self.decoders = nn.ModuleDict(
            {
                side: nn.Sequential(
                    *_doubled(512, 256), *_doubled(256, 128), *_doubled(128, 64), nn.Conv2d(64, 3, 5, padding=2), nn.Sigmoid()
                )
                for side in SIDES
            }
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_uniform_(layer.weight)
            elif isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.zeros_(layer.bias)

    def forward(self, pictures: Tensor, side: Side) -> Tensor:
        return self.decoders[side](self.encoder(pictures))


class OriginalTraining:
    """Steps of its training: 16 faces a side, Adam 5e-5, structural dissimilarity + mean squared error, 32-bit floats."""

    def __init__(self, faces: dict[Side, FaceSet], seed: int) -> None:
        """faces: of any size, those to learn from."""
        keep_freed_memory()
        torch.manual_seed(seed)
        self.network = Original()
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=5e-5, betas=(0.5, 0.99), eps=1e-7, fused=True)
        self.generator = torch.Generator().manual_seed(seed)
        self.images = {
            side: torch.from_numpy(some.resized(SIZE).images).permute(0, 3, 1, 2).contiguous() for side, some in faces.items()
        }
        self.images_seen = 0

    def step(self) -> float:
        """One batch of each side; returns the loss."""
        self.network.train()
        total = torch.zeros(())
        for side in SIDES:
            source, target = self._batch(side)
            drawn = self.network(source, side)
            total = total + (1.0 - _similarity(drawn, target)) / 2.0 + F.mse_loss(drawn, target)
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        self.optimizer.step()
        self.images_seen += 2 * BATCH
        return float(total.detach())

    def _batch(self, side: Side) -> tuple[Tensor, Tensor]:
        images = self.images[side]
        chosen = images[pick(len(images), BATCH, self.generator)].float() / 255.0
        grid = similarity_grid(VARIED, len(chosen), self.generator)
        warped = grid + warp_field(VARIED, len(chosen), self.generator)
        how = {"mode": "bilinear", "padding_mode": "border", "align_corners": False}
        return F.grid_sample(chosen, warped, **how), F.grid_sample(chosen, grid, **how)

    @torch.no_grad()
    def draw(self, faces: FaceSet, side: Side) -> NDArray[np.uint8]:
        """Faces of any size, drawn again: uint8 (N, 64, 64, 3)."""
        self.network.eval()
        pictures = torch.from_numpy(faces.resized(SIZE).images).permute(0, 3, 1, 2).float() / 255.0
        parts = [self.network(some, side) for some in pictures.split(BATCH)]
        return (torch.cat(parts) * 255.0).round().byte().permute(0, 2, 3, 1).numpy()


def train_for(seconds: float, step: Callable[[], object], *, every_s: float, look: Callable[[float], None]) -> float:
    """Takes steps until they have taken so many seconds; returns how many they took. `look` is called about every `every_s` of
    them, and at the end, with how many there were; how long it takes itself is not counted. Threads are chosen as for our own
    training.
    """
    spent = looked = 0.0
    with ThreadChoice() as threads:
        while spent < seconds:
            began = time.monotonic()
            step()
            took = time.monotonic() - began
            spent += took
            threads.took(took, spent)
            if spent - looked >= every_s or spent >= seconds:
                looked = spent
                look(spent)
    return spent


def _similarity(a: Tensor, b: Tensor) -> Tensor:
    """Mean SSIM of (N, 3, H, W) in 0..1 (Wang et al. 2004, Gaussian window of 11 pixels)."""
    x = torch.arange(11, dtype=torch.float32) - 5.0
    line = torch.exp(-0.5 * (x / 1.5) ** 2)
    line = line / line.sum()
    window = torch.outer(line, line).expand(15, 1, 11, 11)
    mean_a, mean_b, square_a, square_b, product = F.conv2d(torch.cat([a, b, a * a, b * b, a * b], 1), window, groups=15).chunk(
        5, 1
    )
    variance_a, variance_b = square_a - mean_a**2, square_b - mean_b**2
    covariance = product - mean_a * mean_b
    steady, contrast = 0.01**2, 0.03**2
    maps = (2 * mean_a * mean_b + steady) * (2 * covariance + contrast)
    return (maps / ((mean_a**2 + mean_b**2 + steady) * (variance_a + variance_b + contrast))).mean()
