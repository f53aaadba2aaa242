"""A real PostgreSQL of the tests' own, for what must work there as it does on SQLite."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest

from tests.s3 import free_ports

PLACES = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), *map(Path, os.environ["PATH"].split(":"))]


def programs() -> Path | None:
    return next((place for place in PLACES if (place / "initdb").exists() and (place / "postgres").exists()), None)


@contextmanager
def running_cluster(place: Path) -> Iterator[str]:
    """Runs a cluster in a temporary folder; gives `postgres://user@host:port`. The programs refuse to run as root."""
    folder = Path(tempfile.mkdtemp(prefix="twinvault-postgres-"))
    [port] = free_ports(1)
    as_whom = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    if as_whom:
        shutil.chown(folder, "postgres", "postgres")
    begin = [place / "initdb", "--pgdata", folder / "data", "--username", "twinvault", "--auth", "trust", "--no-sync"]
    subprocess.run([*begin, "--encoding", "UTF8"], check=True, capture_output=True, cwd=folder, **as_whom)
    command = [place / "postgres", "-D", folder / "data", "-p", str(port), "-k", folder, "-c", "listen_addresses=127.0.0.1"]
    process = subprocess.Popen([*command, "-c", "fsync=off"], stderr=subprocess.PIPE, text=True, cwd=folder, **as_whom)
    try:
        last = deque(maxlen=20)
        for line in process.stderr:
            last.append(line)
            if "ready to accept connections" in line:
                break
        else:
            raise AssertionError(f"PostgreSQL ended before it listened:\n{''.join(last)}")
        # nobody reads its log any more, and a full pipe would stop it
        threading.Thread(target=lambda: deque(process.stderr, maxlen=0), daemon=True).start()
        yield f"postgres://twinvault@127.0.0.1:{port}"
    finally:
        # at once: clients that were killed may still be connected
        process.send_signal(signal.SIGINT)
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    place = programs()
    if place is None:
        warnings.warn("NOTHING WAS TESTED ON POSTGRESQL: its programs are not installed on this machine", stacklevel=1)
        pytest.skip("no PostgreSQL programs (initdb, postgres) on this machine")
    with running_cluster(place) as address:
        yield address


_numbers = count(1)


@pytest.fixture
def postgres(postgres_server) -> str:
    """The address of an empty database of its own."""
    name = f"site_{next(_numbers)}"
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{postgres_server}/{name}"
