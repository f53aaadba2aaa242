"""Tracks of one piece of footage are sorted among themselves, and then with who is known."""

import numpy as np

from processing.engine.sorting import NONE, Known, Likeness, mean_distances, nearest, seen_at_once, sort


def at(*places: float, looks: list[int] | None = None) -> Likeness:
    """Tracks on a line: their distances are those of the numbers."""
    made = np.zeros((len(places), 128), np.float32)
    made[:, 0] = places
    return Likeness(made, np.array(looks or [1] * len(places), np.float32))


def test_who_is_near_somebody_known_is_them_and_others_are_new():
    known = [Known(at(5.0, 5.2)), Known(at(0.1))]
    assert sort(at(0.0, 9.0, 5.1, 0.2), [], known).tolist() == [1, 2, 0, 1]


def test_without_anybody_known_all_are_new_the_most_seen_first():
    assert sort(at(3, 0, 0.1), [], []).tolist() == [1, 0, 0]
    assert sort(at(), [], [Known(at(1))]).tolist() == []


def test_two_seen_at_once_are_not_both_the_one_they_resemble():
    assert sort(at(0.0, 0.1), [(0, 1)], [Known(at(0.05))]).tolist() == [0, 1]


def test_an_earlier_look_at_the_same_footage_counts_first_and_is_strict():
    """What is 0.4 away is alike in other footage, and somebody else in the same."""
    named, unnamed = Known(NONE, at(0.4)), Known(at(0.45))
    assert sort(at(0.0), [], [named, unnamed]).tolist() == [1]
    assert sort(at(0.2), [], [named, unnamed]).tolist() == [0]


def test_those_whose_times_overlap_in_one_segment_were_seen_at_once():
    starts, ends = [0.0, 4.0, 1.0, 1.5], [2.0, 5.0, 3.0, 6.0]
    pairs = seen_at_once(starts, ends, ["a", "a", "a", "b"])
    assert {frozenset(pair) for pair in pairs} == {frozenset((0, 2))}


def test_distances_by_products_are_those_by_differences():
    some, others = np.random.default_rng(1).normal(size=(2, 9, 128)).astype(np.float32)
    looks = np.arange(1, 10, dtype=np.float32)
    by_differences = np.average(np.linalg.norm(some[:, None] - others, axis=-1), axis=1, weights=looks)
    assert np.allclose(mean_distances(some, Likeness(others, looks)), by_differences, atol=1e-5)
    assert nearest(Likeness(some, looks), [NONE], 1e9) is None


def test_a_glimpse_counts_for_less_than_a_long_look():
    known = [Known(at(0.0, 1.0, looks=[18, 5]))]
    assert sort(at(0.3, looks=[10]), [], known).tolist() == [0]
    assert sort(at(0.3, looks=[10]), [], [Known(at(0.0, 1.2, looks=[5, 18]))]).tolist() == [1]


def test_what_somebody_said_is_never_doubted():
    """Neither that two who were seen at once are one, nor that two who are alike are not."""
    known = [Known(at(0.0)), Known(at(9.0))]
    assert sort(at(0.0, 0.1), [(0, 1)], known, np.array([0, 0])).tolist() == [0, 0]
    assert sort(at(0.0, 0.1), [], known, np.array([0, 1])).tolist() == [0, 1]


def test_who_is_like_a_track_that_was_told_goes_with_it():
    known = [Known(NONE), Known(at(0.2))]
    assert sort(at(0.0, 0.1, 5.0), [], known, np.array([0, -1, -1])).tolist() == [0, 0, 2]
    assert sort(at(0.0, 0.9), [], [Known(at(1.0))], np.array([0, -1])).tolist() == [0, 1]
