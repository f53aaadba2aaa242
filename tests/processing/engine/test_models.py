"""Model files come from the npm packages, and their absence says what to type."""

import numpy as np
import pytest

from processing.engine import models
from processing.engine.models import ModelsMissing


def test_the_mesh_is_cut_out_of_the_packed_assets():
    # TensorFlow Lite files carry this mark in their fifth to eighth byte
    assert models.model_bytes(models.MESH)[4:8] == b"TFL3"
    assert models.model_bytes(models.DETECTOR_FULL)[4:8] == b"TFL3"
    assert models.model_bytes(models.SEGMENTATION)[4:8] == b"TFL3"


def test_a_model_runs_on_a_picture():
    network = models.Model(models.MESH)

    points, flag = network(np.zeros((network.size, network.size, 3), np.float32))

    assert network.size == 192
    assert points.size == 468 * 3
    assert flag.size == 1


def test_missing_packages_are_named_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("TWINVAULT_NODE_MODULES", str(tmp_path))
    models.model_bytes.cache_clear()

    for name in (models.DETECTOR_SHORT, models.MESH, models.SEGMENTATION):
        with pytest.raises(ModelsMissing, match="npm ci"):
            models.model_bytes(name)
