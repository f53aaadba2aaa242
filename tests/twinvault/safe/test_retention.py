"""What a vault does by itself, days after the last footage came in."""

from datetime import timedelta

import pytest
from django.utils import timezone

from acquisition.models import Footage
from tests.twinvault.safe.conftest import PASSWORD
from twinvault.audit.models import Entry
from twinvault.custody import objects
from twinvault.custody.models import Archive, StoredObject
from twinvault.jobs.services import claim, enqueue, finish
from twinvault.safe import services
from twinvault.safe.housekeeping import keep_house
from twinvault.safe.models import Erasure
from worker.inline import run_queued_jobs


@pytest.fixture
def footage(vault, stage, alice):
    """Came in a hundred days ago."""
    content = objects.store(vault.keyring, "footage", b"grandpa at sea")
    age(content, 100)
    return Footage.objects.create(
        vault=vault, life_stage=stage, content=content, fingerprint="f", filename="sea.mp4", added_by=alice
    )


def age(stored, days: float) -> None:
    StoredObject.objects.filter(id=stored.id).update(created_at=timezone.now() - timedelta(days=days))


def test_the_sources_are_erased_when_it_is_time(vault, alice, footage):
    services.set_retention(vault, "erase", 90, by=alice)
    keep_house()
    run_queued_jobs()

    assert not Footage.objects.exists() and not StoredObject.objects.filter(kind="footage").exists()
    assert Erasure.objects.get().asked_by is None
    assert Entry.objects.filter(verb="retention: the sources are erased", vault_id=vault.id).count() == 1


def test_the_sources_are_sealed_when_it_is_time_without_any_password(vault, alice, code, footage):
    services.set_retention(vault, "seal", 90, by=alice)
    keep_house()
    run_queued_jobs()

    assert Archive.objects.get().state == Archive.State.SEALED
    assert StoredObject.objects.get(kind="footage").sealed
    keep_house()
    assert Entry.objects.filter(verb="retention: the sources are sealed").count() == 1, "once is enough"


@pytest.mark.parametrize("action", ["seal", "erase"])
def test_nothing_happens_before_its_time(vault, alice, code, footage, action):
    services.set_retention(vault, action, 101, by=alice)
    keep_house()

    assert not Erasure.objects.exists() and Archive.objects.get().state == Archive.State.OPEN


@pytest.mark.parametrize("action", ["seal", "erase"])
def test_what_came_in_later_puts_it_off(vault, alice, code, footage, action):
    services.set_retention(vault, action, 90, by=alice)
    age(objects.store(vault.keyring, "footage", b"another"), 89)
    keep_house()

    assert not Erasure.objects.exists() and Archive.objects.get().state == Archive.State.OPEN


@pytest.mark.parametrize("action", ["seal", "erase"])
def test_it_waits_for_work_that_is_under_way(vault, alice, code, footage, action):
    services.set_retention(vault, action, 90, by=alice)
    job = enqueue("train_twin", vault.id, queue="gpu", title="Learn", vault=vault)
    held = claim(job.id, "somebody")
    keep_house()
    assert not Erasure.objects.exists() and Archive.objects.get().state == Archive.State.OPEN

    finish(held, "done")
    keep_house()
    assert Erasure.objects.exists() or Archive.objects.get().state == Archive.State.SEALING


def test_a_sealed_safe_is_erased_in_its_time_too(vault, alice, code, footage):
    services.seal(vault, by=alice, password=PASSWORD)
    run_queued_jobs()
    services.set_retention(vault, "erase", 90, by=alice)
    keep_house()
    run_queued_jobs()

    assert not StoredObject.objects.filter(kind="footage").exists()
