"""The processes of one machine: begun together, kept up, ended together."""

import socket
import subprocess
from collections.abc import Iterator

import pytest

from tests.installation import Installation
from worker.stack import RESTARTS_A_MINUTE, Stack, StackFailed


@pytest.fixture
def stack(tmp_path) -> Iterator[Stack]:
    """A stack that has not begun; its processes are started by hand."""
    made = Stack(logs=tmp_path)
    yield made
    made.__exit__(None, None, None)


def begin(stack: Stack, program: str) -> subprocess.Popen:
    stack._start("some", "-c", program)
    return stack.processes["some"]


def test_what_ends_by_itself_is_started_again_but_not_for_ever(stack):
    begin(stack, "print('the paint is dry')").wait()
    for _ in range(RESTARTS_A_MINUTE):
        assert stack.keep_up() == ["some"]
        stack.processes["some"].wait()
    with pytest.raises(StackFailed, match=r"some ends again and again:\n(.|\n)*the paint is dry"):
        stack.keep_up()


def test_what_runs_is_left_alone_and_ended_on_leaving(stack):
    process = begin(stack, "import signal; signal.pause()")
    stack.check()
    assert stack.keep_up() == []

    stack.__exit__(None, None, None)

    assert process.poll() is not None
    assert not stack._folder.exists()


def test_a_process_that_ended_is_named_with_its_last_words(stack):
    begin(stack, "raise SystemExit('no paint')").wait()
    with pytest.raises(StackFailed, match="some ended with 1:\nno paint"):
        stack.check()


def test_a_port_that_is_taken_is_said_before_anything_starts(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(StackFailed, match=r"cannot be used: Address already in use. Choose another port"):
            Stack(port=taken.getsockname()[1], logs=tmp_path).__enter__()


@pytest.mark.parametrize("command", [("manage.py", "serve"), ("-c", "import worker.app")], ids=["everything", "a worker alone"])
def test_without_a_master_key_nothing_starts_and_it_says_what_to_do(tmp_path, command):
    installation = Installation(tmp_path, MASTER_KEY_FILE=str(tmp_path / "keys/master.json"))
    done = installation.run(*command)
    assert done.returncode == 1
    assert f"There is no master key file at {tmp_path}/keys/master.json." in done.stderr
    assert "manage.py make_keys" in done.stderr and "Traceback" not in done.stderr


def test_every_queue_named_gets_a_worker_of_its_own(stack, monkeypatch):
    monkeypatch.setattr(stack, "_start", lambda name, *arguments: stack.processes.update({name: arguments}))
    for queue in ["cpu", "cpu", "gpu", "cpu"]:
        stack.start_worker(queue)
    names = list(stack.processes)
    assert names == ["worker-cpu", "worker-cpu-2", "worker-gpu", "worker-cpu-3"]
    hosts = [arguments[arguments.index("--hostname") + 1] for arguments in stack.processes.values()]
    assert hosts == ["cpu@%h", "cpu-2@%h", "gpu@%h", "cpu-3@%h"]
    stack.processes.clear()
