"""Adding footage from a file, and removing it with everything that was made from it."""

import io

import pytest
from django.core.files.storage import storages

from acquisition import removal
from acquisition.models import Footage, Upload
from acquisition.services import FootageRefused, add_footage, remove_footage
from tests.acquisition.conftest import CLIP
from twinvault.audit.models import Entry
from twinvault.audit.verify import findings
from twinvault.custody.models import StoredObject
from twinvault.custody.objects import read, store
from twinvault.jobs.models import Job
from twinvault.vaults.consents import withdraw_consent
from twinvault.vaults.services import NotAllowed


def add(vault, stage, by, data=CLIP, name="Franck.mp4") -> Footage:
    return add_footage(vault, stage, name, io.BytesIO(data), by=by)


def _stored():
    """What lies in the vault beside the recording of its consent."""
    return StoredObject.objects.exclude(kind="statement")


def test_a_file_becomes_footage_with_a_job(vault, stage, alice):
    footage = add(vault, stage, alice, name="/home/alice/Franck.mp4")

    assert read(footage.content) == CLIP
    assert footage.filename == "Franck.mp4"
    assert footage.state == Footage.State.WAITING
    assert Job.objects.get().target_id == footage.id


def test_the_same_bytes_are_refused_and_not_stored_again(vault, stage, alice):
    add(vault, stage, alice)

    with pytest.raises(FootageRefused, match=r"^again\.mp4 is the same file as Franck\.mp4"):
        add(vault, stage, alice, name="again.mp4")

    assert _stored().count() == 1


def test_an_empty_file_is_refused(vault, stage, alice):
    with pytest.raises(FootageRefused, match="is empty"):
        add(vault, stage, alice, data=b"")


def test_nothing_is_added_without_consent(vault, stage, alice):
    withdraw_consent(vault.subject.consents.get(), by=alice)

    with pytest.raises(NotAllowed, match="no consent in force for Franck"):
        add(vault, stage, alice)

    assert not _stored().exists()


def test_removing_erases_row_bytes_and_key(vault, stage, alice, django_capture_on_commit_callbacks):
    footage = add(vault, stage, alice)
    name = footage.content.name

    with django_capture_on_commit_callbacks(execute=True):
        remove_footage(footage, by=alice)

    assert not Footage.objects.exists()
    assert not _stored().exists()
    assert not storages["ciphertext"].exists(name)


def test_removing_stops_the_work_and_is_recorded(vault, stage, alice):
    footage = add(vault, stage, alice)
    footage_id = footage.id

    remove_footage(footage, by=alice)

    entry = Entry.objects.get(verb="footage removed")
    assert Job.objects.get().state == Job.State.STOPPED
    assert (entry.actor, entry.vault_id, entry.target) == (alice, vault.id, f"footage {footage_id}")
    assert findings() == []


def test_what_was_removed_can_be_added_again(vault, stage, alice):
    remove_footage(add(vault, stage, alice), by=alice)

    assert read(add(vault, stage, alice).content) == CLIP


def test_removing_forgets_the_upload_it_came_by(sender, alice):
    address = sender.begin(len(CLIP))
    sender.patch(address, CLIP, 0)

    remove_footage(Footage.objects.get(), by=alice)

    assert not Upload.objects.exists()
    assert sender.head(address).status_code == 404


@pytest.fixture
def thumbnails(vault):
    """An app above that keeps a stored object for each piece of footage, and has said how to erase it."""
    kept: dict = {}

    def erase(footage: Footage) -> None:
        kept.pop(footage.id).delete()

    removal.erased_with_footage(erase)
    yield kept
    removal._erasers.remove(erase)


def test_what_other_apps_made_from_it_goes_with_it(vault, stage, alice, thumbnails):
    footage, other = add(vault, stage, alice), add(vault, stage, alice, data=b"another")
    thumbnails[footage.id] = store(vault.keyring, "thumbnail", b"a face")
    thumbnails[other.id] = store(vault.keyring, "thumbnail", b"another face")

    remove_footage(footage, by=alice)

    assert list(thumbnails) == [other.id]
    assert sorted(_stored().values_list("kind", flat=True)) == ["footage", "thumbnail"]


def test_an_app_that_says_it_twice_is_asked_once(thumbnails):
    before = len(removal._erasers)

    removal.erased_with_footage(removal._erasers[-1])

    assert len(removal._erasers) == before
