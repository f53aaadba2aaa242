"""The number of threads follows what the machine gives."""

import pytest
import torch

from generator.engine.threads import ThreadChoice


@pytest.fixture(autouse=True)
def same_count_afterwards():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def learn(choice: ThreadChoice, seconds_for, until: float, now: float = 0.0) -> float:
    """Steps that take `seconds_for(count)` until the clock says `until`; returns the clock."""
    while now < until:
        seconds = seconds_for(torch.get_num_threads())
        now += seconds
        choice.took(seconds, now)
    return now


def test_free_cores_are_used():
    choice = ThreadChoice(most=8)
    learn(choice, lambda count: 0.4 / count, until=60)
    assert choice.count == 8


def test_cores_that_others_hold_are_left_alone():
    choice = ThreadChoice(most=2)
    learn(choice, lambda count: 0.4 if count == 1 else 5.0, until=60)
    assert choice.count == 1


def test_it_comes_down_when_another_program_begins_and_up_when_it_ends():
    choice = ThreadChoice(most=2)
    now = learn(choice, lambda count: 0.4 / count, until=30)
    assert choice.count == 2
    now = learn(choice, lambda count: 0.4 if count == 1 else 4.0, until=now + 300, now=now)
    assert choice.count == 1
    learn(choice, lambda count: 0.4 / count, until=now + 600, now=now)
    assert choice.count == 2


def test_trials_that_fail_grow_rare():
    choice, tried = ThreadChoice(most=2), []

    def seconds_for(count: int) -> float:
        tried.append(count)
        return 0.4 if count == 1 else 5.0

    learn(choice, seconds_for, until=600)
    assert tried.count(2) <= 12


def test_one_core_is_never_doubled():
    choice = ThreadChoice(most=1)
    learn(choice, lambda count: 0.4, until=60)
    assert (choice.count, torch.get_num_threads()) == (1, 1)


def test_the_count_of_before_comes_back_however_it_ends():
    torch.set_num_threads(2)
    with pytest.raises(RuntimeError, match="broke"), ThreadChoice():
        assert torch.get_num_threads() == 1
        raise RuntimeError("broke")
    assert torch.get_num_threads() == 2


def test_sudden_slowness_is_answered_at_once():
    choice = ThreadChoice(most=2)
    now = learn(choice, lambda count: 0.4 / count, until=600)
    slow = []
    learn(choice, lambda count: slow.append(count) or (0.4 if count == 1 else 4.0), until=now + 30, now=now)
    assert slow[:5] == [2, 1, 1, 1, 1]
