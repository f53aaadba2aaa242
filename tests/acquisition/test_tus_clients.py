"""Real senders against a real web server in a process of its own."""

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import zlib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

from tests.acquisition.conftest import REPOSITORY, VERSION, LiveServer, encode, some_bytes
from twinvault.custody.stream import FIRST_PLAIN, NEXT_PLAIN, SEGMENT

LENGTH = 3 * SEGMENT + 4321


@pytest.fixture
def server(live_server_process) -> LiveServer:
    return live_server_process


@pytest.fixture
def clip(request, tmp_path) -> Path:
    """A file that no other test sends."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(some_bytes(LENGTH, seed=zlib.crc32(request.node.name.encode())))
    return path


def tuspy(server: LiveServer) -> TusClient:
    return TusClient(f"{server.address}/uploads/", headers=server.headers)


def tus_js(server: LiveServer, clip: Path, **more) -> dict:
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    wanted = {
        "endpoint": f"{server.address}/uploads/",
        "file": str(clip),
        "headers": server.headers,
        "metadata": server.metadata,
        "chunkSize": 700_000,
    } | more
    script = REPOSITORY / "tests/acquisition/send.mjs"
    run = subprocess.run(["node", script, json.dumps(wanted)], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def announce(web, server: LiveServer, length: int) -> str:
    headers = {"Upload-Length": str(length), "Upload-Metadata": encode(server.metadata)}
    answer = web.post(f"{server.address}/uploads/", headers=headers)
    assert answer.status_code == 201, answer.text
    return server.address + answer.headers["Location"]


def half_a_patch(server: LiveServer, address: str, data: bytes, promised: int) -> socket.socket:
    """A connection that has sent `data` of a piece that it said to be `promised` bytes long."""
    parts = urlsplit(server.address)
    head = {
        "Host": parts.netloc,
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
        "Content-Length": str(promised),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in (server.headers | VERSION | head).items())
    connection = socket.create_connection((parts.hostname, parts.port))
    connection.sendall(f"PATCH {urlsplit(address).path} HTTP/1.1\r\n{lines}\r\n".encode() + data)
    return connection


def offset_once_free(web, address: str, at_least: int) -> int:
    """Asks until nobody writes any more, and `at_least` so many bytes have arrived."""
    for _ in range(3000):
        answer = web.head(address)
        if answer.status_code == 200 and int(answer.headers["Upload-Offset"]) >= at_least:
            return int(answer.headers["Upload-Offset"])
        assert answer.status_code in {200, 423}
    raise AssertionError(f"fewer than {at_least} bytes have arrived")


def test_tuspy_sends_a_file(server, clip):
    uploader = tuspy(server).uploader(str(clip), chunk_size=1_000_000, metadata=server.metadata)

    uploader.upload()

    assert server.content_of_upload(uploader.url) == clip.read_bytes()


def test_tuspy_goes_on_where_it_was_stopped(server, clip):
    first = tuspy(server).uploader(str(clip), chunk_size=900_000, metadata=server.metadata)
    first.upload(stop_at=1_500_000)

    second = tuspy(server).uploader(str(clip), chunk_size=900_000, url=first.url)
    assert second.offset == first.offset == 1_500_000
    second.upload()

    assert server.content_of_upload(second.url) == clip.read_bytes()


def test_tuspy_is_told_why(server):
    with pytest.raises(TusCommunicationError) as refused:
        tuspy(server).uploader(file_stream=io.BytesIO(b""), chunk_size=10, metadata=server.metadata).upload()

    assert refused.value.status_code == 400
    assert b"is empty" in refused.value.response_content


def test_tus_js_client_sends_a_file(server, clip):
    result = tus_js(server, clip)

    assert result["footage"].startswith("/footage/")
    assert result["requests"] == ["POST 201"] + ["PATCH 204"] * 5
    assert server.content(result["footage"]) == clip.read_bytes()


def test_tus_js_client_goes_on_where_it_was_broken_off(server, clip):
    result = tus_js(server, clip, breakAfter=1_400_000)

    assert result["footage"].startswith("/footage/")
    assert "HEAD 200" in result["requests"]
    assert server.content(result["footage"]) == clip.read_bytes()


def test_tus_js_client_is_told_about_the_same_file(server, clip):
    tus_js(server, clip)

    result = tus_js(server, clip)

    assert result["status"] == 422
    assert result["sentence"].startswith("clip.mp4 is the same file as clip.mp4")
    assert result["requests"].count("PATCH 422") == 1


def test_a_stranger_is_told_to_sign_in(server, clip):
    result = tus_js(server, clip, headers={"Cookie": f"csrftoken={server.csrf}", "X-CSRFToken": server.csrf})

    assert result["status"] == 401
    assert result["requests"] == ["POST 401"]


def test_what_arrived_before_a_disconnect_is_kept(server, web, clip):
    data = clip.read_bytes()
    address = announce(web, server, len(data))

    half_a_patch(server, address, data[:1_600_000], promised=len(data)).close()

    offset = offset_once_free(web, address, at_least=1_600_000)
    assert offset == 1_600_000
    headers = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    assert web.patch(address, data=data[offset:], headers=headers).status_code == 204
    assert server.content_of_upload(address) == data


def test_whole_segments_outlive_a_killed_server(server, web, clip):
    data = clip.read_bytes()
    address = announce(web, server, len(data))
    connection = half_a_patch(server, address, data[: 2 * SEGMENT + 300_000], promised=len(data))
    incoming = Path(server.environment["TWINVAULT_DATA_DIR"]) / "incoming" / address.split("/")[-2]
    while incoming.stat().st_size < 2 * SEGMENT:
        os.sched_yield()

    for worker in Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split():
        os.kill(int(worker), signal.SIGKILL)
    connection.close()
    # nobody is left to end the lease, and the test does not wait for it to run out
    server.python("from acquisition.models import Upload; Upload.objects.update(writing_until=None)")

    offset = offset_once_free(web, address, at_least=1)
    assert offset == FIRST_PLAIN + NEXT_PLAIN
    headers = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    assert web.patch(address, data=data[offset:], headers=headers).status_code == 204
    assert server.content_of_upload(address) == data
