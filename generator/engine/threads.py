"""How many threads a training step is worth on this machine, as it is just now."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch

FIRST_TRIAL_S = 2.0
LONGEST_WAIT_S = 120.0
TRIAL_STEPS = 4
# The first step with another count pays for setting it up; more than this many times the usual says enough.
HOPELESS = 2.0


class ThreadChoice(AbstractContextManager["ThreadChoice"]):
    """Tries twice and half as many threads from time to time, and stays with whatever makes steps shortest.

    The threads of one step wait for each other. Where another program holds one of the cores they mostly wait, and a step on
    two threads can take ten times as long as on one; where the cores are free, all of them help. Neither is known beforehand,
    nor does it last. `most`: the largest count to try, by default what torch would use.
    """

    def __init__(self, most: int | None = None) -> None:
        self._before = torch.get_num_threads()
        self.most = most or self._before
        self.count = 1
        self._usual: float | None = None
        self._trial: list[float] = []
        self._trying: int | None = None
        self._upward = True
        self._wait = FIRST_TRIAL_S
        self._next_trial = FIRST_TRIAL_S
        torch.set_num_threads(self.count)

    def took(self, seconds: float, now: float) -> None:
        """Tells how long the step took that ended at `now` (seconds on any clock that starts with the training)."""
        if self._trying is not None:
            self._trial.append(seconds)
            self._judge(now)
        else:
            if self._usual is not None and self.count > 1 and seconds > HOPELESS * self._usual:
                # somebody else has begun to work here
                self._upward, self._next_trial = False, now
            self._usual = seconds if self._usual is None else 0.7 * self._usual + 0.3 * seconds
            if now >= self._next_trial:
                self._begin_trial()

    def _begin_trial(self) -> None:
        other = self.count * 2 if self._upward else self.count // 2
        if not 1 <= other <= self.most:
            self._upward = not self._upward
            other = self.count * 2 if self._upward else self.count // 2
        if 1 <= other <= self.most:
            self._trying, self._trial = other, []
            torch.set_num_threads(other)

    def _judge(self, now: float) -> None:
        assert self._trying is not None and self._usual is not None
        hopeless = self._trial[-1] > HOPELESS * self._usual
        if not hopeless and len(self._trial) < TRIAL_STEPS:
            return
        # the first step is left out of the mean
        mean = sum(self._trial[1:]) / max(1, len(self._trial) - 1)
        if not hopeless and mean < 0.95 * self._usual:
            self.count, self._usual, self._wait = self._trying, mean, FIRST_TRIAL_S
        else:
            self._upward = not self._upward
            self._wait = min(2 * self._wait, LONGEST_WAIT_S)
        self._trying = None
        self._next_trial = now + self._wait
        torch.set_num_threads(self.count)

    def __enter__(self) -> ThreadChoice:
        return self

    def __exit__(self, *_error: object) -> None:
        """Gives torch back the count it had."""
        torch.set_num_threads(self._before)
