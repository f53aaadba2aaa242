"""`manage.py make_film`: a film from files, in a sandbox that is gone afterwards."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import skimage.data
from PIL import Image

from processing.engine.media import probe
from tests.conftest import REPOSITORY
from tests.story import cut
from worker.film_maker import Unusable, make_film

SUBJECT_SECONDS, TEMPLATE_SECONDS = 50, 1.2


class Shell:
    """A folder to work in, whose temporary files and live installation can be looked at."""

    def __init__(self, folder: Path):
        self.folder, self.temporary, self.live = folder, folder / "tmp", folder / "live"
        self.temporary.mkdir()
        self.live.mkdir()
        self.environment = os.environ | {
            "TMPDIR": str(self.temporary),
            "TWINVAULT_DATA_DIR": str(self.live),
            "TWINVAULT_MASTER_KEY_FILE": str(folder / "keys/master.json"),
        }

    def put(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def begin(self, *arguments: object) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, REPOSITORY / "manage.py", "make_film", *map(str, arguments)],
            cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *arguments: object) -> tuple[int, str, str]:
        with self.begin(*arguments) as process:
            output, errors = process.communicate()
        return process.returncode, output, errors

    def nothing_is_left(self) -> bool:
        return not list(self.temporary.iterdir()) and not list(self.live.iterdir()) and not (self.folder / "keys").exists()


@pytest.fixture
def shell(tmp_path) -> Shell:
    return Shell(tmp_path)


def test_a_bare_film_and_its_report_come_out_and_nothing_else_is_left(shell):
    shell.put("franck.mp4", cut("franck", SUBJECT_SECONDS))
    template = cut("cap13_edit2", TEMPLATE_SECONDS)
    shell.put("actor.mp4", template)

    status, output, errors = shell.run(
        "--subject", "franck.mp4", "--template", "actor.mp4", "--out", "film.mp4",
        "--train-seconds", "3", "--preset", "tiny", "--report", "r.json", "--bare",
    )  # fmt: skip

    assert status == 0, errors
    report = json.loads((shell.folder / "r.json").read_text())
    frames = probe(io.BytesIO(template)).frames
    with (shell.folder / "film.mp4").open("rb") as film:
        assert probe(film).frames == frames
    assert report["film"]["frames"] == report["film"]["film_frames"] == report["film"]["frames_swapped"] == frames
    assert set(report["seconds"]) >= {"setup", "upload", "process", "train", "render", "total"}
    assert set(report["twin"]) >= {"parameters", "images_seen", "images_per_second", "heldout_ssim"}
    assert report["faces"]["found"] == report["faces"]["kept"] + sum(report["faces"]["rejected"].values())
    assert report["checks"] == {"c2pa": "valid", "plaintext_found_on_disk": 0}
    assert "swap_to_subject" in output
    assert shell.nothing_is_left()


def test_ctrl_c_ends_it_and_leaves_nothing(shell):
    shell.put("franck.mp4", cut("franck", SUBJECT_SECONDS))
    process = shell.begin("--subject", "franck.mp4", "--template", "franck.mp4", "--out", "film.mp4", "--preset", "tiny")
    with process:
        # the sandbox is in use once its database is there
        while process.poll() is None and not list(shell.temporary.glob("*/data/twinvault.sqlite3")):
            os.sched_yield()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()

    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert not (shell.folder / "film.mp4").exists()
    assert shell.nothing_is_left()


def test_a_text_file_called_mp4_ends_it_with_one_sentence(shell):
    shell.put("letter.mp4", b"Dear Sir, this is not a film. " * 100)
    status, _, errors = shell.run("--subject", "letter.mp4", "--template", "letter.mp4", "--out", "film.mp4")

    assert status == 2
    assert errors.splitlines()[-1].startswith("letter.mp4: This file is neither a film nor a picture")
    assert "Traceback" not in errors
    assert shell.nothing_is_left()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--subject", "none.mp4", "--template", "a.mp4", "--out", "film.mp4"], "There is no file none.mp4."),
        (["--subject", "a.mp4", "--template", "a.mp4", "--out", "none/film.mp4"], "There is no folder"),
        (["--subject", "a.mp4", "--template", "a.mp4", "--out", "f.mp4", "--train-seconds", "0"], "must be more than 0"),
    ],
)
def test_arguments_that_cannot_be_are_one_sentence(shell, arguments, sentence):
    shell.put("a.mp4", b"0")
    status, _, errors = shell.run(*arguments)
    assert status == 2 and sentence in errors and len(errors.splitlines()) == 1


@pytest.fixture
def make(db, tmp_path):
    """Makes a film in this process, and gives what was said on the way: `make({name: bytes}, template)`."""

    def run(subject: dict[str, bytes], template: bytes) -> list[str]:
        said: list[str] = []
        paths = []
        for name, content in (subject | {"the template.mp4": template}).items():
            paths.append(tmp_path / name)
            paths[-1].write_bytes(content)
        make_film(paths[:-1], paths[-1], seconds=1, preset="tiny", name="", bare=True, say=said.append)
        return said

    return run


def picture(image) -> bytes:
    target = io.BytesIO()
    Image.fromarray(image).save(target, "JPEG")
    return target.getvalue()


def test_files_without_a_face_are_refused_by_name(make):
    with pytest.raises(Unusable, match=r"No face was found in coins\.jpg"):
        make({"letter.mp4": b"Dear Sir", "coins.jpg": picture(skimage.data.coins())}, b"")


def test_too_few_faces_are_refused_with_what_to_do(make):
    with pytest.raises(Unusable, match=r"faces of the subject to learn from .* and 60 are needed\. Add footage"):
        make({"astronaut.jpg": picture(skimage.data.astronaut())}, b"")


def test_an_empty_file_is_refused(make):
    with pytest.raises(Unusable, match="is empty"):
        make({"nothing.mp4": b""}, b"")


def test_a_template_that_cannot_be_read_is_refused_as_the_template(learned, tmp_path):
    """The library is asked before anything is learned."""
    from worker.film_maker import _library

    path = tmp_path / "letter.mp4"
    path.write_bytes(b"Dear Sir")
    with pytest.raises(Unusable, match="The template cannot be used: "):
        _library(path, learned.alice, learned.board)
