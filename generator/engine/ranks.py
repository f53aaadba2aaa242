"""The processes that learn one twin together. Alone, as here, there is nothing to agree on; see `distributed` for several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor


class Ranks:
    """One process, which learns by itself. `number` counts from 0; number 0 decides, and it alone writes and reports."""

    number = 0
    size = 1

    @property
    def leads(self) -> bool:
        return self.number == 0

    def agree(self, told: Sequence[float]) -> list[float]:
        """What number 0 says, on every rank."""
        return list(told)

    def worst(self, status: int) -> int:
        """The largest status of any rank."""
        return status

    def average(self, gradients: Iterable[Tensor]) -> None:
        """Put the mean over all ranks in place of each tensor."""

    def alike(self, tensors: Iterable[Tensor]) -> bool:
        """Whether these tensors are the same on every rank."""
        return True
