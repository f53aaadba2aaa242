"""The child's side of the line: a file that lies in another process, and room for pictures there."""

from __future__ import annotations

import io
import mmap
import os
import select
import socket
import time
from collections import OrderedDict
from typing import Any

import numpy as np

from processing.engine.arrays import Image
from processing.engine.decoding import wire
from processing.engine.decoding.confine import renew_processor_time


class Stopped(Exception):
    """No more is wanted."""


class Gone(Exception):
    """The parent has hung up."""


class Line:
    """Sends, receives, and remembers what has come."""

    def __init__(self, line: socket.socket, ring: int, seconds: float) -> None:
        self._line = line
        self._poll = select.poll()
        self._poll.register(line, select.POLLIN)
        self._seconds = seconds
        self._told = time.monotonic()
        self.ring = mmap.mmap(ring, wire.RING * wire.BLOCK, prot=mmap.PROT_READ)
        self.rate = 0.0  # frames a second wanted now: the line is the pace of what is read
        self.stopped = False
        self.arrived: dict[int, tuple[int, int]] = {}
        self._rates: list[float] = []
        self._slots: list[mmap.mmap] = []
        self._free: list[int] = []

    def begin(self) -> None:
        """A new request: nothing of an earlier one counts."""
        self.stopped = False
        self.arrived = {}
        self._rates = []
        self._free = list(range(len(self._slots)))

    def send(self, *message: Any) -> None:
        wire.send(self._line, message)
        self._told = time.monotonic()
        renew_processor_time(2 * self._seconds)

    def receive(self) -> list[Any]:
        """Wait for one message; what tells of blocks, slots and stopping is remembered before it is given."""
        data, descriptors, _, _ = socket.recv_fds(self._line, wire.LONGEST, 4)
        if not data:
            raise Gone
        message = wire.parse(data)
        match message:
            case ["block", number, place, length]:
                self.arrived[number] = (place, length)
            case ["next", slot, rate]:
                self._free.append(slot)
                self._rates.append(float(rate))
            case ["slots", _, size]:
                self._slots = [mmap.mmap(descriptor, size) for descriptor in descriptors]
                for descriptor in descriptors:
                    os.close(descriptor)
                self._free = list(range(len(self._slots)))
            case ["stop"]:
                self.stopped = True
        return message

    def wait(self) -> None:
        """Receive one message in the midst of a request. Raises Stopped."""
        self.receive()
        if self.stopped:
            raise Stopped

    def keep_pace(self, given: int) -> None:
        """Set the rate for the frame that follows `given` ones: what was wanted when the last but one of them was taken.

        Later wishes wait for their turn, so that a film is read in the same way however quick either side is.
        """
        while len(self._rates) < given - 1:
            self.wait()
        if given > 1:
            self.rate = self._rates[given - 2]

    def seen(self) -> None:
        """A frame has been decoded: hear whether it still matters, and say now and then that there are some."""
        while self._poll.poll(0):
            self.wait()
        if time.monotonic() - self._told > 1.0:
            self.send("alive")

    def room(self, height: int, width: int, count: int) -> tuple[int, Image]:
        """A free slot: its number, and uint8 (height, width, 3) in it. count: slots to have, if there are none yet."""
        size = 3 * height * width
        if not self._slots or len(self._slots[0]) < size or len(self._slots) < count:
            self.send("slots", count, size)
            self._slots = []
            while not self._slots:
                self.wait()
        while not self._free:
            self.wait()
        slot = self._free.pop(0)
        return slot, np.frombuffer(self._slots[slot], np.uint8, size).reshape(height, width, 3)


class RemoteFile:
    """Reads, as an open file does, what the parent has. It asks ahead while it is read in order."""

    AHEAD = 2  # blocks

    def __init__(self, line: Line, size: int) -> None:
        self._line = line
        self._size = size
        self._at = 0
        self._asked: OrderedDict[int, int] = OrderedDict()  # number of a block: its place in the ring
        self._unused = list(range(wire.RING))
        self._latest = -1

    def read(self, size: int = -1) -> bytes:
        end = self._size if size is None or size < 0 else min(self._size, self._at + size)
        parts = []
        while self._at < end:
            number, offset = divmod(self._at, wire.BLOCK)
            place, length = self._block(number)
            part = self._line.ring[place * wire.BLOCK + offset : place * wire.BLOCK + min(length, offset + end - self._at)]
            if not part:
                break  # the file is shorter than was said
            parts.append(part)
            self._at += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError("a file has no place before its beginning")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def seekable(self) -> bool:
        return True

    def _block(self, number: int) -> tuple[int, int]:
        """Place in the ring and length of a block."""
        if number not in self._asked:
            self._ask(number)
        self._asked.move_to_end(number)
        if number == self._latest + 1:
            for ahead in range(number + 1, min(number + 1 + self.AHEAD, -(-self._size // wire.BLOCK))):
                if ahead not in self._asked:
                    self._ask(ahead)
                self._asked.move_to_end(ahead)
        self._latest = number
        while number not in self._line.arrived:
            self._line.wait()
        return self._line.arrived[number]

    def _ask(self, number: int) -> None:
        if self._unused:
            place = self._unused.pop()
        else:
            oldest, place = self._asked.popitem(last=False)
            while oldest not in self._line.arrived:
                self._line.wait()
            del self._line.arrived[oldest]
        self._asked[number] = place
        self._line.send("need", number, place)
