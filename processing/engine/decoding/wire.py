"""Messages between the process that wants pictures and the one that decodes them.

A message is a JSON list, its name first, in one packet of a socket pair. Media never travels in messages: pieces of
the file go through a ring of shared memory, pictures through slots of it. From the parent:

- ["probe", size], ["segments", size, seconds], ["frames", size, {arguments}]: do this with a file of `size` bytes
- ["block", number, place, length]: that piece of the file lies in the ring
- ["slots", count, size] with as many file descriptors: shared memory for pictures
- ["next", slot, rate]: this slot is free again, and so many frames a second are wanted now, where the request is paced
- ["stop"]: no more frames

From the child:

- ["need", number, place]: put that piece of the file there
- ["slots", count, size]: make room for pictures
- ["frame", slot, index, time, shot, height, width]: a picture lies in that slot
- ["alive"]: frames are being decoded, though none is given
- ["info", {...}], ["bounds", [...]], ["end"]: answers
- ["failed", sentence, trace], ["memory", trace], ["broken", trace]: the file, the memory or the reader is to blame
"""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from typing import Any

BLOCK = 1 << 20
RING = 8  # blocks
LONGEST = 1 << 17  # bytes of a message; a socket buffer holds one of them


def send(line: socket.socket, message: Sequence[Any], descriptors: Sequence[int] = ()) -> None:
    socket.send_fds(line, [json.dumps(message).encode()], descriptors)


def parse(data: bytes) -> list[Any]:
    """Raises ValueError for what is no message."""
    try:
        message = json.loads(data)
    except RecursionError as error:
        raise ValueError("a message of too many lists") from error
    if not isinstance(message, list) or not message or not isinstance(message[0], str):
        raise ValueError("a message is a list that begins with its name")
    return message
