from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from generator.engine import augment
from generator.engine.config import PRESETS, TwinConfig
from generator.engine.faceset import FaceSet, FaceSetError, build_faceset, split_heldout
from generator.engine.tone import measure_tone, retone, standard_tone

CPU = torch.device("cpu")
STILL = replace(PRESETS["tiny"], rotation=0, zoom=0, shift=0, flip=0, warp=0, light=0)


def test_a_set_holds_masks_on_the_face_and_features_within(anna):
    assert anna.images.shape == (48, 32, 32, 3) and anna.masks.shape == anna.features.shape == (48, 32, 32)
    assert anna.masks[:, 16, 16].min() == 255 and anna.masks[:, 0, 0].max() == 0
    assert 0.02 < (anna.features > 127).mean() < (anna.masks > 127).mean()


def test_openings_show_the_mouth_at_work(anna):
    lower = anna.openings[:, 18:].astype(float).sum((1, 2))
    assert lower.max() > 2 * lower.min()
    assert (anna.openings > 127).sum() < (anna.features > 127).sum()


def test_too_few_faces_are_refused_in_a_sentence():
    with pytest.raises(FaceSetError, match="too few"):
        build_faceset(np.zeros((3, 64, 64, 3), np.uint8), np.zeros((3, 468, 3), np.float32), np.arange(3.0), 32)


def test_masks_of_another_size_are_refused():
    with pytest.raises(FaceSetError, match="mask"):
        FaceSet(np.zeros((9, 32, 32, 3), np.uint8), np.zeros((9, 16, 16), np.uint8), np.arange(9.0))


@pytest.mark.parametrize("count", [8, 50, 365])
def test_held_out_faces_lie_in_stretches_that_touch_no_face_of_the_training(count):
    stack = np.zeros((count, 8, 8, 3), np.uint8)
    moments = np.random.default_rng(1).permutation(count).astype(float)
    kept, held = split_heldout(FaceSet(stack, stack[..., 0], moments), 0.1)
    assert len(held) >= 1 and len(kept) >= count // 3
    nearest = np.abs(kept.moments[:, None] - held.moments[None]).min()
    assert nearest >= 2
    if count > 20:
        assert 0.05 * count <= len(held) <= 0.15 * count


def test_what_is_held_out_by_shot_is_held_out_whatever_the_time(anna):
    decided = np.arange(48) % 5 == 0
    kept, held = split_heldout(replace(anna, held_out=decided).resized(16), 0.1)
    assert held.moments.tolist() == anna.moments[decided].tolist()
    assert kept.moments.tolist() == anna.moments[~decided].tolist()
    assert len(split_heldout(replace(anna, held_out=decided), 0.0)[1]) == 0


def test_where_no_shot_is_held_out_time_decides():
    images = np.zeros((20, 64, 64, 3), np.uint8)
    landmarks = np.tile(np.random.default_rng(0).uniform(10, 50, (468, 3)), (20, 1, 1))
    faces = build_faceset(images, landmarks, np.arange(20.0), 32, np.zeros(20, bool))
    assert faces.held_out is None and len(split_heldout(faces, 0.1)[1]) >= 1
    with pytest.raises(FaceSetError, match="held out"):
        replace(faces, held_out=np.zeros(3, bool))


def test_nothing_is_held_out_when_nothing_is_asked(anna):
    kept, held = split_heldout(anna, 0.0)
    assert (len(kept), len(held)) == (48, 0)


def test_an_identity_transform_gives_the_faces_themselves(anna):
    tensors = augment.FaceTensors.of(anna, CPU)
    batch = augment.make_batch(STILL, tensors, torch.Generator().manual_seed(0), warp=True)
    assert torch.allclose(batch.source[:, :3], batch.target, atol=1e-4)
    known = retone(tensors.images.float() / 255, tensors.tone, standard_tone(len(tensors)))
    for face in batch.target:
        assert (known - face).abs().flatten(1).max(1).values.min() < 0.01


