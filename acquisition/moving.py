"""What else changes when footage comes to another stage of life.

Apps above this one choose among what was made from the footage of a stage. So an app that does says here, once, at start
(`AppConfig.ready`), what to do anew:

    chosen_by_stage(judge_again)
"""

from collections.abc import Callable, Iterable
from uuid import UUID

from twinvault.vaults.models import LifeStage

Chooser = Callable[[LifeStage], None]
_choosers: list[Chooser] = []


def chosen_by_stage(chooser: Chooser) -> Chooser:
    """Adds a verb that is called with every stage that footage came to or left, in the transaction in which it moves."""
    if chooser not in _choosers:
        _choosers.append(chooser)
    return chooser


def choose_anew(stages: Iterable[UUID]) -> None:
    for stage in LifeStage.objects.filter(id__in=set(stages)).select_related("subject__vault__keyring__archive"):
        for choose in _choosers:
            choose(stage)
