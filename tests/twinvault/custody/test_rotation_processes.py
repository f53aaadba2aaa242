"""Rotation between real processes: one reads while another rotates, one is killed, two rotate at once, one has an old copy."""

import fcntl
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.installation import Installation
from twinvault.custody.keys import make_master_key_file

KEPT = Path(__file__).parent / "kept_objects.py"


@pytest.fixture(scope="module")
def empty_data(tmp_path_factory) -> Path:
    """A data folder with the tables in it."""
    made = Installation(tmp_path_factory.mktemp("empty"))
    manage(made, "migrate", "--verbosity", "0")
    return made.data


@pytest.fixture
def installation(tmp_path, empty_data):
    """One with a key file of its own."""
    made = Installation(tmp_path, MASTER_KEY_FILE=str(tmp_path / "keys/master.json"))
    make_master_key_file(tmp_path / "keys/master.json")
    shutil.copytree(empty_data, made.data, dirs_exist_ok=True)
    return made


def manage(installation: Installation, *command: str) -> str:
    done = installation.run("manage.py", *command)
    assert done.returncode == 0, done.stderr
    return done.stdout


def begin(installation: Installation, *command: str | Path, **more) -> subprocess.Popen:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE} | more
    return subprocess.Popen(
        [sys.executable, *map(str, command)], cwd=REPOSITORY, env=installation.environment, text=True, **pipes
    )


def current_key(installation: Installation) -> str:
    return json.loads(Path(installation.environment["TWINVAULT_MASTER_KEY_FILE"]).read_text())["current"]


def keyrings_under(installation: Installation) -> dict[str, int]:
    """Those that `kept_objects` made; the record has one of its own."""
    with sqlite3.connect(installation.data / "twinvault.sqlite3") as database:
        return dict(database.execute("SELECT master_key_id, count(*) FROM custody_keyring WHERE purpose = 'test' GROUP BY 1"))


def test_no_read_fails_while_keys_rotate_and_are_retired(installation):
    used = [installation.tell(KEPT, "make", "30", "30")["master_key"]]
    with begin(installation, KEPT, "read-on") as reader:
        reader.stdout.readline()
        for _ in range(2):
            manage(installation, "rotate_master_key")
            manage(installation, "retire_master_key", used[-1])
            used.append(current_key(installation))
        told = json.loads(reader.communicate()[0].splitlines()[-1])

    assert told["wrong"] == [] and told["rounds"] > 1
    after = installation.tell(KEPT, "read")
    assert after["wrong"] == [] and after["keyrings_opened"] == 30 + told["rounds"]
    assert len(set(used)) == 3 and after["under"] == [used[-1]]


def nearly_full_pipe(room: int) -> tuple[int, int]:
    """(read end, write end) of a pipe that takes `room` bytes and then makes its writer wait."""
    read_end, write_end = os.pipe()
    size = fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
    os.write(write_end, bytes(size - room))
    return read_end, write_end


def test_a_rotation_that_is_killed_is_gone_on_with_and_nothing_is_lost(installation):
    total = 5000
    old = installation.tell(KEPT, "make", str(total), "20")["master_key"]
    # it cannot come to its end, since nobody reads what it says
    read_end, write_end = nearly_full_pipe(600)
    with begin(installation, "manage.py", "rotate_master_key", stdout=write_end) as rotation:
        while keyrings_under(installation)[old] == total:
            assert rotation.poll() is None
        rotation.send_signal(signal.SIGKILL)
        assert rotation.wait() == -signal.SIGKILL
    os.close(read_end)
    os.close(write_end)

    in_the_middle = installation.tell(KEPT, "read")
    assert 0 < keyrings_under(installation)[old] < total
    assert in_the_middle["wrong"] == [] and in_the_middle["keyrings_opened"] == total

    told = manage(installation, "rotate_master_key")

    after = installation.tell(KEPT, "read")
    assert f"The rotation to master key {in_the_middle['current']} goes on." in told
    assert (after["under"], after["master_keys"]) == ([in_the_middle["current"]], 2)
    assert after["wrong"] == [] and after["keyrings_opened"] == total and after["record_is_whole"]


