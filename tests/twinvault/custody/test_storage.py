"""Django's own file API encrypts by default."""

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages

from twinvault.custody.models import StoredObject
from twinvault.custody.storage import EncryptedStorage


@pytest.fixture
def name(keyring):
    return default_storage.save(f"{keyring.id}/pack", ContentFile(b"a face" * 1000))


def test_the_default_storage_encrypts(name):
    assert isinstance(storages["default"], EncryptedStorage)
    with storages["ciphertext"].open(name) as file:
        assert b"a face" not in file.read()


def test_what_is_saved_can_be_opened_measured_and_read_in_parts(name):
    with default_storage.open(name) as file:
        file.seek(6)
        assert file.read(6) == b"a face"
    assert default_storage.exists(name)
    assert default_storage.size(name) == 6000


def test_the_row_says_what_it_is(name, keyring):
    stored = StoredObject.objects.get()

    assert (stored.kind, stored.keyring, stored.name) == ("pack", keyring, name)


@pytest.mark.django_db(transaction=True)
def test_deleting_removes_row_and_file():
    from twinvault.custody.keys import new_keyring

    name = default_storage.save(f"{new_keyring('test').id}/pack", ContentFile(b"a face"))

    default_storage.delete(name)

    assert not default_storage.exists(name)
    assert not storages["ciphertext"].exists(name)


def test_nothing_is_overwritten(name):
    with pytest.raises(ValueError, match="read only"):
        default_storage.open(name, "wb")


def test_there_is_no_way_round_the_views(name):
    with pytest.raises(ValueError, match="no URL"):
        default_storage.url(name)


@pytest.mark.parametrize("unknown", ["nothing", "a/b", "../../etc/passwd", f"{'0' * 32}/{'0' * 32}"])
def test_unknown_names_are_not_found(db, unknown):
    assert not default_storage.exists(unknown)
    with pytest.raises(FileNotFoundError):
        default_storage.open(unknown)
