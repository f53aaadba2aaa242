"""So many cores and no more, so that figures of larger machines stand beside those of small ones."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch


@contextmanager
def tied(count: int) -> Iterator[None]:
    """Ties every thread of this process, and what it starts, to its first `count` cores, and torch to as many threads."""
    threads, cores = torch.get_num_threads(), os.sched_getaffinity(0)
    _tie(set(sorted(cores)[:count]))
    torch.set_num_threads(min(count, len(cores)))
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        _tie(cores)


def _tie(cores: set[int]) -> None:
    for thread in os.listdir("/proc/self/task"):
        # one that has just ended
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread), cores)
