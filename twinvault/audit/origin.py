"""From where a deed is done: "web 203.0.113.5", "worker <hostname>", "command <name>", or "" where nobody said.

Knows no Django, so that manage.py can say it before anything else is loaded.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_origin: ContextVar[str] = ContextVar("origin", default="")


def origin() -> str:
    return _origin.get()


@contextmanager
def acting_from(where: str) -> Iterator[None]:
    """Deeds inside the block are recorded as done from there. A thread that is started inside does not know of it."""
    token = _origin.set(where)
    try:
        yield
    finally:
        _origin.reset(token)
