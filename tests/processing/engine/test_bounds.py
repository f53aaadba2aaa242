"""Bounds that people move: what they may be, and what each of them costs."""

from dataclasses import fields, replace

import numpy as np
import pytest

from processing.engine.bounds import BOUNDS, BY_NAME, BoundError, costs, moved, thresholds_with, within
from processing.engine.filtering import Reason, Thresholds, faults
from tests.processing.engine.faces import drawn_table


def test_every_threshold_of_the_judging_is_offered_but_that_of_another_room():
    assert {bound.name for bound in BOUNDS} == {field.name for field in fields(Thresholds)} - {"same_person"}
    for bound in BOUNDS:
        assert bound.least <= getattr(Thresholds(), bound.name) <= bound.most


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"min_beauty": 3}, "There is no bound called min_beauty."),
        ({"min_size": "large"}, "“Smallest face” must be a number."),
        ({"min_size": True}, "“Smallest face” must be a number."),
        ({"min_size": float("nan")}, "“Smallest face” must be a number."),
        ({"max_yaw": 400}, "“Turned to the side at most” must lie between 10 and 90 degrees."),
        ({"max_occlusion": -0.1}, "“Hidden at most” must lie between 0 and 100 % of the face."),
        ({"duplicate_bits": 2.5}, "must be a whole number"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(changes, sentence):
    with pytest.raises(BoundError, match=sentence):
        thresholds_with(changes)


def test_what_is_moved_is_what_differs():
    assert moved(thresholds_with({"min_size": 80, "max_yaw": Thresholds().max_yaw})) == {"min_size": 80}
    assert isinstance(thresholds_with({"duplicate_bits": 6.0}).duplicate_bits, int)


def test_stored_changes_that_make_no_sense_any_more_are_brought_into_their_bounds():
    assert within({"min_size": 4000, "max_yaw": "wide", "gone": 1.0}) == {"min_size": BY_NAME["min_size"].most}


def test_costs_count_who_is_beyond_a_bound_and_who_for_nothing_else():
    table = drawn_table(6)
    table = replace(
        table,
        size=np.array([20, 20, 100, 100, 100, np.nan], np.float32),
        sharpness=np.array([0.1, 0.4, 0.1, 0.4, 0.4, 0.4], np.float32),
    )
    found = costs(table, Thresholds())
    assert found["min_size"] == (2, 1)
    assert found["min_sharpness"] == (2, 1)
    assert found["max_yaw"] == (0, 0)
    assert "duplicate_bits" not in found
    assert faults(table, Thresholds()).tolist() == [Reason.TOO_SMALL, Reason.TOO_SMALL, Reason.BLURRED, "", "", ""]
