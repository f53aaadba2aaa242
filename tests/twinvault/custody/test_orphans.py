"""What killed processes leave behind is found and goes; what anything points to, and what is young, stays."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import call_command
from django.utils import timezone

from acquisition.models import Footage
from twinvault.custody import objects, orphans
from twinvault.custody.models import StoredObject


@pytest.fixture(params=["files", "s3"])
def storage(request):
    """Both kinds of storage."""
    if request.param == "s3":
        request.getfixturevalue("on_s3")
    return storages["ciphertext"]


@pytest.fixture
def footage(storage, vault, stage, alice):
    content = objects.store(vault.keyring, "footage", b"grandpa at sea")
    return Footage.objects.create(
        vault=vault, life_stage=stage, content=content, fingerprint="f", filename="sea.mp4", added_by=alice
    )


@pytest.fixture
def long_ago(monkeypatch):
    """Everything that is there is old enough."""
    monkeypatch.setattr(orphans, "OLD_ENOUGH", timedelta(seconds=-60))


def test_an_object_that_nothing_points_to_is_erased(footage, vault, storage, long_ago, django_capture_on_commit_callbacks):
    lost = objects.store(vault.keyring, "pack", b"crops of a killed analysis")

    with django_capture_on_commit_callbacks(execute=True):
        erased, _ = orphans.sweep()

    assert erased == 1
    assert not StoredObject.objects.filter(id=lost.id).exists() and not storage.exists(lost.name)
    assert objects.read(footage.content) == b"grandpa at sea"


def test_a_file_that_is_no_objects_is_deleted(footage, vault, storage, long_ago):
    name = f"{vault.keyring_id}/{footage.id}"
    storage.save(name, ContentFile(b"ciphertext whose row was never committed"))

    assert orphans.sweep()[1] >= 1

    assert not storage.exists(name) and storage.exists(footage.content.name)


def test_what_is_young_is_left_to_whoever_works_on_it(footage, vault, storage):
    lost = objects.store(vault.keyring, "pack", b"crops")
    name = f"{vault.keyring_id}/{footage.id}"
    storage.save(name, ContentFile(b"a file without a row yet"))

    assert orphans.sweep() == (0, 0)
    assert objects.read(lost) == b"crops" and storage.exists(name)


def test_every_pointer_counts(story, long_ago):
    """A whole story has objects of every kind; not one of them is nobody's."""
    assert StoredObject.objects.count() > 10
    assert not orphans.pointed_to_by_nobody().exists()


def test_the_commands_say_what_they_found(footage, vault, storage, capsys):
    StoredObject.objects.filter(id=footage.content_id).update(created_at=timezone.now() - timedelta(days=3))
    lost = objects.store(vault.keyring, "pack", b"crops")
    StoredObject.objects.filter(id=lost.id).update(created_at=timezone.now() - timedelta(days=3))

    call_command("sweep_objects")
    assert "erased 1 objects that nothing pointed to" in capsys.readouterr().out
    call_command("verify_objects")
    # the footage, and the recorded consent
    assert "2 sound, 0 not, 0 sealed" in capsys.readouterr().out

    storage.delete(footage.content.name)
    with pytest.raises(SystemExit) as ended:
        call_command("verify_objects")
    said = capsys.readouterr().out
    assert ended.value.code == 1 and f"footage {footage.content_id}" in said and "1 sound, 1 not" in said
