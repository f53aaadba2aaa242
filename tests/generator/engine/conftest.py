import pytest
import torch
from drawn_faces import ANNA, BRUNO, faces

from generator.engine.config import PRESETS
from generator.engine.training import TrainingResult, train


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # on a busy machine two threads wait for each other at every layer
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def anna():
    return faces(ANNA, 48)


@pytest.fixture(scope="session")
def bruno():
    return faces(BRUNO, 48)


@pytest.fixture(scope="session")
def twin(anna, bruno) -> TrainingResult:
    """Anna learned against Bruno: small, and good enough to tell who is who."""
    return train(PRESETS["tiny"], anna, bruno, images=2400)
