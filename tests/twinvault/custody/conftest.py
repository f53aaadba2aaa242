import dataclasses

import pytest

from tests.s3 import bucket, on_s3, s3_server
from tests.story import learned, story
from twinvault.custody.keys import make_master_key_file, new_keyring

__all__ = ["bucket", "learned", "on_s3", "s3_server", "story"]


@pytest.fixture
def key_file(tmp_path, settings):
    """A master key file of this test's own, in use."""
    path = tmp_path / "keys/master.json"
    make_master_key_file(path)
    settings.ENV = dataclasses.replace(settings.ENV, master_key_file=path)
    return path


@pytest.fixture
def keyring(db):
    return new_keyring("test")


@pytest.fixture
def objects_dir(settings):
    """Where ciphertext rests."""
    return settings.DATA_DIR / "objects"


@pytest.fixture
def incoming(settings, tmp_path):
    """Where ciphertext grows: a folder that no other test writes to."""
    settings.INCOMING_DIR = tmp_path / "incoming"
    settings.INCOMING_DIR.mkdir()
    return settings.INCOMING_DIR
