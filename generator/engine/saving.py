"""Checkpoints out of the way of the steps: copied between two of them, put into bytes beside them."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager

from .checkpoint import Checkpoint
from .device import ran_out_of_memory

Tell = Callable[[str], None]


class CheckpointWriter(AbstractContextManager["CheckpointWriter"]):
    """Hands each checkpoint to `deliver` as bytes, in the training's own thread; a thread of this class makes the bytes.

    every_s: at most this much work is lost by whatever ends the process, beside the step under way. What writing took the last
    time, from the copy until `deliver` came back, counts as well, so copies are taken that much oftener; half of the time is
    allowed for the first one.
    """

    def __init__(self, deliver: Callable[[bytes], None] | None, every_s: float, tell: Tell) -> None:
        self._deliver, self._tell = deliver, tell
        self.every_s = every_s
        self.took_s = every_s / 2
        self._copied_at = time.monotonic()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._making: Future[bytes] | None = None

    def is_due(self) -> bool:
        return time.monotonic() - self._copied_at >= max(0.0, self.every_s - self.took_s)

    def begin(self, copy: Checkpoint) -> None:
        """Start on a new one; the one before it is delivered first."""
        self.poll(wait=True)
        self._copied_at = time.monotonic()
        if self._deliver is not None:
            self._making = self._thread.submit(copy.to_bytes)

    def put_off(self) -> None:
        """There is nothing to begin with now; the next one is due after the usual time."""
        self._copied_at = time.monotonic()

    def poll(self, wait: bool = False) -> None:
        """Deliver what is ready; with `wait` what is under way, too."""
        if self._deliver is None or self._making is None or not (wait or self._making.done()):
            return
        making, self._making = self._making, None
        try:
            data = making.result()
        except (RuntimeError, MemoryError) as error:
            if not ran_out_of_memory(error):
                raise
            self._tell("There was no memory to store what was learned; it is tried again.")
            return
        self._deliver(data)
        self.took_s = time.monotonic() - self._copied_at

    def __exit__(self, *_error: object) -> None:
        self._thread.shutdown(wait=True)
