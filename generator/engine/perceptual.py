"""How different two pictures of a face look to a person, where a mean of pixel differences misleads.

After LPIPS (Zhang et al. 2018): features of a trained network, brought to unit length at every place, are compared layer
by layer. The network is not one of theirs, whose weights cannot be had offline, but MTCNN's last one, O-Net (Zhang et al.
2016), which judges faces and finds eyes, nose and mouth; its layers weigh the same, without the weights that LPIPS learned
from people's answers. So the figure is LPIPS-like and can be compared with itself alone. No training here uses this network.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from processing.engine.torchvision_ops import prepare_torchvision

prepare_torchvision()

from facenet_pytorch.models.mtcnn import ONet  # noqa: E402  torchvision must be prepared first

SCALES = 3
# O-Net cannot look at less
_SMALLEST = 26
_BATCH = 16
_TINY = 1e-8


@lru_cache(maxsize=1)
def _network() -> ONet:
    network: ONet = ONet().eval()  # type: ignore[no-untyped-call]
    return network


def perceptual_distance(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean distance of the pictures of `a` from those of `b`, in order: 0 for equal ones.

    a, b: uint8 (N, H, W, 3) RGB, faces that fill most of the picture. On crops of 128 px about 0.02 for a blur of 1 px, 0.05
    of 1.5 px, 0.1 of 2 px, 0.2 of 3 px, 0.15 for the same person some seconds later, 0.6 for somebody else; a picture darker by a
    third is 0.04, though its pixels differ as much as somebody else's. It depends on the size, so compare equal sizes.

    The second to fourth convolution are compared, in the picture and halved once and twice; the first sees edges and
    colours alone and takes a shift of one pixel for worse than a blur. Raises ValueError for other shapes, no pictures,
    or a side under 24 px.
    """
    if a.shape != b.shape or a.ndim != 4 or a.shape[-1] != 3 or a.dtype != np.uint8 or b.dtype != np.uint8:
        raise ValueError(f"Two stacks of 8-bit RGB pictures of one size are needed, and these are {a.shape} and {b.shape}.")
    if not len(a) or min(a.shape[1:3]) < _SMALLEST:
        raise ValueError(f"There must be pictures, at least {_SMALLEST} px high and wide, and these are {a.shape}.")
    total = 0.0
    before = torch.get_num_threads()
    # for layers this small more threads only wait for each other
    torch.set_num_threads(1)
    try:
        for first in range(0, len(a), _BATCH):
            some = slice(first, first + _BATCH)
            total += _summed(_pixels(a[some]), _pixels(b[some]))
    finally:
        torch.set_num_threads(before)
    return total / len(a)


@torch.no_grad()
def _summed(x: Tensor, y: Tensor) -> float:
    """The distances of a batch, added up."""
    summed = torch.zeros(())
    compared = 0
    for scale in range(SCALES):
        if scale:
            if min(x.shape[-2:]) // 2 < _SMALLEST:
                break
            x, y = functional.avg_pool2d(x, 2), functional.avg_pool2d(y, 2)
        for left, right in zip(_features(x), _features(y), strict=True):
            summed += (_unit(left) - _unit(right)).square().sum(dim=1).mean(dim=(1, 2)).sum()
            compared += 1
    return float(summed) / compared


def _features(x: Tensor) -> list[Tensor]:
    """float32 (N, 3, H, W) in O-Net's range -> what its second, third and fourth convolution see."""
    net = _network()
    second = net.prelu2(net.conv2(net.pool1(net.prelu1(net.conv1(x)))))
    third = net.prelu3(net.conv3(net.pool2(second)))
    fourth = net.prelu4(net.conv4(net.pool3(third)))
    return [second, third, fourth]


def _unit(features: Tensor) -> Tensor:
    return features / (features.norm(dim=1, keepdim=True) + _TINY)


def _pixels(pictures: NDArray[np.uint8]) -> Tensor:
    return (torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() - 127.5) * 0.0078125
