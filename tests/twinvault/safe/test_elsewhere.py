"""The safe on other machinery: ciphertext on S3, and an import into a fresh installation on PostgreSQL with keys of its own."""

import io
import zipfile
from pathlib import Path

import pytest

from tests.installation import Installation
from tests.postgres import postgres, postgres_server
from tests.s3 import bucket, on_s3, s3_server
from tests.twinvault.safe.conftest import PASSWORD, digests
from twinvault.custody import objects
from twinvault.custody.keys import make_master_key_file
from twinvault.safe import erasure, exports, services
from twinvault.safe.models import Erasure, Export, Scope
from worker.inline import run_queued_jobs

__all__ = ["bucket", "on_s3", "postgres", "postgres_server", "s3_server"]


@pytest.fixture
def footage(on_s3, vault):
    return objects.store(vault.keyring, "footage", b"grandpa at sea" * 200_000, "video/mp4")


def test_sealed_on_s3_exported_from_it_and_erased_from_it(on_s3, vault, alice, code, footage):
    before = on_s3.names()
    services.seal(vault, by=alice, password=PASSWORD)
    run_queued_jobs()
    assert on_s3.names() == before, "keys are wrapped anew, files stay"

    export, _ = exports.ask(vault, services.unlock(vault, by=alice, password=PASSWORD), by=alice)
    run_queued_jobs()
    with exports.open_zip(Export.objects.select_related("vault", "plan__keyring", "lending").get(id=export.id)) as reader:
        archive = zipfile.ZipFile(io.BytesIO(reader.read()))
    assert archive.read(f"other/footage/{footage.id}") == b"grandpa at sea" * 200_000

    asked = erasure.ask(vault, Scope.VAULT, by=alice)
    run_queued_jobs()
    asked.refresh_from_db()
    assert asked.state == Erasure.State.DONE and asked.counts["footage"] == [1, footage.size]
    assert on_s3.names() == set()


def test_an_export_comes_into_a_fresh_installation_on_postgresql(story, tmp_path, postgres):
    """Another database, another master key, other accounts: the same bytes."""
    services.set_password(story.vault, PASSWORD, by=story.alice)
    export, _ = exports.ask(story.vault, services.unlock(story.vault, by=story.alice, password=PASSWORD), by=story.alice)
    run_queued_jobs()
    export = Export.objects.select_related("vault", "plan__keyring").get(id=export.id)
    path = tmp_path / "everything.zip"
    with exports.open_zip(export) as reader, path.open("wb") as file:
        while piece := reader.read(2**20):
            file.write(piece)
    make_master_key_file(tmp_path / "keys/master.json")
    fresh = Installation(tmp_path, BROKER="memory://", DATABASE=postgres, MASTER_KEY_FILE=str(tmp_path / "keys/master.json"))

    told = fresh.tell(Path(__file__).with_name("fresh.py"), path)

    here = digests(story.vault.keyring_id)
    assert {key: value for key, value in told["digests"].items() if value[0] != "record"} == here
    assert told["vault"] == [str(story.vault.id), "Grandpa", "Franck", "I agree."]
    assert told["counts"]["processing.Face"] > 60 and told["counts"]["productions.Film"] == 1
    assert told["film"] == [None, "Memorial: The actor", "newcomer"]
    assert told["record"] == []
