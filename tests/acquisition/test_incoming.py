"""Uploads over crashes: whatever a killed process left behind, nothing acknowledged is lost and the file comes out whole."""

import os

import pytest

from acquisition.models import Footage, Upload
from acquisition.uploads.incoming import Incoming, arrived, whole_segments
from acquisition.uploads.lease import Lease
from acquisition.uploads.services import begin_upload, receive, standing
from tests.acquisition.conftest import CLIP, some_bytes
from twinvault.custody.objects import incoming_path, read
from twinvault.custody.stream import FIRST_PLAIN, HEADER, NEXT_PLAIN, SEGMENT

TWO_SEGMENTS = FIRST_PLAIN + NEXT_PLAIN


@pytest.fixture
def begun(vault, stage, bob) -> Upload:
    return begin_upload(vault, stage, "clip.mp4", len(CLIP), by=bob)


def again(upload: Upload) -> Upload:
    """As the next request finds it."""
    return Upload.objects.select_related("vault__keyring", "vault__subject", "life_stage", "user").get(id=upload.id)


def send_the_rest(upload: Upload) -> bytes:
    """What a sender does after any break: asks how far it came, and sends on from there. The footage that comes of it."""
    upload = standing(again(upload))
    if upload.footage_id is None:
        receive(upload, upload.offset, len(CLIP) - upload.offset, [CLIP[upload.offset :]])
    return read(Footage.objects.get().content)


@pytest.mark.parametrize(
    ("length", "segments"),
    [(0, 0), (1, 0), (FIRST_PLAIN, 0), (FIRST_PLAIN + 1, 1), (TWO_SEGMENTS, 1), (TWO_SEGMENTS + 1, 2)],
)
def test_the_last_segment_is_held_back(length, segments):
    assert whole_segments(length) == segments


def test_a_process_killed_after_writing_segments_and_before_the_row(begun):
    """The file is ahead of the row."""
    receive(begun, 0, 100, [CLIP[:100]])
    with Incoming(again(begun)) as incoming:
        incoming.write(CLIP[100 : TWO_SEGMENTS + 5])

    assert again(begun).offset == 100
    assert arrived(again(begun)) == TWO_SEGMENTS
    assert send_the_rest(begun) == CLIP


def test_a_process_killed_in_the_middle_of_a_segment(begun):
    receive(begun, 0, FIRST_PLAIN + 10, [CLIP[: FIRST_PLAIN + 10]])
    with incoming_path(begun.id).open("ab") as file:
        file.write(os.urandom(5000))

    assert arrived(again(begun)) == FIRST_PLAIN + 10
    assert send_the_rest(begun) == CLIP


def test_a_process_killed_while_it_wrote_the_last_segment(begun):
    with Lease(begun.id) as lease, Incoming(begun) as incoming:
        incoming.write(CLIP)
        lease.save(**incoming.state())
    with incoming_path(begun.id).open("ab") as file:
        file.write(os.urandom(100))

    assert standing(again(begun)).footage_id
    assert send_the_rest(begun) == CLIP


@pytest.mark.parametrize("length", [100, FIRST_PLAIN, TWO_SEGMENTS, len(CLIP)])
def test_a_process_killed_between_the_last_segment_and_the_footage(vault, stage, bob, length):
    """Also where the last segment is exactly as long as a whole one."""
    upload = begin_upload(vault, stage, "clip.mp4", length, by=bob)
    with Lease(upload.id) as lease, Incoming(upload) as incoming:
        incoming.write(CLIP[:length])
        lease.save(**incoming.state())
        incoming.finish()

    assert standing(again(upload)).footage_id
    assert read(Footage.objects.get().content) == CLIP[:length]


def test_a_row_that_was_set_back_after_the_last_segment_was_written(vault, stage, bob):
    """A power failure may take the newest transactions, and leave the file."""
    upload = begin_upload(vault, stage, "clip.mp4", TWO_SEGMENTS, by=bob)
    with Incoming(upload) as incoming:
        incoming.write(CLIP[:TWO_SEGMENTS])
        incoming.finish()

    offset = arrived(again(upload))

    assert offset == FIRST_PLAIN
    receive(again(upload), offset, TWO_SEGMENTS - offset, [CLIP[offset:TWO_SEGMENTS]])
    assert read(Footage.objects.get().content) == CLIP[:TWO_SEGMENTS]


def test_a_process_killed_while_the_file_was_moved_to_the_storage(begun, settings):
    """The file lies in the storage, and the transaction that would have kept it was lost."""
    with Lease(begun.id) as lease, Incoming(begun) as incoming:
        incoming.write(CLIP)
        lease.save(**incoming.state())
        incoming.finish()
    place = settings.DATA_DIR / "objects" / str(begun.vault.keyring_id) / str(begun.id)
    place.parent.mkdir(parents=True, exist_ok=True)
    incoming_path(begun.id).rename(place)

    assert standing(again(begun)).footage_id
    assert send_the_rest(begun) == CLIP
    assert not incoming_path(begun.id).exists()


def test_a_file_that_lost_its_end_is_sent_again_from_there(begun):
    """The row is ahead of the file."""
    receive(begun, 0, TWO_SEGMENTS + 9, [CLIP[: TWO_SEGMENTS + 9]])
    os.truncate(incoming_path(begun.id), SEGMENT + 700)

    assert arrived(again(begun)) == FIRST_PLAIN
    assert send_the_rest(begun) == CLIP


@pytest.mark.parametrize("left", [0, HEADER - 1])
def test_a_file_that_lost_everything_begins_anew(begun, left):
    receive(begun, 0, 2 * SEGMENT, [CLIP[: 2 * SEGMENT]])
    os.truncate(incoming_path(begun.id), left)

    assert arrived(again(begun)) == 0
    assert send_the_rest(begun) == CLIP


def test_a_file_that_is_gone_begins_anew(begun):
    receive(begun, 0, 2 * SEGMENT, [CLIP[: 2 * SEGMENT]])
    incoming_path(begun.id).unlink()

    assert arrived(again(begun)) == 0
    assert send_the_rest(begun) == CLIP


def test_breaks_everywhere(vault, stage, bob):
    """Many short connections; every third one dies before its row is written."""
    upload = begin_upload(vault, stage, "clip.mp4", len(CLIP), by=bob)
    step, turn = 333_333, 0

    while (found := standing(again(upload))).footage_id is None:
        piece = CLIP[found.offset : found.offset + step]
        turn += 1
        if turn % 3 == 0:
            with Incoming(found) as incoming:
                incoming.write(piece)
            step += 400_000
        else:
            receive(found, found.offset, len(piece), [piece])
            step = 333_333

    assert read(Footage.objects.get().content) == CLIP


def test_the_tail_opens_for_its_own_upload_only(begun, vault, stage, bob):
    other = begin_upload(vault, stage, "other.mp4", len(CLIP), by=bob)
    receive(begun, 0, 100, [CLIP[:100]])
    receive(other, 0, 100, [some_bytes(100, seed=2)])

    assert bytes(again(begun).tail)[:12] != bytes(again(other).tail)[:12]
    Upload.objects.filter(id=other.id).update(tail=again(begun).tail)
    with pytest.raises(RuntimeError, match="does not open"), Incoming(again(other)):
        pass
