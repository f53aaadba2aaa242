import pytest

from twinvault.custody.keys import new_keyring


@pytest.fixture
def keyring(db):
    return new_keyring("test")


@pytest.fixture
def objects_dir(settings):
    """Where ciphertext rests."""
    return settings.DATA_DIR / "objects"
