"""torchvision imports, and its missing operator does what it should."""

import torch

from processing.engine.torchvision_ops import nms, prepare_torchvision


def test_torchvision_can_be_imported_and_used():
    prepare_torchvision()
    prepare_torchvision()

    from torchvision.ops import boxes

    kept = boxes.nms(torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60]]), torch.tensor([0.8, 0.9, 0.7]), 0.5)
    assert kept.tolist() == [1, 2]


def test_suppression_keeps_the_best_of_each_heap():
    generator = torch.Generator().manual_seed(1)
    heaps = torch.tensor([[0.0, 0], [100, 0], [0, 100]]).repeat_interleave(20, dim=0)
    corner = heaps + torch.rand(60, 2, generator=generator)
    scores = torch.rand(60, generator=generator)

    kept = nms(torch.cat([corner, corner + 30], dim=1), scores, 0.5)

    best = [int(scores[start : start + 20].argmax()) + start for start in (0, 20, 40)]
    assert sorted(kept.tolist()) == sorted(best)
    assert scores[kept].tolist() == sorted(scores[kept].tolist(), reverse=True)


def test_boxes_apart_are_all_kept_and_none_is_none():
    boxes = torch.tensor([[0.0, 0, 1, 1], [2, 2, 3, 3], [4, 4, 5, 5]])

    assert len(nms(boxes, torch.rand(3), 0.5)) == 3
    assert len(nms(torch.zeros(0, 4), torch.zeros(0), 0.5)) == 0
