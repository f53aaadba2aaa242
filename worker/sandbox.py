"""A throw-away installation: its own data folder, key and database, gone when the work ends, however it ends."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twinvault.env import BASE_DIR

INSIDE = "TWINVAULT_SANDBOX"
# what a shell says of a command that Ctrl-C ended
INTERRUPTED = 130
# threads that spin while they wait for each other slow learning down many times where other processes want the cores, too
PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}


def inside() -> bool:
    return bool(os.environ.get(INSIDE))


@contextmanager
def sandbox_environment() -> Iterator[dict[str, str]]:
    """The environment of a process that works in a fresh sandbox; the folder is removed on leaving."""
    folder = Path(tempfile.mkdtemp(prefix="twinvault-sandbox-"))
    try:
        (folder / "data").mkdir(mode=0o700)
        live = {name: value for name, value in os.environ.items() if not name.startswith("TWINVAULT_")}
        kept = {name: os.environ[name] for name in ("TWINVAULT_NODE_MODULES", "TWINVAULT_FONTS") if name in os.environ}
        yield (
            PATIENT
            | live
            | kept
            | {
                INSIDE: str(folder),
                "TWINVAULT_DATA_DIR": str(folder / "data"),
                "TWINVAULT_MASTER_KEY_FILE": str(folder / "keys/master.json"),
                "TWINVAULT_SECRET_KEY": "no pages are served from here",
                # jobs are run by the process itself, one after the other
                "TWINVAULT_BROKER": "memory://localhost",
            }
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_inside(command: list[str]) -> int:
    """Runs a manage.py command in a fresh sandbox; returns its exit status, INTERRUPTED after Ctrl-C or SIGTERM."""
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with sandbox_environment() as environment:
            return _run(command, environment)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, previous)


def _run(command: list[str], environment: dict[str, str]) -> int:
    # a session of its own: Ctrl-C reaches this process only, which then ends the other
    child = subprocess.Popen([sys.executable, "manage.py", *command], cwd=BASE_DIR, env=environment, start_new_session=True)
    try:
        return child.wait()
    finally:
        # nothing may write into the sandbox any more once it is removed, and nothing in it is worth an orderly end
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def _interrupt(*_arguments) -> None:
    raise KeyboardInterrupt
