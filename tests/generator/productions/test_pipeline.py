import threading

import pytest

from generator.productions.pipeline import ahead


def test_all_items_come_in_order_through_several_steps():
    assert list(ahead(ahead(iter(range(50)), 3, "first"), 1, "second")) == list(range(50))


def test_what_a_step_raises_is_raised_where_its_items_are_used():
    def broken():
        yield 1
        raise ValueError("the film is damaged")

    items = ahead(ahead(broken(), 2, "first"), 2, "second")
    assert next(items) == 1
    with pytest.raises(ValueError, match="the film is damaged"):
        next(items)


def test_a_step_runs_no_further_ahead_than_it_may_and_ends_when_nobody_listens():
    given, closed = [], []

    def numbers():
        try:
            for number in range(1000):
                given.append(number)
                yield number
        finally:
            closed.append(threading.current_thread().name)

    items = ahead(numbers(), 3, "a step")
    assert [next(items), next(items)] == [0, 1]
    items.close()
    assert len(given) <= 2 + 3 + 2 and closed == ["a step"]
    assert "a step" not in {thread.name for thread in threading.enumerate()}
