"""Ciphertext on a real S3 server behaves like ciphertext in files, and only the bytes that are needed travel."""

import io
import random
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from twinvault.custody import keys, objects
from twinvault.custody.ciphertext import open_ciphertext
from twinvault.custody.models import StoredObject
from twinvault.custody.stream import SEGMENT, StreamDamaged

FACE = random.Random(5).randbytes(2 * SEGMENT + 321)


@dataclass
class Traffic:
    """How many bytes each request brought."""

    fetched: list[int] = field(default_factory=list)


@contextmanager
def watched():
    traffic, events = Traffic(), storages["ciphertext"].connection.meta.client.meta.events

    def came(parsed, **_more):
        traffic.fetched.append(parsed["ContentLength"])

    events.register("after-call.s3.GetObject", came)
    try:
        yield traffic
    finally:
        events.unregister("after-call.s3.GetObject", came)


@pytest.fixture
def forty_megabytes(keyring, on_s3) -> StoredObject:
    return objects.store_stream(keyring, "footage", io.BytesIO(random.Random(7).randbytes(40 * 10**6)))


def test_bytes_come_back_and_only_noise_rests_in_the_bucket(keyring, on_s3):
    stored = objects.store(keyring, "footage", FACE)

    assert on_s3.names() == {stored.name}
    assert FACE[:64] not in on_s3.client.get_object(Bucket=on_s3.name, Key=stored.name)["Body"].read()
    assert objects.read(StoredObject.objects.get()) == FACE


@pytest.mark.parametrize("data", [b"", b"x"])
def test_empty_and_tiny_objects_come_back(keyring, on_s3, data):
    assert objects.read(objects.store(keyring, "pack", data)) == data


def test_the_last_bytes_of_a_large_object_cost_two_segments_at_most(forty_megabytes):
    with watched() as traffic:
        end = objects.read_range(forty_megabytes, forty_megabytes.size - 100_000, 100_000)

    assert end == random.Random(7).randbytes(40 * 10**6)[-100_000:]
    assert 100_000 < sum(traffic.fetched) <= 2 * SEGMENT + 40


def test_the_middle_of_a_large_object_costs_three_segments_at_most(forty_megabytes):
    with watched() as traffic:
        objects.read_range(forty_megabytes, 17 * SEGMENT, SEGMENT)

    assert SEGMENT < sum(traffic.fetched) <= 3 * SEGMENT + 40


def test_a_large_object_is_sent_in_parts(keyring, on_s3):
    stored = objects.store_stream(keyring, "footage", io.BytesIO(bytes(20 * 2**20)))

    parts = on_s3.client.head_object(Bucket=on_s3.name, Key=stored.name, PartNumber=1)
    assert parts["PartsCount"] == 3


def test_a_reader_of_ciphertext_behaves_like_a_file(on_s3):
    storages["ciphertext"].save("a/b", ContentFile(bytes(range(100))))

    with watched() as traffic, open_ciphertext("a/b") as reader:
        assert reader.seek(0, io.SEEK_END) == reader.tell() == 100
        assert reader.read(5) == b""
        assert reader.seek(-10, io.SEEK_END) == 90
        assert reader.read(4) == bytes(range(90, 94))
        assert reader.seek(2, io.SEEK_CUR) == 96
        assert reader.read() == bytes(range(96, 100))
        reader.seek(10)
        assert reader.read(1000) == bytes(range(10, 100))
        with pytest.raises(ValueError, match="before the beginning"):
            reader.seek(-1)

    assert traffic.fetched == [4, 4, 90]
    with pytest.raises(ValueError, match="closed"):
        reader.read(1)


def test_what_is_missing_is_not_found(keyring, on_s3):
    stored = objects.store(keyring, "pack", b"one")
    storages["ciphertext"].delete(stored.name)

    assert not storages["ciphertext"].exists(stored.name)
    for attempt in (lambda: objects.read(stored), lambda: storages["ciphertext"].size(stored.name)):
        with pytest.raises(FileNotFoundError):
            attempt()
    storages["ciphertext"].delete(stored.name)


