"""A twin tried on faces that it never saw."""

import numpy as np
import pytest

from generator.engine.config import PRESETS
from generator.engine.training import train
from generator.engine.twin_quality import _embedded, _finder, measure_refreshed, measure_twin


def identity(faces):
    """float32 (N, 128), of all faces."""
    find = _finder(PRESETS["tiny"].size)
    return _embedded(faces.images, [find(image) for image in faces.images])


def test_a_twin_that_learned_is_nearer_to_faces_it_never_saw_than_one_that_did_not(twin, anna, bruno):
    fresh = train(PRESETS["tiny"], anna, bruno, images=1)
    learned, unlearned = (measure_twin(each.weights, anna, bruno) for each in (twin, fresh))
    for name in ("heldout_perceptual_subject", "heldout_perceptual_library"):
        assert 0 < learned[name] < 0.95 * unlearned[name]
    assert learned == measure_twin(twin.weights, anna, bruno)
    assert learned["heldout_swapped_to_subject"] < learned["heldout_swapped_to_actor"]


def test_who_is_drawn_is_measured_by_whose_faces_are_given(twin, anna, bruno):
    """Bruno's decoder asked for as the subject's: what Anna's twin draws is not he."""
    as_anna, as_bruno = measure_twin(twin.weights, anna, bruno), measure_twin(twin.weights, bruno, bruno)
    assert as_anna["heldout_swapped_to_subject"] < as_bruno["heldout_swapped_to_subject"]


def test_what_needs_no_face_of_the_subject_is_measured_as_with_one(twin, anna, bruno):
    full = measure_twin(twin.weights, anna, bruno)
    nobody, known = (measure_refreshed(twin.weights, bruno, some) for some in (np.zeros((0, 128), np.float32), identity(anna)))
    assert known["heldout_perceptual_library"] == nobody["heldout_perceptual_library"] == full["heldout_perceptual_library"]
    assert known["heldout_swapped_to_actor"] == full["heldout_swapped_to_actor"]
    assert known["heldout_swapped_to_subject"] == pytest.approx(full["heldout_swapped_to_subject"], abs=0.1)
    assert nobody["heldout_swapped_to_subject"] is nobody["heldout_swapped_to_actor"] is None


def test_without_faces_held_back_nothing_is_said(twin, anna, bruno):
    none = anna.take(np.arange(4))
    assert set(measure_twin(twin.weights, none, none).values()) == {None}
