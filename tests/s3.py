"""A real S3 server (SeaweedFS) that asks for the right secret, for tests of ciphertext on S3."""

import json
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import boto3
import pytest

WEED = Path(sys.executable).with_name("weed")
ACCESS_KEY, SECRET_KEY = "twinvault", "only for tests"
PARTS = ("master", "volume", "filer", "s3")


def free_ports(number: int) -> list[int]:
    with ExitStack() as probes:
        found = [probes.enter_context(socket.socket()) for _ in range(number)]
        for probe in found:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in found]


@dataclass
class Bucket:
    """An empty bucket of its own."""

    endpoint: str
    name: str

    def environment(self, secret: str = SECRET_KEY) -> dict[str, str]:
        """Settings of an installation that keeps its ciphertext here, without the prefix TWINVAULT_."""
        return {
            "S3_BUCKET": self.name,
            "S3_ENDPOINT": self.endpoint,
            "S3_REGION": "us-east-1",
            "S3_ACCESS_KEY": ACCESS_KEY,
            "S3_SECRET_KEY": secret,
        }

    def storage(self, secret: str = SECRET_KEY) -> dict:
        """The same as a value in Django's STORAGES, as `twinvault.settings` makes it from the environment."""
        return {
            "BACKEND": "twinvault.custody.s3.S3Ciphertext",
            "OPTIONS": {
                "bucket_name": self.name,
                "endpoint_url": self.endpoint,
                "region_name": "us-east-1",
                "access_key": ACCESS_KEY,
                "secret_key": secret,
            },
        }

    @property
    def client(self):
        return client(self.endpoint)

    def names(self) -> set[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return {found["Key"] for page in pages for found in page.get("Contents", ())}


def client(endpoint: str):
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )


@contextmanager
def running_server(folder: Path) -> Iterator[str]:
    """Runs the server in a folder of its own; gives its address."""
    allowed = {"name": "twinvault", "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}], "actions": ["Admin"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [allowed]}))
    (folder / "data").mkdir()
    ports = free_ports(2 * len(PARTS))
    where = [f"-{part}.port={port}" for part, port in zip(PARTS, ports, strict=False)]
    where += [f"-{part}.port.grpc={port}" for part, port in zip(PARTS, ports[len(PARTS) :], strict=True)]
    command = [WEED, "-logtostderr", "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", *where]
    command += ["-filer", "-s3", f"-s3.config={folder / 's3.json'}", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    command += ["-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=0"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        last = deque(maxlen=20)
        for line in process.stderr:
            last.append(line)
            if "Start Seaweed S3 API Server" in line:
                break
        else:
            raise AssertionError(f"the S3 server ended before it listened:\n{''.join(last)}")
        # nobody reads its log any more, and a full pipe would stop it
        threading.Thread(target=lambda: deque(process.stderr, maxlen=0), daemon=True).start()
        yield f"http://127.0.0.1:{ports[3]}"
    finally:
        process.kill()
        process.wait()
        for part, port in zip(PARTS, ports[len(PARTS) :], strict=True):
            Path(f"/tmp/seaweedfs-{part}-grpc-{port}.sock").unlink(missing_ok=True)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory) -> Iterator[str]:
    with running_server(tmp_path_factory.mktemp("s3")) as endpoint:
        yield endpoint


_numbers = count(1)


@pytest.fixture
def bucket(s3_server) -> Bucket:
    made = Bucket(s3_server, f"ciphertext-{next(_numbers)}")
    made.client.create_bucket(Bucket=made.name)
    return made


@pytest.fixture
def on_s3(bucket, settings) -> Bucket:
    """Ciphertext of this test rests in an S3 bucket."""
    settings.STORAGES = settings.STORAGES | {"ciphertext": bucket.storage()}
    return bucket
