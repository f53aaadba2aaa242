"""What a decoding process cannot do, even if a file takes it over."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from processing.engine import media
from processing.engine.decoding import open_media, probe
from processing.engine.media import MediaError
from tests.conftest import CLIPS
from tests.processing.engine.media_kinds import scene


def test_the_process_has_few_rights(make_film):
    with open_media(make_film([scene(0)] * 5)) as film:
        next(film.frames())
        process = film.decoder.process_id
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines() if ":\t" in line)
        limits = Path(f"/proc/{process}/limits").read_text()

    assert status["NoNewPrivs"].strip() == "1"
    assert status["Seccomp"].strip() == "2"
    for name, most in (("Max core file size", "0"), ("Max file size", "0"), ("Max open files", "24")):
        line = next(line for line in limits.splitlines() if line.startswith(name))
        assert line[len(name) :].split()[:2] == [most, most]


CONFINED = """
import os, socket, sys
sys.path.insert(0, sys.argv[1])
from processing.engine.decoding import confine
assert confine.lock()
refused = []
for name, act in {
    "open": lambda: open("/etc/hostname"),
    "write": lambda: open("/tmp/left-behind", "w"),
    "environment of the parent": lambda: open(f"/proc/{os.getppid()}/environ"),
    "network": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "unix": lambda: socket.socket(socket.AF_UNIX),
    "program": lambda: os.execv("/bin/true", ["true"]),
    "signal": lambda: os.kill(os.getppid(), 0),
    "remove": lambda: os.unlink("/tmp/nothing-of-this-name"),
    "rename": lambda: os.rename("/tmp/nothing-of-this-name", "/tmp/other"),
    "folder": lambda: os.mkdir("/tmp/nothing-of-this-name"),
    "memory with a name": lambda: os.memfd_create("x"),
}.items():
    try:
        act()
    except PermissionError:
        refused.append(name)
print(",".join(refused))
"""


def test_a_locked_process_reaches_neither_files_nor_network():
    root = str(Path(media.__file__).parents[2])
    ended = subprocess.run([sys.executable, "-I", "-c", CONFINED, root], stdout=subprocess.PIPE, text=True, check=True)

    assert ended.stdout.strip().split(",") == [
        "open",
        "write",
        "environment of the parent",
        "network",
        "unix",
        "program",
        "signal",
        "remove",
        "rename",
        "folder",
        "memory with a name",
    ]


def test_the_processor_time_of_a_process_is_limited():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from processing.engine.decoding import confine\n"
        "confine.renew_processor_time(0.5)\n"
        "while True: pass\n"
    )
    root = str(Path(media.__file__).parents[2])
    ended = subprocess.run([sys.executable, "-I", "-c", program, root], check=False)

    assert ended.returncode == -signal.SIGXCPU


def test_the_process_is_given_nothing_of_ours(monkeypatch, tmp_path):
    monkeypatch.setenv("A_SECRET", "of ours")
    program = tmp_path / "child.py"
    program.write_text(
        "import json, os, socket, sys\n"
        "line = socket.socket(fileno=int(sys.argv[1]))\n"
        "line.recv(100000)\n"
        "has = [name for name in os.environ] + [os.readlink(f'/proc/self/fd/{n}') for n in range(3, 30) if n not in\n"
        "      (int(sys.argv[1]), int(sys.argv[2])) and os.path.exists(f'/proc/self/fd/{n}')]\n"
        "line.send(json.dumps(['failed', ' '.join(has), '']).encode())\n"
        "line.recv(100000)\n"
    )
    monkeypatch.setattr("processing.engine.decoding.decoder._CHILD", program)

    with open(CLIPS / "franck.mp4", "rb") as film, pytest.raises(MediaError) as has:
        probe(film)

    assert set(str(has.value).split()) <= {"LANG", "LC_CTYPE", "OPENBLAS_NUM_THREADS", "MALLOC_ARENA_MAX"}
