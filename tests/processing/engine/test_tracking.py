"""Faces keep their numbers over time; smoothing takes jitter and leaves motion."""

import numpy as np
import pytest

from processing.engine.canonical import canonical_face
from processing.engine.tracking import REACH, Course, Tracker, boxes_at, courses, fill_gaps, join_track, smooth_landmarks


def face_at(x: float, y: float, size: float = 10) -> np.ndarray:
    return (canonical_face().points * [size, -size, -size] + [x, y, 0]).astype(np.float32)


def test_two_people_keep_their_numbers_whatever_order_they_come_in():
    tracker = Tracker()
    left, right = face_at(200, 200), face_at(600, 200)

    first = tracker.update([left, right], 0.0)
    second = tracker.update([right + 3, left - 2], 0.1)

    assert second == first[::-1]
    assert len(set(first)) == 2


def test_a_face_that_moves_is_followed():
    tracker = Tracker()

    numbers = {tracker.update([face_at(200 + 40 * n, 200)], n / 6)[0] for n in range(12)}

    assert len(numbers) == 1


def test_two_people_who_cross_each_other_are_not_mixed_up():
    tracker = Tracker()

    paths = [tracker.update([face_at(100 + 20 * n, 200, 8), face_at(700 - 20 * n, 240, 12)], n / 25) for n in range(30)]

    assert all(path == paths[0] for path in paths)


def test_a_short_absence_is_forgiven_and_a_long_one_is_not():
    tracker = Tracker(max_gap=1.0)

    first = tracker.update([face_at(200, 200)], 0.0)
    tracker.update([], 0.4)
    back = tracker.update([face_at(205, 200)], 0.8)
    much_later = tracker.update([face_at(205, 200)], 4.0)

    assert back == first
    assert much_later != first


def test_a_face_elsewhere_or_of_another_size_is_another():
    tracker = Tracker()
    first = tracker.update([face_at(200, 200)], 0.0)

    assert tracker.update([face_at(200, 200, 25)], 0.1) != first
    assert tracker.update([face_at(900, 700)], 0.2) != first


def test_a_cut_ends_every_track():
    tracker = Tracker()
    first = tracker.update([face_at(200, 200)], 0.0)

    tracker.cut()

    assert tracker.update([face_at(200, 200)], 0.1) != first
    assert len(tracker.expected(0.1)) == 1


def test_a_track_that_was_ended_is_not_expected_any_more():
    tracker = Tracker()
    first, second = tracker.update([face_at(200, 200), face_at(600, 200)], 0.0)

    tracker.end(first)

    assert tracker.numbers == {second}
    assert len(tracker.expected(0.1)) == 1


def moving_box(times: list[float]) -> np.ndarray:
    return np.array([[100 * t, 50, 100 * t + 40, 100] for t in times], np.float32)


def test_a_face_goes_straight_between_looks_and_a_little_beyond():
    course = Course(np.array([1.0, 1.5, 2.0]), moving_box([1.0, 1.5, 2.0]))

    assert np.allclose(boxes_at(course, np.array([0.6, 1.2, 2.4])), moving_box([0.6, 1.2, 2.4]), atol=1e-3)
    assert np.isnan(boxes_at(course, np.array([0.4, 2.6]))).all()


def test_how_far_beyond_depends_on_how_far_looks_were_apart():
    close, wide, once = (Course(np.array(times), moving_box(times)) for times in ([1.0, 1.1], [1.0, 9.0], [1.0]))

    for course, least in ((close, REACH[0]), (wide, REACH[1]), (once, REACH[0])):
        assert not np.isnan(boxes_at(course, course.times[:1] - least + 0.01)).any()
        assert np.isnan(boxes_at(course, course.times[:1] - least - 0.01)).all()


def test_rows_of_a_table_fall_into_courses_whatever_their_order():
    found = courses(np.array([3, 5, 3]), np.array([2.0, 1.0, 1.0]), moving_box([2.0, 7.0, 1.0]))

    assert set(found) == {3, 5}
    assert found[3].times.tolist() == [1.0, 2.0]
    assert np.allclose(found[3].boxes, moving_box([1.0, 2.0]))


def walk(length: int = 100, rate: float = 25) -> np.ndarray:
    """A face that sways by 40 pixels in two seconds: (length, 468, 3)."""
    time = np.arange(length) / rate
    return np.stack([face_at(200 + 40 * np.sin(np.pi * t), 200 + 10 * np.cos(np.pi * t)) for t in time])


def test_jitter_is_taken_and_motion_stays():
    still = walk()
    jitter = np.random.default_rng(0).normal(0, 0.5, still.shape).astype(np.float32)
    everywhere = np.ones(len(still), bool)

    smooth = smooth_landmarks(still + jitter, everywhere, 25)

    assert np.abs(smooth - still).mean() < 0.7 * np.abs(jitter).mean()
    assert np.abs(smooth_landmarks(still, everywhere, 25) - still).max() < 0.1


def test_smoothing_does_not_lag():
    steady = np.stack([face_at(100 + 5 * n, 200) for n in range(60)])

    smooth = smooth_landmarks(steady, np.ones(60, bool), 25)

    assert np.allclose(smooth, steady, atol=0.05)


def test_smoothing_backwards_in_time_is_the_same():
    noisy = walk() + np.random.default_rng(1).normal(0, 1, (100, 468, 3)).astype(np.float32)
    everywhere = np.ones(100, bool)

    forwards = smooth_landmarks(noisy, everywhere, 25)
    backwards = smooth_landmarks(noisy[::-1], everywhere, 25)[::-1]

    assert np.allclose(forwards, backwards, atol=1e-2)


def test_a_sudden_start_stays_sudden():
    jump = np.stack([face_at(200 if n < 30 else 260, 200) for n in range(60)])
    noise = np.random.default_rng(2).normal(0, 0.2, jump.shape).astype(np.float32)

    smooth = smooth_landmarks(jump + noise, np.ones(60, bool), 25)

    assert np.abs(smooth[:, :, 0].mean(axis=1) - jump[:, :, 0].mean(axis=1)).max() < 3


def test_gaps_of_up_to_a_second_are_filled_and_longer_ones_stay():
    points, present = walk(150), np.ones(150, bool)
    present[40:50] = False
    present[80:120] = False

    filled, there = fill_gaps(np.where(present[:, None, None], points, 0), present, 25)
    smooth = smooth_landmarks(np.where(present[:, None, None], points, 0), present, 25)

    assert there[40:50].all()
    assert not there[80:120].any()
    assert np.abs(filled[40:50] - points[40:50]).max() < 8
    assert np.abs(smooth[40:50] - points[40:50]).max() < 8
    assert not smooth[80:120].any()


def test_a_gap_at_the_ends_is_not_made_up():
    points, present = walk(50), np.ones(50, bool)
    present[:5] = present[-5:] = False

    _, there = fill_gaps(points, present, 25)

    assert (there == present).all()


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 6, 9])
def test_the_shortest_tracks_are_smoothed_too(length):
    points = walk(length)

    smooth = smooth_landmarks(points, np.ones(length, bool), 25)

    assert smooth.shape == points.shape
    assert np.abs(smooth - points).max() < 2


def test_a_track_is_laid_along_its_film():
    points, present = join_track([2, 4], [face_at(1, 1), face_at(2, 2)], 6)

    assert present.tolist() == [False, False, True, False, True, False]
    assert np.allclose(points[4], face_at(2, 2))
    assert not points[0].any()
