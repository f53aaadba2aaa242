from dataclasses import replace

import numpy as np
import pytest
import torch
from drawn_faces import BRUNO, faces

from generator.engine import augment
from generator.engine.config import PRESETS
from generator.engine.faceset import FaceSet, FaceSetError, build_faceset, split_heldout

CPU = torch.device("cpu")
STILL = replace(PRESETS["tiny"], rotation=0, zoom=0, shift=0, flip=0, warp=0, light=0, transfer=0)


def test_a_set_holds_masks_on_the_face_and_features_within(anna):
    assert anna.images.shape == (48, 32, 32, 3) and anna.masks.shape == anna.features.shape == (48, 32, 32)
    assert anna.masks[:, 16, 16].min() == 255 and anna.masks[:, 0, 0].max() == 0
    assert 0.02 < (anna.features > 127).mean() < (anna.masks > 127).mean()


def test_too_few_faces_are_refused_in_a_sentence():
    with pytest.raises(FaceSetError, match="too few"):
        build_faceset(np.zeros((3, 64, 64, 3), np.uint8), np.zeros((3, 468, 3), np.float32), np.arange(3.0), 32)


def test_masks_of_another_size_are_refused():
    with pytest.raises(FaceSetError, match="mask"):
        FaceSet(np.zeros((9, 32, 32, 3), np.uint8), np.zeros((9, 16, 16), np.uint8), np.arange(9.0))


@pytest.mark.parametrize("count", [3, 8, 50, 365])
def test_held_out_faces_lie_in_stretches_that_touch_no_face_of_the_training(count):
    stack = np.zeros((count, 8, 8, 3), np.uint8)
    moments = np.random.default_rng(1).permutation(count).astype(float)
    kept, held = split_heldout(FaceSet(stack, stack[..., 0], moments), 0.1)
    assert len(held) >= 1 and len(kept) >= count // 3
    nearest = np.abs(kept.moments[:, None] - held.moments[None]).min()
    assert nearest >= 2
    if count > 20:
        assert 0.05 * count <= len(held) <= 0.15 * count


def test_nothing_is_held_out_when_nothing_is_asked(anna):
    kept, held = split_heldout(anna, 0.0)
    assert (len(kept), len(held)) == (48, 0)


def test_an_identity_transform_gives_the_faces_themselves(anna):
    tensors = augment.FaceTensors.of(anna, CPU)
    batch = augment.make_batch(STILL, tensors, torch.Generator().manual_seed(0), warp=True)
    assert torch.allclose(batch.source, batch.target, atol=1e-4)
    known = tensors.images.float() / 255
    for face in batch.target:
        assert (known - face).abs().flatten(1).max(1).values.min() < 0.01


def test_a_batch_is_varied_within_its_ranges_and_only_the_source_is_warped(anna, bruno):
    config = PRESETS["tiny"]
    tensors, others = augment.FaceTensors.of(anna, CPU), augment.FaceTensors.of(bruno, CPU)
    batch = augment.make_batch(config, tensors, torch.Generator().manual_seed(3), warp=True, towards=others)
    for value, channels in ((batch.source, 3), (batch.target, 3), (batch.mask, 1), (batch.features, 1)):
        assert value.shape == (config.batch, channels, 32, 32)
        assert 0.0 <= float(value.min()) and float(value.max()) <= 1.0
    assert not torch.allclose(batch.source, batch.target, atol=0.02)
    straight = augment.make_batch(config, tensors, torch.Generator().manual_seed(3), warp=False, towards=others)
    assert torch.equal(straight.source, straight.target)
    assert torch.allclose(straight.target, batch.target)


def test_the_same_draws_give_the_same_batch(anna):
    tensors = augment.FaceTensors.of(anna, CPU)
    first, second = (
        augment.make_batch(PRESETS["tiny"], tensors, torch.Generator().manual_seed(5), warp=True) for _ in range(2)
    )
    assert torch.equal(first.source, second.source)


def test_full_transfer_gives_a_face_the_tone_of_the_other(anna):
    config = replace(STILL, transfer=1.0)
    tone = augment.FaceTensors.of(anna, CPU).tone
    wanted = augment.FaceTensors.of(faces(BRUNO, 48), CPU).tone
    generator = torch.Generator().manual_seed(0)
    matrix, offset = augment.tone_matrices(config, tone, wanted, generator)
    parts = torch.rand(1)  # any grey: its luma must move toward the wanted one, never past it
    grey = torch.full((48, 3), float(parts)) * 0 + tone[:, :1, 0]
    moved = torch.einsum("nij,nj->ni", matrix, grey) + offset
    luma = moved @ torch.tensor([0.299, 0.587, 0.114])
    low, high = torch.minimum(tone[:, 0, 0], wanted[:, 0, 0]), torch.maximum(tone[:, 0, 0], wanted[:, 0, 0])
    assert (luma >= low - 0.02).all() and (luma <= high + 0.02).all()
    assert (luma - tone[:, 0, 0]).abs().max() > 0.05
