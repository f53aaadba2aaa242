"""The life of an upload beside the bytes: who may write, when it expires, and what happens when the disk is full."""

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from acquisition.models import Footage, Upload
from acquisition.uploads.errors import Busy
from acquisition.uploads.incoming import Incoming
from acquisition.uploads.lease import HELD_FOR, Lease
from acquisition.uploads.services import receive
from tests.acquisition.conftest import CLIP
from twinvault.custody.objects import incoming_path, read
from twinvault.custody.stream import FIRST_PLAIN, NEXT_PLAIN, SEGMENT


@pytest.fixture
def address(sender) -> str:
    """An upload of CLIP that was announced."""
    return sender.begin(len(CLIP))


def the_upload() -> Upload:
    return Upload.objects.select_related("vault__keyring", "vault__subject", "life_stage", "user").get()


def let_time_pass(**more) -> None:
    """Sets the clock of all uploads back, as if that much time had gone by."""
    for upload in Upload.objects.all():
        by = timedelta(**more)
        Upload.objects.filter(id=upload.id).update(
            expires_at=upload.expires_at - by, writing_until=upload.writing_until and upload.writing_until - by
        )


# --- one writer at a time ---


def test_while_one_writes_another_is_told_to_wait(sender, address):
    with Lease(the_upload().id):
        assert sender.patch(address, CLIP, 0).status_code == 423
        assert sender.head(address).status_code == 423
        assert sender.delete(address).status_code == 423

    assert sender.patch(address, CLIP, 0).status_code == 204


def test_a_writer_that_has_gone_quiet_is_overtaken(sender, address):
    lease = Lease(the_upload().id)
    let_time_pass(seconds=HELD_FOR.total_seconds() + 1)

    assert sender.patch(address, CLIP[:10], 0).status_code == 204
    with pytest.raises(Busy):
        lease.save(offset=0)
    assert the_upload().offset == 10


def test_a_writer_renews_its_lease_with_everything_it_saves(address):
    with Lease(the_upload().id) as lease:
        first = the_upload().writing_until
        lease.save(offset=7)
        second = the_upload().writing_until
        lease.save(offset=8)

        assert first < second < the_upload().writing_until
    assert the_upload().offset == 8
    assert the_upload().writing_until is None


def test_an_overtaken_writer_changes_neither_file_nor_row(sender, address):
    """Its connection hangs after the first piece; another connection sends the file meanwhile; then it wakes up."""

    def pieces() -> Iterator[bytes]:
        yield CLIP[:1000]
        let_time_pass(seconds=HELD_FOR.total_seconds() + 1)
        assert sender.patch(address, CLIP, 0).status_code == 204

    with pytest.raises(Busy):
        receive(the_upload(), 0, 2000, pieces())

    assert read(Footage.objects.get().content) == CLIP
    assert the_upload().footage_id


def test_a_piece_that_breaks_off_is_kept(address):
    def pieces() -> Iterator[bytes]:
        yield CLIP[: SEGMENT + 5]
        yield CLIP[SEGMENT + 5 : SEGMENT + 50]

    upload = receive(the_upload(), 0, len(CLIP), pieces())

    assert upload.offset == SEGMENT + 50
    assert upload.writing_until is None


def test_whatever_goes_wrong_in_between_what_came_before_is_kept(address):
    def pieces() -> Iterator[bytes]:
        yield CLIP[:1234]
        raise RuntimeError("the process was told to end")

    with pytest.raises(RuntimeError):
        receive(the_upload(), 0, len(CLIP), pieces())

    assert the_upload().offset == 1234
    assert the_upload().writing_until is None


# --- the clock ---


def test_an_upload_that_was_left_alone_is_gone(sender, address):
    let_time_pass(days=8)

    assert sender.head(address).status_code == 410
    answer = sender.patch(address, CLIP, 0)
    assert answer.status_code == 410
    assert "begin it again" in answer.content.decode()


def test_every_piece_sets_the_clock_anew(sender, address):
    let_time_pass(days=6)

    sender.patch(address, CLIP[:10], 0)
    let_time_pass(days=6)

    assert sender.head(address).status_code == 200


