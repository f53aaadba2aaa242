"""What encryption costs. Runs in a sandbox: it makes thousands of keyrings and an object of 2 GB."""

import io
import os
import re
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache

from django.core.management import call_command
from django.db import transaction
from django.test import RequestFactory
from django.utils import timezone

from twinvault.custody import archive as archives
from twinvault.custody import keys, objects
from twinvault.custody.models import Keyring, StoredObject
from twinvault.custody.stream import SEGMENT, DecryptingReader, SegmentWriter
from twinvault.web.ranges import ranged_response
from worker.bench.exporting import ask_for
from worker.bench.memory import memory_of
from worker.bench.rows import Row

MIB = 2**20
BIG = 2 * 2**30
SPEED_BYTES, SPEED_STREAM = 512 * MIB, 16 * MIB
# machines are noisy: what is compared runs in turns, and the median of the turns counts
ROUNDS = 5
KEYRINGS = OBJECTS = 10_000


def speed() -> Iterator[Row]:
    """1 MiB writes and reads beside `openssl speed`, on one core."""
    ours = []
    with one_core():
        for _ in range(ROUNDS):
            openssl, (encrypting, decrypting) = openssl_speed(), our_speed()
            ours.append((encrypting / openssl, decrypting / openssl))
    for verb, shares in zip(("encrypt", "decrypt"), zip(*ours, strict=True), strict=True):
        yield Row(f"{verb}, share of openssl's AES-256-GCM at 1 MiB on the same core", statistics.median(shares), 0.60, "higher")


@contextmanager
def one_core() -> Iterator[None]:
    """Ties this process, and those that it starts, to one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def openssl_speed() -> float:
    """Bytes a second."""
    if shutil.which("openssl") is None:
        raise SystemExit("openssl, which the speed is compared with, is not installed.")
    command = ["openssl", "speed", "-evp", "aes-256-gcm", "-bytes", str(MIB), "-seconds", "1"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return 1000 * float(re.search(r"^AES-256-GCM +([\d.]+)k", told, re.MULTILINE | re.IGNORECASE).group(1))


class _Nowhere(io.RawIOBase):
    def write(self, data) -> int:
        return len(data)


def our_speed() -> tuple[float, float]:
    """Bytes a second through SegmentWriter and DecryptingReader, without a disk. Buffers are used again, as openssl does it."""
    piece, buffer, key = os.urandom(MIB), bytearray(MIB), os.urandom(32)
    encrypted = io.BytesIO()
    encrypt(encrypted, key, piece, times=SPEED_STREAM // MIB)
    reader = DecryptingReader(encrypted, key, b"")
    began = time.perf_counter()
    for _ in range(SPEED_BYTES // SPEED_STREAM):
        reader.seek(0)
        while reader.readinto(buffer):
            pass
    decrypting = SPEED_BYTES / (time.perf_counter() - began)
    began = time.perf_counter()
    encrypt(_Nowhere(), key, piece, times=SPEED_BYTES // MIB)
    return SPEED_BYTES / (time.perf_counter() - began), decrypting


def encrypt(raw, key: bytes, piece: bytes, times: int) -> None:
    writer = SegmentWriter(raw, key, b"")
    for _ in range(times):
        writer.write(piece)
    writer.finish()


@cache
def stored(size: int) -> tuple[StoredObject, float]:
    """An object of `size` bytes, and the memory in MiB of the process that stored it."""
    told = memory_of("store", size)
    return StoredObject.objects.select_related("keyring").get(id=told["object"]), told["peak_mib"]


@cache
def idle() -> float:
    """The memory in MiB of a process that has loaded everything and does nothing."""
    return memory_of("idle", "-")["peak_mib"]


def end_of_a_big_object() -> Iterator[Row]:
    """What a player costs that wants the end first: the dearest of several places."""
    big, _ = stored(BIG)
    most = max(read_for_first_byte(big, back) for back in (1, 1000, MIB // 2, MIB, MIB + 100_000))
    yield Row("segments read for the first byte of a Range at the end of a 2 GB object", most, 3, "lower")


def read_for_first_byte(big: StoredObject, back: int) -> float:
    """All that this process reads from anywhere, in segments, until the page's first bytes are there."""
    request = RequestFactory().get("/", headers={"Range": f"bytes=-{back}"})
    before = bytes_read()
    response = ranged_response(request, objects.open_object(big), big.size, big.content_type)
    first = next(iter(response.streaming_content))
    after = bytes_read()
    response.close()
    if response.status_code != 206 or not first:
        raise RuntimeError(f"the last {back} bytes were not served")
    return (after - before) / SEGMENT


def bytes_read() -> int:
    """Bytes that this process has asked the system for so far, whatever file they came from."""
    with open("/proc/self/io") as file:
        return int(re.search(r"rchar: (\d+)", file.read()).group(1))


def memory_in() -> Iterator[Row]:
    yield Row("2 GB stored: memory over idle, in MiB", stored(BIG)[1] - idle(), 64, "lower")


def memory_out() -> Iterator[Row]:
    yield Row("2 GB read: memory over idle, in MiB", memory_of("read", stored(BIG)[0].id)["peak_mib"] - idle(), 64, "lower")


def memory_export() -> Iterator[Row]:
    peak = memory_of("export", ask_for(stored(BIG)[0]))["peak_mib"]
    yield Row("2 GB exported: memory over idle, in MiB", peak - idle(), 64, "lower")


def rotation() -> Iterator[Row]:
    with transaction.atomic():
        made = [objects.store(keys.new_keyring("bench"), "pack", str(number).encode()).id for number in range(KEYRINGS)]
    began = time.monotonic()
    call_command("rotate_master_key", stdout=io.StringIO())
    seconds = time.monotonic() - began
    if Keyring.objects.exclude(master_key_id=keys.master_keys()[0]).exists():
        raise RuntimeError("keyrings were left under the old master key")
    for number in range(0, KEYRINGS, 100):
        if objects.read(StoredObject.objects.get(id=made[number])) != str(number).encode():
            raise RuntimeError("an object has other bytes after the rotation")
    yield Row("10,000 keyrings wrapped anew by a rotation, in seconds", seconds, 60, "lower")


def sealing() -> Iterator[Row]:
    """The keys of all sources of one vault to its archive, and lent again by an unsealing."""
    keyring = keys.new_keyring("bench")
    with transaction.atomic():
        made = [objects.store(keyring, "footage", str(number).encode()) for number in range(OBJECTS)]
    archive, _ = archives.make_archive(keyring, "only for this measurement")
    began = time.monotonic()
    archives.begin_sealing(archive)
    while archives.seal_some(archive):
        pass
    if not archives.end_sealing(archive):
        raise RuntimeError("not everything was sealed")
    yield Row("10,000 objects sealed, in seconds", time.monotonic() - began, 60, "lower")
    unlocked = archives.unlock(archive, password="only for this measurement")
    began = time.monotonic()
    archives.lend(unlocked, timezone.now() + timedelta(hours=1), general=True)
    yield Row("10,000 sealed objects lent by an unsealing, in seconds", time.monotonic() - began, 60, "lower")
    for number in range(0, OBJECTS, 100):
        if objects.read(StoredObject.objects.get(id=made[number].id)) != str(number).encode():
            raise RuntimeError("an object has other bytes after sealing and unsealing")


# one thing more to measure is one function more, and its name here
MEASURES: list[Callable[[], Iterator[Row]]] = [
    speed,
    end_of_a_big_object,
    memory_in,
    memory_out,
    memory_export,
    rotation,
    sealing,
]
