"""A whole installation, run by the command that people run, and a real browser in front of it."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import warnings
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import REPOSITORY
from tests.processing.clips import RATE, pictures
from worker.stack import free_port

READY_WITHIN_S = 90


def chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def installation(tmp_path_factory):
    """`manage.py serve` on a free port with its own data, keys and broker. Gives (address, environment)."""
    if not chromium():
        warnings.warn("NO CHROMIUM HERE: the browser test is skipped. Install the package `chromium`.", stacklevel=1)
        pytest.skip("no Chromium here: install the package `chromium` to run the browser test")
    folder = tmp_path_factory.mktemp("installation")
    (folder / "data").mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TWINVAULT_")} | {
        "TWINVAULT_DATA_DIR": str(folder / "data"),
        "TWINVAULT_MASTER_KEY_FILE": str(folder / "keys/master.json"),
        "TWINVAULT_TRAIN_PRESET": "tiny",
        "TWINVAULT_TRAIN_SECONDS": "8",
        "TWINVAULT_BASE_SECONDS": "0",
    }
    subprocess.run([sys.executable, "manage.py", "make_keys"], cwd=REPOSITORY, env=environment, check=True, capture_output=True)
    address = f"http://127.0.0.1:{(port := free_port())}"
    with (folder / "serve.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--port", str(port), "--logs", str(folder / "logs")],
            cwd=REPOSITORY,
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        _await(address, server, folder / "serve.log")
        yield address, environment
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)


def _await(address: str, server: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until and server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/sign-in/", timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    pytest.fail(f"the installation did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def camera(tmp_path_factory) -> Path:
    """What the browser's camera sees: a man who talks, as motion JPEG."""
    film = tmp_path_factory.mktemp("camera") / "franck.mjpeg"
    with film.open("wb") as file:
        for picture in pictures("franck", 0, 4 * RATE):
            Image.fromarray(picture).save(file, "JPEG", quality=92)
    return film


@pytest.fixture(scope="session")
def browser(installation, camera):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-background-networking",
                "--disable-sync",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={camera}",
            ],
        )
        yield browser
        browser.close()
