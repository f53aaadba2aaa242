"""A small tus sender on the test client, and a real web server for the real ones."""

import base64
import os
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.conftest import REPOSITORY
from tests.s3 import bucket, free_ports, on_s3, s3_server
from twinvault.custody.stream import SEGMENT

__all__ = ["bucket", "on_s3", "s3_server"]

VERSION = {"Tus-Resumable": "1.0.0"}


def some_bytes(length: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(length)


CLIP = some_bytes(2 * SEGMENT + 54321)


def encode(metadata: dict) -> str:
    return ",".join(f"{key} {base64.b64encode(str(value).encode()).decode()}" for key, value in metadata.items())


class Sender:
    """Speaks tus through Django's test client."""

    def __init__(self, client, vault, stage):
        self.client, self.vault, self.stage = client, vault, stage

    def announce(self, length: int, filename: str = "Franck.mp4", headers=None, **metadata):
        said = {"filename": filename, "vault": self.vault.id, "life_stage": self.stage.id} | metadata
        headers = VERSION | {"Upload-Length": str(length), "Upload-Metadata": encode(said)} | (headers or {})
        return self.client.post("/uploads/", headers=headers)

    def begin(self, length: int, filename: str = "Franck.mp4") -> str:
        answer = self.announce(length, filename)
        assert answer.status_code == 201, answer.content
        return answer["Location"]

    def patch(self, address: str, data: bytes, offset: int, **headers):
        return self.client.generic(
            "PATCH",
            address,
            data,
            content_type="application/offset+octet-stream",
            headers=VERSION | {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"} | headers,
        )

    def head(self, address: str):
        return self.client.head(address, headers=VERSION)

    def delete(self, address: str):
        return self.client.delete(address, headers=VERSION)

    def send(self, data: bytes, filename: str = "Franck.mp4"):
        """A whole file at once; the answer to its last part."""
        return self.patch(self.begin(len(data), filename), data, 0)


@pytest.fixture
def sender(browse, bob, vault, stage) -> Sender:
    """Bob, who contributes."""
    return Sender(browse(bob), vault, stage)


SCENE = """
import json
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.auth import SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY
from tests.consenting import consent_in_person
from twinvault.vaults import services

alice = get_user_model().objects.create_user("alice", "alice@example.org", "correct horse battery")
vault = services.open_vault(alice, name="Grandpa", subject_name="Franck", stages=["adult"])
consent_in_person(vault.subject, given_by="Franck", statement="I agree.", by=alice)
session = SessionStore()
session[SESSION_KEY] = str(alice.pk)
session[BACKEND_SESSION_KEY] = "twinvault.accounts.backends.AccountBackend"
session[HASH_SESSION_KEY] = alice.get_session_auth_hash()
session.save()
print(json.dumps([str(vault.id), str(vault.subject.life_stages.get().id), session.session_key]))
"""


@dataclass
class LiveServer:
    """A gunicorn of this test's own, with a vault of Alice's in its database, and her session."""

    address: str
    environment: dict[str, str]
    process: subprocess.Popen
    vault_id: str = ""
    stage_id: str = ""
    session_key: str = ""
    csrf: str = "a" * 32

    def python(self, code: str) -> str:
        """Runs code in a process of its own, with this server's database and keys; gives back what it prints."""
        begin = "import django; django.setup()\n"
        run = subprocess.run(
            [sys.executable, "-c", begin + code], env=self.environment, cwd=REPOSITORY, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stderr
        return run.stdout.strip()

    @property
    def headers(self) -> dict[str, str]:
        """What a browser of Alice's would send."""
        cookie = f"sessionid={self.session_key}; csrftoken={self.csrf}"
        return {"Cookie": cookie, "X-CSRFToken": self.csrf}

    @property
    def metadata(self) -> dict[str, str]:
        return {"filename": "clip.mp4", "vault": self.vault_id, "life_stage": self.stage_id}

    def content(self, footage: str) -> bytes:
        """The bytes of the footage at this address, as a member of the vault downloads them."""
        answer = requests.get(f"{self.address}{footage}content/", headers=self.headers)
        assert answer.status_code == 200
        return answer.content

    def content_of_upload(self, address: str) -> bytes:
        """The bytes of the footage that an upload has become."""
        return self.content(requests.head(address, headers=self.headers | VERSION).headers["TwinVault-Footage"])


def _wait_until_it_answers(server: LiveServer) -> None:
    """The server says in its log when it listens; asked before, the connection is refused."""
    for line in server.process.stderr:
        if "Listening at" in line:
            return
    raise AssertionError("gunicorn ended before it listened")


@pytest.fixture(scope="session")
def live_server_process(tmp_path_factory):
    """A real web server in a process of its own, with its own data folder, keys and database."""
    import json
    import threading

    root = Path(tempfile.mkdtemp(prefix="twinvault-live-"))
    [port] = free_ports(1)
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "twinvault.settings",
        "TWINVAULT_DATA_DIR": str(root / "data"),
        "TWINVAULT_MASTER_KEY_FILE": str(root / "keys/master.json"),
        "TWINVAULT_SECRET_KEY": secrets.token_hex(20),
        "TWINVAULT_BROKER": f"redis+socket://{root}/no-broker.sock",
    }
    (root / "data").mkdir()
    for command in (["make_keys"], ["migrate", "--verbosity", "0"]):
        subprocess.run(
            [sys.executable, "manage.py", *command], env=environment, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL
        )
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "twinvault.wsgi",
        "--bind",
        f"127.0.0.1:{port}",
        "--threads",
        "4",
        "--no-control-socket",
    ]
    process = subprocess.Popen(command, env=environment, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True)
    server = LiveServer(f"http://127.0.0.1:{port}", environment, process)
    try:
        _wait_until_it_answers(server)
        # nobody else reads the log, and a full pipe would stop the server
        threading.Thread(target=lambda: shutil.copyfileobj(process.stderr, sys.stderr), daemon=True).start()
        server.vault_id, server.stage_id, server.session_key = json.loads(server.python(SCENE))
        yield server
    finally:
        process.terminate()
        process.wait(timeout=30)
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def web(live_server_process) -> requests.Session:
    """Alice's browser at the live server, without the page."""
    session = requests.Session()
    session.headers.update(live_server_process.headers | VERSION)
    yield session
    session.close()