def test_expired_uploads_are_discarded(sender, address, django_capture_on_commit_callbacks, capsys):
    sender.patch(address, CLIP[:-1], 0)
    path = incoming_path(the_upload().id)
    let_time_pass(days=8)
    young = sender.begin(10)

    with django_capture_on_commit_callbacks(execute=True):
        call_command("expire_uploads")

    assert "1 uploads discarded" in capsys.readouterr().out
    assert not path.exists()
    assert sender.head(address).status_code == 404
    assert sender.head(young).status_code == 200


def test_an_expired_upload_that_became_footage_leaves_its_footage(sender, address):
    sender.patch(address, CLIP, 0)
    let_time_pass(days=8)

    call_command("expire_uploads")

    assert not Upload.objects.exists()
    assert read(Footage.objects.get().content) == CLIP


def test_an_expired_upload_that_is_whole_becomes_footage_after_all(address):
    upload = the_upload()
    with Lease(upload.id) as lease, Incoming(upload) as incoming:
        incoming.write(CLIP)
        lease.save(**incoming.state())
    Upload.objects.update(expires_at=timezone.now() - timedelta(days=1))

    call_command("expire_uploads")

    assert read(Footage.objects.get().content) == CLIP


def test_an_upload_that_is_being_written_is_left_alone(address):
    let_time_pass(days=8)
    with Lease(the_upload().id):
        call_command("expire_uploads")

    assert Upload.objects.exists()


def test_stray_files_are_swept_once_they_are_old(sender, address, settings, capsys):
    old, young = settings.INCOMING_DIR / "old", settings.INCOMING_DIR / "young"
    for path in (old, young):
        path.write_bytes(b"left by a killed process")
    os.utime(old, (0, 0))
    os.utime(incoming_path(the_upload().id), (0, 0))

    call_command("expire_uploads")

    assert not old.exists()
    assert young.exists()
    assert incoming_path(the_upload().id).exists()
    assert "1 stray files removed" in capsys.readouterr().out
    young.unlink()


# --- a full disk ---


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """The system refuses to let any file of this process grow beyond `size` bytes."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("room", [100, SEGMENT - 1, SEGMENT, SEGMENT + 700_000])
def test_a_file_that_can_grow_no_more_is_kept_as_far_as_it_came(sender, address, room):
    with files_of_at_most(room):
        answer = sender.patch(address, CLIP, 0)

    kept = int(sender.head(address)["Upload-Offset"])
    assert answer.status_code == 507
    assert answer.content.decode().startswith("The disk of this server is full. What has arrived is kept")
    assert kept == FIRST_PLAIN + (NEXT_PLAIN if room >= SEGMENT else 0)
    assert sender.patch(address, CLIP[kept:], kept).status_code == 204
    assert read(Footage.objects.get().content) == CLIP


def test_no_room_for_the_last_segment_loses_nothing(sender, address):
    room = 2 * SEGMENT + 1000

    with files_of_at_most(room):
        answer = sender.patch(address, CLIP, 0)

    assert answer.status_code == 507
    assert sender.head(address)["Upload-Offset"] == str(len(CLIP))
    assert read(Footage.objects.get().content) == CLIP


def test_no_room_to_begin_is_said(sender):
    with files_of_at_most(10):
        answer = sender.announce(10)

    assert answer.status_code == 507
    assert not Upload.objects.exists()


@pytest.fixture
def small_disk(tmp_path, settings) -> Iterator[Path]:
    """A file system of 4 MiB for incoming files. Making one takes root."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True)
    if made.returncode:
        pytest.skip(f"cannot mount a small file system here: {made.stderr.decode().strip()}")
    settings.INCOMING_DIR = folder / "incoming"
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_fills_up_while_a_file_arrives(sender, small_disk):
    address = sender.begin(len(CLIP))
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free - SEGMENT - 200_000))

    answer = sender.patch(address, CLIP, 0)
    ballast.unlink()

    kept = int(sender.head(address)["Upload-Offset"])
    assert answer.status_code == 507
    assert kept == FIRST_PLAIN + NEXT_PLAIN
    assert sender.patch(address, CLIP[kept:], kept).status_code == 204
    assert read(Footage.objects.get().content) == CLIP


def test_a_file_that_finds_no_room_is_refused_at_once(sender, small_disk):
    answer = sender.announce(5 * 2**20)

    assert answer.status_code == 507
    assert not Upload.objects.exists()
