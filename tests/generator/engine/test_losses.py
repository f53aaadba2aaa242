import numpy as np
import pytest
import torch
from skimage.data import astronaut
from skimage.metrics import structural_similarity

from generator.engine import losses, quality
from generator.engine.augment import Batch
from generator.engine.config import TwinConfig

CONFIG = TwinConfig(size=64)


def pictures(seed: int = 0) -> torch.Tensor:
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("loss", [losses.Dssim(64), losses.weighted_l1, losses.edges], ids=["dssim", "l1", "edges"])
def test_a_loss_is_zero_for_the_same_picture_and_grows_with_the_fault(loss):
    true, weight = pictures(), torch.ones(2, 1, 64, 64)
    noise = torch.randn(true.shape, generator=torch.Generator().manual_seed(1))
    values = [float(loss(true + strength * noise, true, weight)) for strength in (0.0, 0.05, 0.2)]
    assert values[0] == pytest.approx(0.0, abs=1e-5)
    assert values[0] < values[1] < values[2]


@pytest.mark.parametrize("loss", [losses.Dssim(64), losses.weighted_l1, losses.edges], ids=["dssim", "l1", "edges"])
def test_a_fault_where_the_weight_is_nought_costs_nothing(loss):
    true, weight = pictures(), torch.ones(2, 1, 64, 64)
    weight[..., :32] = 0.0
    wrong = true.clone()
    wrong[..., :16] = 0.5
    assert float(loss(wrong, true, weight)) == pytest.approx(0.0, abs=1e-5)


def test_the_training_loss_sends_a_gradient_to_colour_and_mask():
    batch = Batch(pictures(), pictures(), torch.ones(2, 1, 64, 64), torch.zeros(2, 1, 64, 64))
    drawn = torch.zeros(2, 4, 64, 64, requires_grad=True)
    judged = losses.FaceLoss(CONFIG)(drawn, batch)
    judged.total.backward()
    assert set(judged.parts) == {"l1", "dssim", "edges", "mask"}
    assert (drawn.grad.abs().sum(dim=(0, 2, 3)) > 0).all()


def test_eyes_and_mouth_weigh_more_than_skin():
    target, mask, features = pictures(), torch.ones(2, 1, 64, 64), torch.zeros(2, 1, 64, 64)
    features[..., 20:30, 20:30] = 1.0
    batch = Batch(target, target, mask, features)
    faults = []
    for corner in (22, 42):
        drawn = torch.cat([target, torch.ones(2, 1, 64, 64)], 1)
        drawn[:, :3, corner : corner + 6, corner : corner + 6] += 0.2
        faults.append(float(losses.FaceLoss(CONFIG)(drawn, batch).parts["l1"]))
    assert faults[0] > 1.5 * faults[1]


def test_ssim_agrees_with_scikit_image():
    picture = astronaut()[:128, 150:278]
    noisy = np.clip(picture + np.random.default_rng(0).normal(0, 25, picture.shape), 0, 255).astype(np.uint8)
    reference = structural_similarity(picture, noisy, gaussian_weights=True, channel_axis=2, use_sample_covariance=False)
    assert quality.ssim(picture, noisy, size=None) == pytest.approx(reference, abs=0.01)
    assert quality.ssim(picture, picture) == pytest.approx(1.0)


def test_psnr_looks_only_where_it_is_told():
    picture = np.full((20, 20, 3), 100, np.uint8)
    other = picture.copy()
    other[:10] += 10
    assert quality.psnr(picture, other) == pytest.approx(10 * np.log10(255**2 / 50))
    below = np.zeros((20, 20), bool)
    below[10:] = True
    assert quality.psnr(picture, other, below) == float("inf")
    with pytest.raises(ValueError, match="no pixels"):
        quality.psnr(picture, other, np.zeros((20, 20), bool))


def test_mean_distance_counts_every_pair():
    a, b = np.array([[0.0, 0.0], [0.0, 2.0]]), np.array([[0.0, 0.0]])
    assert quality.mean_distance(a, b) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="both sides"):
        quality.mean_distance(a, b[:0])