def test_what_goes_missing_while_it_is_read_is_not_found(on_s3):
    storages["ciphertext"].save("a/b", ContentFile(b"abc"))

    with open_ciphertext("a/b") as reader:
        storages["ciphertext"].delete("a/b")
        with pytest.raises(FileNotFoundError):
            reader.read(1)


@pytest.mark.parametrize("where", ["on files", "on S3"])
def test_a_name_is_given_once(keyring, incoming, request, where):
    """A second ciphertext of the same name used to be left behind under another name, where nobody ever erases it."""
    if where == "on S3":
        request.getfixturevalue("on_s3")
    stored = objects.store(keyring, "pack", b"first")
    objects.incoming_path(stored.id).write_bytes(b"second")

    with pytest.raises(FileExistsError):
        objects.adopt(stored.id, keyring, "pack", "", stored.wrapped_key, 6)

    assert storages["ciphertext"].listdir(str(keyring.id))[1] == [str(stored.id)]
    assert objects.incoming_path(stored.id).read_bytes() == b"second"
    assert objects.read(stored) == b"first"


@pytest.mark.django_db(transaction=True)
def test_erasing_empties_the_bucket(on_s3):
    stored = objects.store(keys.new_keyring("test"), "footage", FACE)
    assert on_s3.names()

    objects.erase(stored)

    assert not on_s3.names() and not StoredObject.objects.exists()


def test_a_flipped_byte_in_the_bucket_is_refused(keyring, on_s3):
    stored = objects.store(keyring, "weights", FACE)
    content = bytearray(on_s3.client.get_object(Bucket=on_s3.name, Key=stored.name)["Body"].read())
    content[SEGMENT + 9] ^= 4
    on_s3.client.put_object(Bucket=on_s3.name, Key=stored.name, Body=bytes(content))

    with pytest.raises(StreamDamaged):
        objects.read(stored)


def test_a_wrong_secret_is_refused_and_leaves_nothing(keyring, incoming, on_s3, settings):
    stored = objects.store(keyring, "pack", b"kept")
    settings.STORAGES = settings.STORAGES | {"ciphertext": on_s3.storage(secret="guessed")}

    for attempt in (lambda: objects.store(keyring, "pack", b"new"), lambda: objects.read(stored)):
        with pytest.raises(PermissionError):
            attempt()
    with pytest.raises(PermissionError):
        storages["ciphertext"].delete(stored.name)

    assert on_s3.names() == {stored.name}
    assert StoredObject.objects.count() == 1 and not list(incoming.iterdir())


def test_a_server_that_is_not_there_is_not_taken_for_a_missing_object(keyring, on_s3, settings):
    elsewhere = on_s3.storage()
    elsewhere["OPTIONS"]["endpoint_url"] = "http://127.0.0.1:1"
    settings.STORAGES = settings.STORAGES | {"ciphertext": elsewhere}

    with pytest.raises(OSError, match="cannot be used") as raised:
        storages["ciphertext"].exists("a/b")
    assert not isinstance(raised.value, FileNotFoundError)


@pytest.mark.parametrize("where", ["on files", "on S3"])
def test_a_copy_takes_the_place_of_what_had_its_name(where, request):
    if where == "on S3":
        request.getfixturevalue("on_s3")
    for content in (b"torn", b"whole"):
        storages["ciphertext"].put("copied/b", io.BytesIO(content))

    assert storages["ciphertext"].listdir("copied") == ([], ["b"])
    with open_ciphertext("copied/b") as reader:
        assert reader.read() == b"whole"


def test_a_copy_that_a_killed_process_left_torn_is_done_again(incoming):
    (incoming / "b.put").write_bytes(b"to")

    storages["ciphertext"].put("torn/b", io.BytesIO(b"whole"))

    with open_ciphertext("torn/b") as reader:
        assert reader.read() == b"whole"
    assert not list(incoming.iterdir())
