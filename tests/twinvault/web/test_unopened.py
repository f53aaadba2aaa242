"""What a person is told where something stored cannot be opened; everything beside it stays usable."""

import dataclasses

import pytest
from django.core.files.storage import storages

from acquisition.models import Footage
from twinvault.custody import archive as archives
from twinvault.custody import keys, objects


@pytest.fixture
def two(vault, stage, alice) -> list[Footage]:
    """Two pieces of footage."""
    return [
        Footage.objects.create(
            vault=vault,
            life_stage=stage,
            content=objects.store(vault.keyring, "footage", name.encode() * 100, "video/mp4"),
            fingerprint=name,
            filename=f"{name}.mp4",
            added_by=alice,
        )
        for name in ("sea", "land")
    ]


def content(client, footage):
    return client.get(f"/footage/{footage.id}/content/")


def test_a_damaged_object_says_which_and_the_rest_stays_usable(browse, alice, two, caplog):
    torn, sound = two
    with open(storages["ciphertext"].path(torn.content.name), "r+b") as file:
        file.seek(60)
        file.write(b"????????")
    client = browse(alice)

    answer = content(client, torn)

    assert answer.status_code == 500
    assert "is damaged: it is not what was put in" in answer.content.decode()
    assert "as usable as before" in answer.content.decode()
    assert f"/footage/{torn.id}/content/" in caplog.text
    assert b"".join(content(client, sound).streaming_content) == b"land" * 100


def test_sealed_footage_says_so(browse, alice, vault, two):
    archive, _ = archives.make_archive(vault.keyring, "the boat under the walnut tree")
    archives.begin_sealing(archive)
    while archives.seal_some(archive):
        pass
    archives.end_sealing(archive)
    client = browse(alice)

    answer = content(client, two[0])
    assert answer.status_code == 423 and "the owner of the safe unseals it" in answer.content.decode()
    page = client.get(f"/footage/{two[0].id}/").content.decode()
    assert "This is sealed" in page and "<video" not in page


def test_a_lost_key_says_so(browse, alice, two, tmp_path, settings, caplog):
    path = tmp_path / "other/master.json"
    keys.make_master_key_file(path)
    client = browse(alice)
    settings.ENV = dataclasses.replace(settings.ENV, master_key_file=path)

    answer = content(client, two[0])

    assert answer.status_code == 500 and "is not at hand" in answer.content.decode()
    assert "master key" in caplog.text


def test_an_outsider_is_not_told_that_something_is_damaged(browse, charlie, two):
    storages["ciphertext"].delete(two[0].content.name)

    assert content(browse(charlie), two[0]).status_code == 404


def test_a_missing_file_says_so(browse, alice, two):
    storages["ciphertext"].delete(two[0].content.name)

    answer = content(browse(alice), two[0])

    assert answer.status_code == 500 and "is missing" in answer.content.decode()
