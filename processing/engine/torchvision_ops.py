"""Makes `import torchvision` work where its wheel was built for CUDA and torch for the CPU.

torchvision's wheel then lacks its compiled operators, and its import dies on the missing registration of
`torchvision::nms`. The operator is registered here, written in torch, only where it is missing.
"""

from __future__ import annotations

import torch

_library: torch.library.Library | None = None


def nms(boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Greedy non-maximum suppression: boxes float (N, 4), scores float (N,) -> int64 kept indices, best first."""
    order = scores.argsort(descending=True)
    area = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(dim=1)
    kept: list[int] = []
    while order.numel():
        best = int(order[0])
        kept.append(best)
        rest = order[1:]
        low = torch.maximum(boxes[best, :2], boxes[rest, :2])
        high = torch.minimum(boxes[best, 2:], boxes[rest, 2:])
        common = (high - low).clamp(min=0).prod(dim=1)
        union = (area[best] + area[rest] - common).clamp(min=1e-9)
        order = rest[common / union <= iou_threshold]
    return torch.tensor(kept, dtype=torch.int64, device=boxes.device)


def prepare_torchvision() -> None:
    """Register what torchvision's import asks for, if torch does not have it. Call before importing torchvision."""
    global _library
    if _library is not None or _has_operator():
        return
    _library = torch.library.Library("torchvision", "DEF")
    _library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _library.impl("nms", nms, "CPU")
    import torchvision.extension

    torchvision.extension._has_ops = lambda: True


def _has_operator() -> bool:
    """True where a whole torchvision stands: its compiled operators load, or they are registered already."""
    if hasattr(torch.ops.torchvision, "nms"):
        return True
    try:
        import torchvision.ops
    except (RuntimeError, AttributeError):
        return False
    return hasattr(torch.ops.torchvision, "nms") and torchvision.ops is not None
