"""Steps of one piece of work side by side: each in a thread of its own, a few pictures ahead of the next."""

import queue
import threading
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")
_LOOK_AGAIN_S = 0.2


class _Failed:
    def __init__(self, error: BaseException) -> None:
        self.error = error


_END = object()


def ahead(source: Iterator[T], depth: int, name: str) -> Iterator[T]:
    """The items of `source`, which runs in a thread of its own and up to `depth` items ahead.

    The thread begins with the first item that is asked for. What `source` raises is raised here. However this iteration ends,
    `source` is closed in its own thread, and the thread has ended.
    """
    items: queue.Queue = queue.Queue(depth)
    left = threading.Event()

    def put(item) -> bool:
        while not left.is_set():
            try:
                items.put(item, timeout=_LOOK_AGAIN_S)
                return True
            except queue.Full:
                continue
        return False

    def run() -> None:
        last: object = _END
        try:
            for item in source:
                if not put(item):
                    break
        except BaseException as error:
            last = _Failed(error)
        finally:
            if hasattr(source, "close"):
                source.close()
            put(last)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        while (item := items.get()) is not _END:
            if isinstance(item, _Failed):
                raise item.error
            yield item
    finally:
        left.set()
        thread.join()
