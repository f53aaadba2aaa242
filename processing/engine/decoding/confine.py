"""What a decoding process takes from itself before it sees the first byte of a file."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import signal
import struct
import sys

# prctl(2)
_PDEATHSIG, _DUMPABLE, _SECCOMP, _NO_NEW_PRIVILEGES = 1, 4, 22, 38
_FILTER = 2
_DESCRIPTORS = 24

# Numbers of system calls that no decoder needs: to open, make, move or remove files, to reach the network, to start
# programs, to look into other processes, and to get around this very list.
_FORBIDDEN = {
    "x86_64": (
        0xC000003E,
        "2 257 437 85 304 41 42 49 50 43 288 59 322 57 58 101 310 311 62 129 200 297 425 319 321 298 323 250 248 249 "
        "434 438 165 272 308 87 263 82 264 316 83 258 84 86 265 88 266 90 268 76 29 68 64 240",
    ),
    "aarch64": (
        0xC00000B7,
        "56 437 265 198 203 200 201 202 242 221 281 117 270 271 129 138 130 240 425 279 280 241 282 219 217 218 434 438 "
        "40 97 268 35 38 276 34 37 36 53 45 194 186 190 180",
    ),
}


def die_with_parent(parent: int) -> None:
    """End this process when the thread that started it ends. parent: its process id."""
    _control(_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the process that wanted pictures has ended")


def limit(memory: int) -> None:
    """No file may be written, no core dumped, few descriptors opened, and `memory` bytes of its own be held."""
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _DESCRIPTORS),
        (resource.RLIMIT_DATA, memory),
    ):
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))
    # Where the machine runs short of memory, this process goes first; some containers leave that to themselves.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")


def renew_processor_time(seconds: float) -> None:
    """Allow this process that much processor time from now on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + seconds) + 1
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def lock() -> bool:
    """Give up files, network and other programs for good; True where the kernel can enforce it (seccomp).

    To be called while there is one thread only, and after all that is needed has been imported.
    """
    _control(_DUMPABLE, 0)
    _control(_NO_NEW_PRIVILEGES, 1)
    if platform.machine() not in _FORBIDDEN:
        return False
    architecture, numbers = _FORBIDDEN[platform.machine()]
    refuse = (0x06, 0, 0, 0x00050000 | 1)  # return the error EPERM
    program = [
        (0x20, 0, 0, 4),  # load the architecture
        (0x15, 1, 0, architecture),
        refuse,
        (0x20, 0, 0, 0),  # load the number of the system call
        (0x35, 0, 1, 0x40000000),  # the x32 names of the same calls
        refuse,
    ]
    for number in numbers.split():
        program += [(0x15, 0, 1, int(number)), refuse]
    program.append((0x06, 0, 0, 0x7FFF0000))  # allow
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    whole = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.prctl(_SECCOMP, _FILTER, ctypes.byref(whole), 0, 0) == 0


def _control(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")
