"""Installations of their own, and `manage.py backup` and `restore` as an operator types them."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.conftest import REPOSITORY
from tests.installation import Installation
from tests.postgres import postgres, postgres_server
from tests.story import story, story_written_down

__all__ = ["postgres", "postgres_server", "story", "story_written_down"]

SITE = Path(__file__).with_name("site.py")


class Site(Installation):
    """An installation that can be backed up. Jobs are not run in it."""

    def __init__(self, folder: Path, **settings: str):
        super().__init__(folder, BROKER="memory://", **settings)

    def does(self, verb: str, *more: object):
        """Runs a verb of site.py in it; gives its answer."""
        return self.tell(SITE, verb, *map(str, more))

    def manage(self, *command: object) -> str:
        """Runs a management command to its good end; gives what it said."""
        done = self.run("manage.py", *map(str, command))
        assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def refuses(self, *command: object) -> str:
        """Runs a management command that must end with one sentence; gives it."""
        done = self.run("manage.py", *map(str, command))
        assert done.returncode == 1, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        assert done.stderr.startswith("CommandError: ") and done.stderr.count("\n") == 1, done.stderr
        return done.stderr

    def starts(self, *command: object) -> subprocess.Popen:
        """Starts a Python file or module in it, which gives way to the test that wants to kill it in time."""
        return subprocess.Popen(
            ["nice", "-n", "19", sys.executable, *map(str, command)],
            cwd=REPOSITORY,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def files(self) -> dict[str, bytes]:
        """Its ciphertext files by name."""
        return files_below(self.data / "objects")


def kill(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it had ended before it was killed"


def kill_when(process: subprocess.Popen, reached: Callable[[], object]) -> None:
    """SIGKILL as soon as the condition holds."""
    while not reached():
        assert process.poll() is None, process.communicate()
    kill(process)


@contextmanager
def held_up_at(table: str, address: str, mode: str) -> Iterator[Callable[[], bool]]:
    """Locks a table of a PostgreSQL database; what is given tells whether somebody waits for it."""
    with psycopg.connect(address) as holder, psycopg.connect(address, autocommit=True) as looker:
        holder.execute(f"LOCK TABLE {table} IN {mode} MODE")
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass"
        yield lambda: looker.execute(waiting, [table]).fetchone()[0] > 0
        holder.rollback()


def how_many_below(folder: Path) -> int:
    """Files, while somebody else makes and renames them."""
    return sum(len(names) for _, _, names in os.walk(folder))


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def make_site(tmp_path) -> Callable[..., Site]:
    """Makes an empty installation: `make_site("old", DATABASE="postgres://...")`."""

    def make(name: str, **settings: str) -> Site:
        (tmp_path / name).mkdir()
        return Site(tmp_path / name, **settings)

    return make


@pytest.fixture(scope="session")
def prepared(tmp_path_factory) -> Path:
    """`site` and `backup` of it, made once and copied for every test."""
    folder = tmp_path_factory.mktemp("prepared")
    made = Site(folder)
    made.does("open_vault", 30)
    made.manage("backup", folder.with_name(f"{folder.name}-backup"))
    return folder


@pytest.fixture
def site(prepared, make_site) -> Site:
    """A vault with thirty small objects, on SQLite and files."""
    made = make_site("old")
    shutil.copytree(prepared / "data", made.data, dirs_exist_ok=True)
    return made


@pytest.fixture
def folder(tmp_path) -> Path:
    """Where backups go."""
    return tmp_path / "backup"


@pytest.fixture
def backup(prepared, folder) -> Path:
    """A backup of `site`."""
    shutil.copytree(prepared.with_name(f"{prepared.name}-backup"), folder)
    return folder
