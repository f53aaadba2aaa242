import pytest
import torch

from generator.engine.checkpoint import Checkpoint, CheckpointError, dump_weights, load_state, load_weights
from generator.engine.config import PRESETS, TwinConfig
from generator.engine.network import build_network

TINY = PRESETS["tiny"]


def weights() -> bytes:
    return dump_weights(TINY, build_network(TINY).state_dict())


def test_weights_carry_what_rebuilds_their_network():
    network = build_network(TINY).eval()
    opened = load_weights(dump_weights(TINY, network.state_dict()))
    face = torch.rand(1, 4, 32, 32)
    assert opened.config == TINY
    assert torch.allclose(opened(face, "subject"), network(face, "subject"), atol=0.02)


def test_weights_of_a_shape_that_their_preset_has_no_more_still_draw():
    former = TwinConfig(size=128, batch=16, dims=(96, 192, 256), depths=(2, 3, 3), detail_dim=32)
    network = build_network(former).eval()
    opened = load_weights(dump_weights(former, network.state_dict()))
    face = torch.rand(1, 4, 128, 128)
    assert not opened.config.same_network(PRESETS["standard"])
    assert torch.allclose(opened(face, "subject"), network(face, "subject"), atol=0.02)


@pytest.mark.parametrize(
    "spoil", [lambda data: data[:-200], lambda data: data[:900] + b"\x00\xff" + data[902:], lambda data: b""]
)
def test_damaged_bytes_are_refused(spoil):
    with pytest.raises(CheckpointError):
        load_weights(spoil(weights()))


def test_bytes_of_another_kind_are_told_apart():
    with pytest.raises(CheckpointError, match="weights file"):
        Checkpoint.from_bytes(weights())
    with pytest.raises(CheckpointError, match="no twin"):
        load_weights(b"a holiday picture")


def test_weights_of_another_shape_are_refused():
    other = build_network(TwinConfig(size=32, dims=(8, 16), depths=(1, 1)))
    with pytest.raises(CheckpointError, match="another shape"):
        load_state(other, build_network(TINY).state_dict())