def test_two_rotations_at_once_end_under_one_key(installation):
    installation.tell(KEPT, "make", "1500", "20")

    both = [begin(installation, "manage.py", "rotate_master_key", *options) for options in ([], ["--new"])]
    for rotation in both:
        rotation.communicate()
        assert rotation.returncode == 0

    after = installation.tell(KEPT, "read")
    assert after["under"] == [after["current"]] and after["keyrings_opened"] == 1500
    assert after["wrong"] == [] and after["record_is_whole"]


def test_an_old_copy_of_disk_and_database_opens_by_an_old_key_file_only(installation, tmp_path):
    old = installation.tell(KEPT, "make", "3", "3")["master_key"]
    backup = tmp_path / "backup"
    shutil.copytree(installation.data, backup)
    shutil.copy(tmp_path / "keys/master.json", tmp_path / "keys/older.json")
    manage(installation, "rotate_master_key")
    manage(installation, "retire_master_key", old)

    installation.environment["TWINVAULT_DATA_DIR"] = str(backup)
    today = installation.tell(KEPT, "read")
    installation.environment["TWINVAULT_MASTER_KEY_FILE"] = str(tmp_path / "keys/older.json")
    older = installation.tell(KEPT, "read")

    assert today["keyrings_opened"] == 0 and len(today["wrong"]) == 3 + 3
    assert all(f"master key {old} is not in" in sentence for sentence in today["wrong"])
    assert older["wrong"] == [] and older["keyrings_opened"] == 3


@pytest.fixture
def lost(installation) -> str:
    """The id of a master key that wrapped three keyrings, and is lost."""
    key_id, path = (
        installation.tell(KEPT, "make", "3", "2")["master_key"],
        Path(installation.environment["TWINVAULT_MASTER_KEY_FILE"]),
    )
    path.unlink()
    make_master_key_file(path)
    return key_id


def test_a_process_with_a_lost_key_starts_and_says_what_cannot_be_opened(installation, lost):
    for module in ("worker.app", "twinvault.wsgi"):
        done = installation.run("-c", f"import {module}; print('it runs')")
        assert done.returncode == 0 and done.stdout.endswith("it runs\n")
        assert "CRITICAL twinvault.start" in done.stderr
        assert f"Master key {lost} is lost: 3 keyrings with 2 stored objects cannot be opened." in done.stderr


def test_serve_starts_with_a_lost_key_and_says_what_cannot_be_opened(installation, lost, tmp_path):
    with begin(installation, "manage.py", "serve", "--port", "0", "--logs", tmp_path / "log", stderr=subprocess.PIPE) as serve:
        said = serve.stderr.readline()
        serve.send_signal(signal.SIGINT)
        out, more = serve.communicate()

    assert f"Master key {lost} is lost: 3 keyrings with 2 stored objects cannot be opened." in said, more
    assert "TwinVault is at http://" in out
    assert f"Master key {lost} is lost" in (tmp_path / "log/web.log").read_text()


def test_checks_of_the_database_and_of_a_deployment_fail_for_a_lost_key(installation, lost):
    for command in (["check", "--deploy"], ["check", "--database", "default"], ["migrate"]):
        done = installation.run("manage.py", *command)
        assert done.returncode == 1 and done.stderr.count("(custody.E005)") == 1, command


def test_a_process_starts_quietly_where_no_key_is_lost_and_before_there_are_tables(installation, tmp_path):
    quiet = installation.run("-c", "import worker.app")
    installation.environment["TWINVAULT_DATA_DIR"] = str(tmp_path / "empty")
    early = installation.run("-c", "import worker.app")

    assert quiet.returncode == early.returncode == 0
    assert "CRITICAL" not in early.stderr and quiet.stderr == ""
    assert "no such table" in early.stderr
