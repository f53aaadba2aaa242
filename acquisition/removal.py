"""What else must go when a piece of footage goes.

Apps above this one keep things that were made from footage. Rows vanish by their foreign keys; stored objects do not.
So an app that keeps any says here, once, at start (`AppConfig.ready`), how to erase them:

    erased_with_footage(erase_analysis)
"""

from collections.abc import Callable

from acquisition.models import Footage

Eraser = Callable[[Footage], None]
_erasers: list[Eraser] = []


def erased_with_footage(eraser: Eraser) -> Eraser:
    """Adds a verb that erases what was made from a piece of footage; it is called in the transaction of the removal."""
    if eraser not in _erasers:
        _erasers.append(eraser)
    return eraser


def erase_what_was_made_from(footage: Footage) -> None:
    for erase in _erasers:
        erase(footage)