def test_a_batch_is_varied_within_its_ranges_and_only_the_source_is_warped(anna):
    config = PRESETS["tiny"]
    tensors = augment.FaceTensors.of(anna, CPU)
    batch = augment.make_batch(config, tensors, torch.Generator().manual_seed(3), warp=True)
    for value, channels in ((batch.source, 4), (batch.target, 3), (batch.mask, 1), (batch.features, 1)):
        assert value.shape == (config.batch, channels, 32, 32)
    for value in (batch.mask, batch.features):
        assert float(value.min()) >= 0.0 and float(value.max()) <= 1.0
    assert not torch.allclose(batch.source[:, :3], batch.target, atol=0.02)
    straight = augment.make_batch(replace(config, light=0.0), tensors, torch.Generator().manual_seed(3), warp=False)
    assert torch.allclose(straight.source[:, :3], straight.target, atol=1e-5)
    assert torch.allclose(straight.target, batch.target, atol=1e-5)


def test_a_grid_turns_zooms_shifts_and_mirrors_as_its_matrix_says():
    config = TwinConfig(size=48, rotation=30.0, zoom=0.2, shift=0.1, flip=0.5)
    grid = augment.similarity_grid(config, 8, torch.Generator().manual_seed(7))
    ends = grid[:, 0, 0], grid[:, 0, -1], grid[:, -1, 0]
    reach = 1.0 - 1.0 / 48
    theta = torch.stack([(ends[1] - ends[0]) / 2 / reach, (ends[2] - ends[0]) / 2 / reach, (ends[1] + ends[2]) / 2], 2)
    assert torch.allclose(grid, F.affine_grid(theta, [8, 1, 48, 48], align_corners=False), atol=1e-5)
    turned = theta[:, :, :2]
    scale = turned.norm(dim=1)
    assert torch.allclose(scale[:, 0], scale[:, 1], atol=1e-5) and (scale >= 1 / 1.2).all() and (scale <= 1 / 0.8).all()
    assert (turned[:, :, 0] * turned[:, :, 1]).sum(1).abs().max() < 1e-5
    assert 0 < (torch.linalg.det(turned) < 0).sum() < 8 and (theta[:, :, 2].abs() <= 0.2).all()


def test_a_face_is_bent_by_a_coarse_net_that_is_spread_out_bicubically():
    config = TwinConfig(size=48)
    nodes = torch.randn(3, 2, 5, 5, generator=torch.Generator().manual_seed(7)) * config.warp * 2.0
    wanted = F.interpolate(nodes, size=(48, 48), mode="bicubic", align_corners=True)
    bent = augment.warp_field(config, 3, torch.Generator().manual_seed(7))
    assert torch.allclose(bent.permute(0, 3, 1, 2), wanted, atol=1e-6)


def test_the_same_draws_give_the_same_batch(anna):
    tensors = augment.FaceTensors.of(anna, CPU)
    first, second = (augment.make_batch(PRESETS["tiny"], tensors, torch.Generator().manual_seed(5), warp=True) for _ in range(2))
    assert torch.equal(first.source, second.source)


def test_toning_reaches_the_tone_wanted_and_comes_back_exactly(anna):
    tensors = augment.FaceTensors.of(anna, CPU)
    standard = standard_tone(len(tensors))
    pictures = tensors.images.float() / 255
    toned = retone(pictures, tensors.tone, standard)
    measured = measure_tone(toned.mul(255).clamp(0, 255).byte(), tensors.masks)
    assert torch.allclose(measured[:, 0], standard[:, 0], atol=0.02)
    assert torch.allclose(retone(toned, standard, tensors.tone), pictures, atol=1e-4)


def test_two_lights_on_one_face_look_alike_once_toned(anna):
    masks = torch.from_numpy(anna.masks)[:, None]
    day = torch.from_numpy(anna.images).permute(0, 3, 1, 2)
    dusk = (day.float() * torch.tensor([0.8, 0.6, 0.5])[:, None, None]).byte()
    standard = standard_tone(len(day))
    by_day, by_dusk = (retone(light.float() / 255, measure_tone(light, masks), standard) for light in (day, dusk))
    inside = (masks > 127).expand_as(by_day)
    assert (by_day - by_dusk)[inside].abs().mean() < 0.15 * (day.float() - dusk.float())[inside].abs().mean() / 255 * 2


def test_a_picture_without_a_face_is_toned_by_all_of_it():
    picture = torch.full((1, 3, 8, 8), 128, dtype=torch.uint8)
    tone = measure_tone(picture, torch.zeros(1, 1, 8, 8, dtype=torch.uint8))
    assert torch.allclose(tone[0, 0], torch.tensor([128 / 255, 0.0, 0.0]), atol=1e-5) and (tone[0, 1] < 1e-5).all()
    assert torch.isfinite(retone(picture / 255.0, tone, standard_tone(1))).all()
