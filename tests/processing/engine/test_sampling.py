"""The more there is to see, the sooner the next look comes."""

import numpy as np

from processing.engine.canonical import canonical_face
from processing.engine.sampling import CURIOUS, FASTEST, SLOWEST, Sampler

GREY = np.full((90, 160, 3), 120, np.uint8)


def face_at(x: float, yaw: float = 0.0) -> np.ndarray:
    points = canonical_face().points * [10, -10, -10]
    c, s = np.cos(np.deg2rad(yaw)), np.sin(np.deg2rad(yaw))
    turned = points @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) + np.array([x, 200, 0])
    return turned.astype(np.float32)


def rate_after(sampler: Sampler, faces: list[dict[int, np.ndarray]], seconds: float = 0.2) -> float:
    for number, seen in enumerate(faces):
        sampler.look(number * seconds, GREY, seen)
    return sampler.rate


def test_a_film_begins_with_a_close_look():
    assert Sampler().rate == CURIOUS


def test_a_face_that_keeps_still_is_looked_at_ever_less_often():
    assert rate_after(Sampler(), [{0: face_at(300)}] * 10) == SLOWEST


def test_a_face_that_turns_is_looked_at_closely():
    slowly = rate_after(Sampler(), [{0: face_at(300, 3 * n)} for n in range(10)])
    quickly = rate_after(Sampler(), [{0: face_at(300, 6 * n)} for n in range(10)])

    assert SLOWEST < slowly < quickly <= FASTEST


def test_a_face_that_walks_by_is_not_left_to_leave_its_own_place():
    rate = rate_after(Sampler(), [{0: face_at(300 + 40 * n)} for n in range(10)])

    # 40 pixels in 0.2 s, by a face of some 150
    assert 200 / rate < 0.5 * 150


def test_whoever_comes_and_whoever_goes_is_worth_another_look():
    comes, goes = Sampler(), Sampler()
    rate_after(comes, [{0: face_at(300)}] * 10)
    rate_after(goes, [{0: face_at(300)}] * 10)

    comes.look(2.0, GREY, {0: face_at(300), 1: face_at(700)})
    goes.look(2.0, GREY, {})

    assert comes.rate == goes.rate == CURIOUS


def test_after_a_start_the_rate_falls_step_by_step():
    sampler = Sampler()
    top = rate_after(sampler, [{0: face_at(300, 6 * n)} for n in range(5)])

    sampler.look(1.0, GREY, {0: face_at(300, 24)})

    assert SLOWEST < sampler.rate < top


def test_poses_that_are_lacking_are_looked_at_more_closely_than_those_that_are_not():
    turning = [{0: face_at(300, 4 * n)} for n in range(8)]
    wanted, had = np.ones((9, 5), np.float32), np.zeros((9, 5), np.float32)

    assert rate_after(Sampler(wanted=had), turning) < rate_after(Sampler(), turning) < rate_after(Sampler(wanted=wanted), turning)


def test_the_bounds_hold():
    walking = [{0: face_at(300 + 90 * n)} for n in range(5)]

    assert rate_after(Sampler(slowest=1, fastest=3), walking) == 3
    assert rate_after(Sampler(slowest=4, fastest=8), [{0: face_at(300)}] * 10) == 4


def test_a_picture_without_faces_is_looked_at_as_it_stirs():
    quiet, busy = Sampler(), Sampler()
    noise = np.random.default_rng(0)
    for number in range(10):
        quiet.look(number * 0.2, GREY, {})
        busy.look(number * 0.2, noise.integers(0, 255, GREY.shape, dtype=np.uint8), {})

    assert quiet.rate == SLOWEST < busy.rate <= CURIOUS


def test_a_cut_is_no_motion():
    sampler = Sampler()
    rate_after(sampler, [{0: face_at(300)}] * 10)

    sampler.cut()
    sampler.look(2.0, GREY, {0: face_at(900)})

    assert sampler.rate == CURIOUS


def test_only_the_pose_that_is_seen_counts():
    left_lacks = np.zeros((9, 5), np.float32)
    left_lacks[:4] = 1
    to_the_left = [{0: face_at(300, -20 - 4 * n)} for n in range(8)]
    to_the_right = [{0: face_at(300, 20 + 4 * n)} for n in range(8)]

    assert rate_after(Sampler(wanted=left_lacks), to_the_left) > 2 * rate_after(Sampler(wanted=left_lacks), to_the_right)
