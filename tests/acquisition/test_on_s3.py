"""Footage comes in by tus, rests on S3, and is played from there by Range."""

import pytest

from acquisition.models import Footage, Upload
from acquisition.uploads.incoming import Incoming
from acquisition.uploads.lease import Lease
from acquisition.uploads.services import begin_upload, receive, standing
from tests.acquisition.conftest import CLIP
from twinvault.custody.ciphertext import open_ciphertext
from twinvault.custody.objects import incoming_path, read
from twinvault.custody.stream import SEGMENT


@pytest.fixture
def begun(vault, stage, bob, on_s3) -> Upload:
    return begin_upload(vault, stage, "clip.mp4", len(CLIP), by=bob)


def again(upload: Upload) -> Upload:
    return Upload.objects.select_related("vault__keyring", "vault__subject", "life_stage", "user").get(id=upload.id)


def test_an_upload_ends_in_the_bucket(sender, on_s3):
    address = sender.begin(len(CLIP))
    for start in range(0, len(CLIP), SEGMENT):
        assert sender.patch(address, CLIP[start : start + SEGMENT], start).status_code == 204

    content = Footage.objects.get().content
    assert on_s3.names() == {content.name}
    assert read(content) == CLIP
    assert not incoming_path(content.id).exists()


def test_a_file_that_was_moved_there_and_then_lost_its_transaction_is_taken_back(begun, on_s3):
    with Lease(begun.id) as lease, Incoming(begun) as incoming:
        incoming.write(CLIP)
        lease.save(**incoming.state())
        incoming.finish()
    name = f"{begun.vault.keyring_id}/{begun.id}"
    on_s3.client.put_object(Bucket=on_s3.name, Key=name, Body=incoming_path(begun.id).read_bytes())
    incoming_path(begun.id).unlink()

    assert standing(again(begun)).footage_id
    assert read(Footage.objects.get().content) == CLIP
    assert on_s3.names() == {name}
    assert not list(incoming_path(begun.id).parent.glob(f"{begun.id}*"))


def test_an_upload_waits_for_a_storage_that_refuses_us(begun, on_s3, settings):
    settings.STORAGES = settings.STORAGES | {"ciphertext": on_s3.storage(secret="guessed")}
    with pytest.raises(PermissionError):
        receive(again(begun), 0, len(CLIP), [CLIP])
    assert not Footage.objects.exists()

    settings.STORAGES = settings.STORAGES | {"ciphertext": on_s3.storage()}
    assert standing(again(begun)).footage_id
    assert read(Footage.objects.get().content) == CLIP


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-9", 0, 9), (f"bytes={SEGMENT - 100}-{SEGMENT + 100}", SEGMENT - 100, SEGMENT + 100), ("bytes=-500", -500, -1)],
)
def test_a_player_gets_the_part_it_asks_for(sender, on_s3, asked, first, last):
    sender.send(CLIP)
    footage = Footage.objects.get()
    first, last = first % len(CLIP), last % len(CLIP)

    answer = sender.client.get(f"/footage/{footage.id}/content/", headers={"Range": asked})

    assert answer.status_code == 206
    assert answer["Content-Range"] == f"bytes {first}-{last}/{len(CLIP)}"
    assert b"".join(answer.streaming_content) == CLIP[first : last + 1]
    with open_ciphertext(footage.content.name) as ciphertext:
        assert CLIP[:64] not in ciphertext.read()
