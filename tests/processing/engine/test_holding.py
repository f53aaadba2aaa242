"""What is held back hangs on what was filmed alone: more footage never holds back what was learned from."""

import numpy as np
import pytest

from processing.engine.holding import LEAST, SHORT, name_shot, split_by_shot


def filmed(*shots):
    """(names, moments) of shots, each (number, seconds, faces a second)."""
    names, moments = [], []
    for number, seconds, rate in shots:
        count = max(1, round(seconds * rate))
        names += [name_shot("film", number)] * count
        moments += [index / rate for index in range(count)]
    return np.array(names, np.uint64), np.array(moments, np.float64)


def random_shots(seed, count, seconds=20.0):
    random = np.random.default_rng(seed)
    return [(f"{seed}.{number}", float(random.uniform(0.5, seconds)), 6.0) for number in range(count)]


@pytest.mark.parametrize("seed", range(40))
def test_nothing_that_was_learned_from_is_held_back_once_there_is_more_footage(seed):
    """From a short clip on, in steps: the state of each is tried against all before it."""
    shots = random_shots(seed, 2 + seed % 3) + random_shots(1000 + seed, 12) + random_shots(2000 + seed, 60)
    learned: set = set()
    for count in (1, 2, 3, 5, 9, 20, 72):
        names, moments = filmed(*shots[:count])
        if len(names) < 120:  # twenty seconds
            continue
        split = split_by_shot(names, moments)
        faces = np.array(list(zip(names.tolist(), moments.tolist(), strict=True)), dtype=object)
        assert not {tuple(face) for face in faces[split.held]} & learned, count
        learned |= {tuple(face) for face in faces[split.learn]}
        assert split.held.sum() >= LEAST and split.learn.sum() >= 0.3 * len(names)


@pytest.mark.parametrize("seed", range(8))
def test_about_a_tenth_is_held_back_and_short_shots_are_on_one_side(seed):
    names, moments = filmed(*random_shots(seed, 200, SHORT))

    split = split_by_shot(names, moments)

    assert (split.learn ^ split.held).all()
    assert not set(names[split.held]) & set(names[split.learn])
    assert 0.03 <= split.held.mean() <= 0.2


@pytest.mark.parametrize("name", range(12))
def test_a_long_shot_is_cut_in_stretches_with_a_pause(name):
    names, moments = filmed((name, 120.0, 6.0))

    split = split_by_shot(names, moments)

    assert not (split.learn & split.held).any()
    assert np.abs(moments[split.learn][:, None] - moments[split.held][None]).min() >= 1.0
    assert 0.05 <= split.held.mean() <= 0.12 and split.learn.mean() >= 0.78


def test_the_order_of_the_faces_and_what_other_shots_there_are_change_nothing():
    shots = random_shots(3, 90)
    names, moments = filmed(*shots)
    order = np.random.default_rng(0).permutation(len(names))

    split, shuffled = split_by_shot(names, moments), split_by_shot(names[order], moments[order])

    np.testing.assert_array_equal(split.held[order], shuffled.held)
    np.testing.assert_array_equal(split.learn[order], shuffled.learn)
    half = np.isin(names, [name_shot("film", number) for number, _, _ in shots[::2]])
    np.testing.assert_array_equal(split.held[half], split_by_shot(names[half], moments[half]).held)


@pytest.mark.parametrize(("count", "held"), [(0, 0), (1, 0), (3, 0), (4, 1), (12, 3), (48, 12), (72, 12)])
def test_of_a_moment_of_film_a_quarter_is_held_back_at_most(count, held):
    names, moments = filmed(*([("a moment", count / 24, 24.0)] if count else []))

    split = split_by_shot(names, moments)

    assert split.held.sum() == held and split.learn.sum() >= count // 2


def test_photographs_are_held_back_one_by_one():
    names, moments = filmed(*((number, 0.1, 1.0) for number in range(2000)))

    split = split_by_shot(names, moments)

    assert len(names) == 2000 and 160 <= split.held.sum() <= 240 and (split.learn ^ split.held).all()
