"""The parent's side of the line: a decoding process, watched."""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, Self

import numpy as np

from processing.engine.arrays import Image
from processing.engine.decoding import wire
from processing.engine.films import MAX_FRAME_PIXELS
from processing.engine.frames import NO_MEMORY, MediaError
from processing.engine.stills import MAX_STILL_PIXELS

_CHILD = Path(__file__).with_name("child.py")
_LONGEST_SENTENCE = 400
BROKEN = "This file makes its reader break off; it is damaged or made in an unusual way, so please send another copy."
_SLOW = "This file takes too long to read; it may be damaged, so please send another copy."


@dataclass(frozen=True)
class Limits:
    """What decoding one file may take.

    seconds: wall clock from one sign of progress (a frame, new bytes of the file) to the next. memory: bytes that the
    process may hold of its own; a still of 100 megapixels needs some 1.1 GiB. Pictures come on top, in shared memory,
    no larger than `MAX_STILL_PIXELS` or twice `MAX_FRAME_PIXELS` allow.
    """

    seconds: float = 60.0
    memory: int = 3 << 29


class DecoderDied(Exception):
    """For the operator: how the decoding process ended, and the last that it wrote to its standard error."""


class Decoder:
    """A decoding process. It can read several files one after the other, one at a time, and is started when needed.

    It must be used in the thread that made it: the kernel ends the process with the thread that started it.
    """

    def __init__(self, limits: Limits = Limits()) -> None:
        self.limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._source: BinaryIO | None = None
        self._size = 0
        self._ticket = 0
        self._busy = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def process_id(self) -> int | None:
        """Of the decoding process, while there is one."""
        return self._process.pid if self._process else None

    def request(self, source: BinaryIO, name: str, *arguments: Any) -> int:
        """Begin something with `source`, and end what was begun before. Gives the ticket to get the answers for."""
        self.stop(self._ticket)
        if self._process is None:
            self._start()
        self._source = source
        self._size = source.seek(0, os.SEEK_END)
        self._progress()
        self._ticket += 1
        self._busy = True
        self.send([name, self._size, *arguments])
        return self._ticket

    def answer(self, ticket: int) -> list[Any]:
        """The next answer; until then the file is read out to the process. Raises MediaError, what `source` raises, and
        RuntimeError if something else has been requested since.
        """
        if ticket != self._ticket or not self._busy:
            raise RuntimeError("something else has been asked of this decoder since")
        try:
            while True:
                message = self._receive()
                match message:
                    case ["need", int(number), int(place)]:
                        self._serve(number, place)
                    case ["slots", int(count), int(size)]:
                        self._make_slots(count, size)
                    case ["alive"]:
                        self._progress()
                    case ["failed", str(sentence), str(trace)]:
                        self._busy = False
                        raise MediaError(_plain(sentence)) from DecoderDied(trace)
                    case ["memory", str(trace)]:
                        raise MediaError(NO_MEMORY) from self.end(trace)
                    case ["broken", str(trace)]:
                        raise MediaError(BROKEN) from self.end(trace)
                    case ["frame", *_]:
                        self._progress()
                        return message
                    case _:
                        self._busy = False
                        return message
        except MediaError:
            raise
        except BaseException:
            self.close()  # it waits for bytes that will not come
            raise

    def send(self, message: Sequence[Any], descriptors: Sequence[int] = ()) -> None:
        self._line.settimeout(self.limits.seconds)
        try:
            wire.send(self._line, message, descriptors)
        except TimeoutError:
            raise MediaError(_SLOW) from self.end("it took no message")
        except OSError:
            self._has_died()

    def picture(self, slot: int, height: int, width: int) -> Image:
        """A copy, uint8 (height, width, 3), of what lies in a slot. Raises MediaError if nothing can lie there."""
        if not (0 <= slot < len(self._slots) and height > 0 and width > 0 and 3 * height * width <= len(self._slots[slot])):
            raise MediaError(BROKEN) from self.end("a picture where there is no room")
        image = np.empty((height, width, 3), dtype=np.uint8)
        image.ravel()[:] = np.frombuffer(self._slots[slot], np.uint8, image.size)
        return image

    def stop(self, ticket: int) -> None:
        """End that request, if it is under way; the process stays, or is ended if it does not listen."""
        if ticket != self._ticket or not self._busy:
            return
        self._busy = False
        self._line.settimeout(2.0)
        try:
            wire.send(self._line, ["stop"])
            while (name := wire.parse(self._line.recv(wire.LONGEST))[0]) not in ("end", "failed", "memory", "broken"):
                pass
        except (OSError, ValueError):
            self.close()
        else:
            if name in ("memory", "broken"):
                self.close()

    def end(self, why: str) -> DecoderDied:
        """End the process, and tell the operator why."""
        said = b""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            while piece := self._errors.read(1 << 16):
                said = (said + piece)[-4000:]
            self.close()
        return DecoderDied(f"{why}; {said.decode(errors='replace')}" if said else why)

    def close(self) -> None:
        """End the process, at once, and give back all that was shared with it."""
        if self._process is None:
            return
        process, self._process = self._process, None
        self._busy = False
        process.kill()
        process.wait()
        self._source = None
        self._line.close()
        self._errors.close()
        self._ring.close()
        self._drop_slots()

    def _start(self) -> None:
        with contextlib.ExitStack() as passed:
            self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            passed.callback(theirs.close)
            ring, self._ring = _shared(wire.RING * wire.BLOCK)
            passed.callback(os.close, ring)
            read, write = os.pipe()
            passed.callback(os.close, write)
            self._errors = os.fdopen(read, "rb", buffering=0)
            # A process that writes much waits for nobody; what does not fit is lost.
            os.set_blocking(read, False)
            os.set_blocking(write, False)
            self._slots: list[mmap.mmap] = []
            seconds, memory = str(self.limits.seconds), str(self.limits.memory)
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-B", str(_CHILD), str(theirs.fileno()), str(ring), str(os.getpid()), seconds, memory],
                env={"LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=write,
                pass_fds=(theirs.fileno(), ring),
                start_new_session=True,
            )

    def _receive(self) -> list[Any]:
        left = self._deadline - time.monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            self._line.settimeout(left)
            data = self._line.recv(wire.LONGEST)
        except TimeoutError:
            raise MediaError(_SLOW) from self.end(f"no progress in {self.limits.seconds} seconds")
        except ConnectionError:
            data = b""
        if not data:
            self._has_died()
        try:
            return wire.parse(data)
        except ValueError:
            raise MediaError(BROKEN) from self.end("it answered with no message")

    def _progress(self) -> None:
        self._deadline = time.monotonic() + self.limits.seconds
        # To find one frame the whole file may have to be read, a few times over, but not for ever.
        self._reads_left = 64 + 4 * (self._size // wire.BLOCK + 1)

    def _serve(self, number: int, place: int) -> None:
        assert self._source is not None
        if not (0 <= place < wire.RING and 0 <= number * wire.BLOCK < max(1, self._size)):
            raise MediaError(BROKEN) from self.end("it wants what is not in the file")
        if self._reads_left <= 0:
            raise MediaError(_SLOW) from self.end("it reads the same bytes again and again")
        self._reads_left -= 1
        began = time.monotonic()
        self._source.seek(number * wire.BLOCK)
        at = start = place * wire.BLOCK
        while at < start + wire.BLOCK and (piece := self._source.read(start + wire.BLOCK - at)):
            self._ring[at : at + len(piece)] = piece
            at += len(piece)
        self.send(["block", number, place, at - start])
        self._deadline += time.monotonic() - began  # what the storage takes is not the decoder's time

    def _make_slots(self, count: int, size: int) -> None:
        most = 3 * max(MAX_STILL_PIXELS, MAX_FRAME_PIXELS * 2)
        if not (1 <= count <= 2 and size > 0 and count * size <= most):
            raise MediaError(BROKEN) from self.end("it wants more room than any picture needs")
        self._drop_slots()
        with contextlib.ExitStack() as passed:
            descriptors = []
            for _ in range(count):
                descriptor, shared = _shared(size)
                passed.callback(os.close, descriptor)
                descriptors.append(descriptor)
                self._slots.append(shared)
            self.send(["slots", count, size], descriptors)

    def _drop_slots(self) -> None:
        for slot in self._slots:
            slot.close()
        self._slots = []

    def _has_died(self) -> NoReturn:
        """The process has hung up. Raises MediaError."""
        assert self._process is not None
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            raise MediaError(BROKEN) from self.end("it hung up and went on")
        if code >= 0:
            raise MediaError(BROKEN) from self.end(f"exit code {code}")
        sentence = {signal.SIGXCPU: _SLOW, signal.SIGKILL: NO_MEMORY}.get(signal.Signals(-code), BROKEN)
        raise MediaError(sentence) from self.end(f"ended by {signal.Signals(-code).name}")


def _shared(size: int) -> tuple[int, mmap.mmap]:
    """Memory without a name, of a size that nobody can change any more: its descriptor, and a view of it."""
    descriptor = os.memfd_create("decoding", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(descriptor, size)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        return descriptor, mmap.mmap(descriptor, size)
    except BaseException:
        os.close(descriptor)
        raise


def _plain(sentence: str) -> str:
    """A sentence that came from the process is anybody's word: short, and of printable characters."""
    return "".join(letter for letter in sentence[:_LONGEST_SENTENCE] if letter.isprintable()) or BROKEN
