import pytest

from twinvault.custody.keys import new_keyring


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
