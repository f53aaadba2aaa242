"""Faces of one look are found in another by when and where they were seen."""

import numpy as np

from processing.engine.matching import Places, match


def places(*faces: tuple[float, float]) -> Places:
    """Faces of 100 px, told by their time in seconds and their left edge in pixels."""
    return Places(
        np.array([time for time, _ in faces], np.float64).reshape(-1),
        np.array([(left, 0, left + 100, 100) for _, left in faces], np.float32).reshape(-1, 4),
    )


def test_the_nearest_in_time_is_found_where_it_was():
    before = places((1.0, 0), (1.0, 500))
    after = places((1.1, 510), (0.8, 10), (1.04, 20), (1.0, 300))
    assert match(before, after).tolist() == [2, 0]


def test_of_those_at_one_time_it_is_the_one_that_overlaps_most():
    assert match(places((0.0, 0)), places((0.0, 40), (0.0, 5))).tolist() == [1]


def test_nothing_is_found_later_elsewhere_or_of_what_was_erased():
    gone = Places(np.array([1.0]), np.full((1, 4), np.nan, np.float32))
    assert match(places((1.0, 0), (1.0, 900)), places((1.3, 0), (1.0, 0))).tolist() == [1, -1]
    assert match(places((1.0, 0)), places((1.3, 0))).tolist() == [-1]
    assert match(gone, places((1.0, 0))).tolist() == [-1]
    assert match(places((1.0, 0)), Places.joined([])).tolist() == [-1]
    assert match(Places.joined([]), places((1.0, 0))).tolist() == []
