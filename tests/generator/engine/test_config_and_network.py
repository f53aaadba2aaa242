from dataclasses import replace

import pytest
import torch

from generator.engine.config import PRESETS, ConfigError, TwinConfig
from generator.engine.network import build_network, count_parameters


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_the_way_through_plain_values(name):
    assert TwinConfig.from_dict(PRESETS[name].to_dict()) == PRESETS[name]


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"size": 50}, "size"),
        ({"dims": (8,), "depths": ()}, "depths"),
        ({"batch": 0}, "batch"),
        ({"heldout": 2.0}, "heldout"),
    ],
)
def test_a_wrong_value_is_named(values, word):
    with pytest.raises(ConfigError, match=word):
        TwinConfig(**values)


def test_an_unknown_name_is_refused():
    with pytest.raises(ConfigError, match="colour_of_hat"):
        TwinConfig.from_dict({"colour_of_hat": 1})


@pytest.mark.parametrize(("size", "dims"), [(32, (8, 16)), (64, (8, 16, 24)), (96, (8, 16, 24))])
def test_both_decoders_draw_colour_and_mask_at_the_size_of_the_face(size, dims):
    config = replace(PRESETS["tiny"], size=size, dims=dims, depths=(1,) * len(dims))
    network = build_network(config)
    for side in ("subject", "library"):
        assert network(torch.rand(2, 4, size, size), side).shape == (2, 4, size, size)
    assert count_parameters(network) > 0


def test_a_fresh_decoder_already_shows_the_average_face_of_its_side():
    network = build_network(PRESETS["tiny"])
    faces = torch.rand(5, 3, 32, 32)
    network.subject.start_from(faces, torch.ones(5, 1, 32, 32))
    drawn = network(torch.rand(3, 4, 32, 32), "subject")
    assert torch.allclose(drawn[:, :3], faces.mean(0).expand(3, -1, -1, -1), atol=0.3)
    assert (drawn[:, 3] > 2).all()


def test_gradients_reach_every_part_and_keep_to_their_side():
    network = build_network(PRESETS["tiny"])
    network(torch.rand(2, 4, 32, 32), "subject").square().mean().backward()
    reached = [name for name, value in network.named_parameters() if value.grad is not None and value.grad.abs().sum() > 0]
    assert {name for name in reached if name.startswith("encoder.")} == {
        name for name, _ in network.named_parameters() if name.startswith("encoder.")
    }
    assert any(name.startswith("subject.") for name in reached)
    assert not any(name.startswith("library.") for name in reached)


def test_one_pass_of_the_encoder_serves_both_sides_alike():
    network = build_network(PRESETS["tiny"]).eval()
    anna, bruno = torch.rand(2, 4, 32, 32), torch.rand(3, 4, 32, 32)
    together = network.rebuild(anna, bruno)
    assert torch.allclose(together[0], network(anna, "subject"), atol=1e-4)
    assert torch.allclose(together[1], network(bruno, "library"), atol=1e-4)
