"""Stored objects: only ciphertext rests on disk, a broken write leaves nothing, and erasing is for good."""

import io
import random
import resource
import signal
from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.db import transaction

from twinvault.custody import keys, objects
from twinvault.custody.models import StoredObject
from twinvault.custody.stream import SEGMENT, StreamDamaged

FACE = random.Random(5).randbytes(2 * SEGMENT + 321)


def path_of(stored):
    return storages["ciphertext"].path(stored.name)


def test_bytes_come_back(keyring):
    stored = objects.store(keyring, "footage", FACE, "video/mp4")

    stored.refresh_from_db()
    assert objects.read(stored) == FACE
    assert (stored.size, stored.kind, stored.content_type) == (len(FACE), "footage", "video/mp4")


@pytest.mark.parametrize("data", [b"", b"x"])
def test_empty_and_tiny_objects_come_back(keyring, data):
    assert objects.read(objects.store(keyring, "pack", data)) == data


def test_streams_come_back_without_being_held_whole(keyring):
    stored = objects.store_stream(keyring, "footage", io.BytesIO(FACE))

    with objects.open_object(stored) as reader:
        reader.seek(SEGMENT - 10)
        assert reader.read(20) == FACE[SEGMENT - 10 : SEGMENT + 10]
    assert objects.read_range(stored, len(FACE) - 5, 100) == FACE[-5:]


def test_only_noise_rests_on_disk(keyring):
    word = b"a face that nobody may see"
    stored = objects.store(keyring, "pack", word * 1000)

    with open(path_of(stored), "rb") as file:
        assert word not in file.read()


def test_the_file_is_for_the_servers_account_only(keyring):
    stored = objects.store(keyring, "pack", b"x")

    assert Path(path_of(stored)).stat().st_mode & 0o077 == 0


def test_a_flipped_byte_on_disk_is_refused(keyring):
    stored = objects.store(keyring, "weights", FACE)
    with open(path_of(stored), "r+b") as file:
        file.seek(SEGMENT + 9)
        byte = file.read(1)
        file.seek(SEGMENT + 9)
        file.write(bytes([byte[0] ^ 4]))

    with pytest.raises(StreamDamaged):
        objects.read(stored)


def test_exchanged_files_are_refused(keyring):
    one, other = objects.store(keyring, "pack", b"one"), objects.store(keyring, "pack", b"two")
    with open(path_of(one), "rb") as file:
        content = file.read()
    with open(path_of(other), "wb") as file:
        file.write(content)

    with pytest.raises(StreamDamaged):
        objects.read(other)


def test_exchanged_keys_are_refused(keyring):
    one, other = objects.store(keyring, "pack", b"one"), objects.store(keyring, "pack", b"two")
    one.wrapped_key, other.wrapped_key = other.wrapped_key, one.wrapped_key

    with pytest.raises(keys.KeyUnavailable):
        objects.read(one)


def test_another_vaults_key_does_not_open_it(keyring):
    stored = objects.store(keyring, "pack", b"one")
    stored.keyring = keys.new_keyring("test")

    with pytest.raises(keys.KeyUnavailable):
        objects.read(stored)


def test_a_missing_file_says_so(keyring):
    stored = objects.store(keyring, "pack", b"one")
    storages["ciphertext"].delete(stored.name)

    with pytest.raises(FileNotFoundError):
        objects.read(stored)


def test_a_broken_write_leaves_nothing_behind(keyring, incoming, objects_dir):
    before = set(objects_dir.rglob("*"))

    with pytest.raises(ValueError, match="the frames ended"), objects.ObjectWriter(keyring, "film") as writer:
        writer.write(FACE)
        raise ValueError("the frames ended")

    assert not StoredObject.objects.exists()
    assert not list(incoming.iterdir())
    assert set(objects_dir.rglob("*")) == before


def test_a_disk_that_fills_up_leaves_nothing_behind(keyring, incoming):
    """The system's own limit on the size of a file stands for the full disk."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SEGMENT + 1000, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            objects.store(keyring, "film", FACE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)

    assert not StoredObject.objects.exists()
    assert not list(incoming.iterdir())


@pytest.mark.parametrize("length", [10, SEGMENT])
def test_the_last_bytes_may_be_the_ones_that_find_no_room(keyring, incoming, length):
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (45 + length - 10, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            objects.store(keyring, "film", FACE[:length])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)

    assert not StoredObject.objects.exists()
    assert not list(incoming.iterdir())


@pytest.mark.django_db(transaction=True)
def test_erasing_destroys_key_and_content():
    stored = objects.store(keys.new_keyring("test"), "footage", FACE)
    path = path_of(stored)

    objects.erase(stored)

    assert not StoredObject.objects.exists()
    assert not Path(path).exists()


@pytest.mark.django_db(transaction=True)
def test_erasing_waits_for_the_transaction():
    stored = objects.store(keys.new_keyring("test"), "footage", b"kept")

    with pytest.raises(RuntimeError, match="thought better"), transaction.atomic():
        objects.erase(StoredObject.objects.get())
        raise RuntimeError("thought better of it")

    assert objects.read(StoredObject.objects.get(id=stored.id)) == b"kept"


def test_erasing_nothing_is_fine(db):
    objects.erase(None)


def test_a_fingerprint_tells_the_same_bytes_again(keyring):
    assert objects.fingerprint(keyring, io.BytesIO(FACE)) == objects.fingerprint(keyring, io.BytesIO(FACE))
    assert objects.fingerprint(keyring, io.BytesIO(FACE)) != objects.fingerprint(keyring, io.BytesIO(FACE[:-1]))


def test_a_fingerprint_tells_nothing_outside_its_vault(keyring):
    other = keys.new_keyring("test")

    assert objects.fingerprint(keyring, io.BytesIO(FACE)) != objects.fingerprint(other, io.BytesIO(FACE))
