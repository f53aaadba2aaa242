"""A vault's overview: its timeline, and the next step."""

import uuid

import pytest
from django.utils import timezone

from acquisition.models import Footage
from generator.models import Twin
from processing.models import Analysis, Face, Person, Segment, Track
from twinvault.custody.objects import store
from twinvault.jobs.models import Job
from twinvault.vaults.consents import withdraw_consent
from twinvault.vaults.services import set_member


@pytest.fixture
def footage(vault, stage, alice):
    content = store(vault.keyring, "footage", b"the bytes of a film", "video/mp4")
    return Footage.objects.create(
        vault=vault, life_stage=stage, content=content, fingerprint="f", filename="a.mp4", seconds=42.0, added_by=alice
    )


@pytest.fixture
def faces(footage, vault):
    """One person with three faces, who is not named yet."""
    descriptors, pack = store(vault.keyring, "descriptors", b"d"), store(vault.keyring, "crops", b"crops")
    analysis = Analysis.objects.create(footage=footage, frames_seen=9)
    segment = Segment.objects.create(
        footage=footage, analysis=analysis, number=0, starts=0, descriptors=descriptors, pack=pack, frames_seen=9
    )
    track = Track.objects.create(segment=segment, person=Person.objects.create(vault=vault), number=0, starts=0, ends=1)
    Face.objects.bulk_create(Face(track=track, row=row, offset=row, length=1) for row in range(3))
    return track


def page_of(browse, user, vault) -> str:
    return browse(user).get(f"/vaults/{vault.id}/").content.decode()


def test_an_outsider_finds_nothing_and_a_stranger_signs_in(client, browse, charlie, vault):
    assert client.get(f"/vaults/{vault.id}/")["Location"].startswith("/sign-in/")
    assert browse(charlie).get(f"/vaults/{vault.id}/").status_code == 404
    assert browse(charlie).get(f"/vaults/{uuid.uuid4()}/").status_code == 404


def test_a_superuser_is_an_outsider_too(admin_client, vault):
    assert admin_client.get(f"/vaults/{vault.id}/").status_code == 404


def test_the_stages_stand_in_their_order(browse, alice, vault):
    page = page_of(browse, alice, vault)

    assert page.index("<h3>adult") < page.index("<h3>senior")


def test_the_next_step_leads_from_an_empty_vault_to_a_film(browse, alice, vault, stage, footage, faces):
    def step() -> str:
        return page_of(browse, alice, vault).split('id="next"')[1].split("</section>")[0]

    assert "one group of faces waits to be named" in step()

    Person.objects.update(who="subject")
    job = Job.objects.create(kind="analyse_footage", queue="cpu", target_id=footage.id, vault=vault, title="Look")
    assert "is being looked at" in step()

    job.delete()
    assert "No face that can be learned from was found yet" in step()

    Face.objects.update(state="kept")
    assert "3 good faces are kept for “adult”" in step()
    assert f'href="/vaults/{vault.id}/twins/"' in step()

    twin = Twin.objects.create(vault=vault, life_stage=stage, version=1, preset="tiny", train_seconds=1)
    assert "is being learned" in step()

    twin.state = "ready"
    twin.save()
    assert "Order a first film" in step()


def test_an_empty_vault_asks_for_footage(browse, alice, vault):
    assert "Upload videos and pictures that show Franck" in page_of(browse, alice, vault)


def test_without_consent_that_comes_first_and_is_the_owners(browse, alice, bob, vault):
    withdraw_consent(vault.subject.consents.get(), by=alice)

    assert "record the consent that allows it" in page_of(browse, alice, vault)
    assert "The owner of this vault records the consent" in page_of(browse, bob, vault)


def test_a_viewer_is_asked_for_nothing(browse, alice, bob, vault):
    set_member(vault, bob, 1, by=alice)

    page = page_of(browse, bob, vault)

    assert "There is no film of Franck yet." in page
    assert "Add footage" not in page
    assert "Change details" not in page


def test_the_timeline_counts_what_lies_in_each_stage(browse, alice, vault, faces):
    faces.faces.filter(row=0).update(state="kept")

    page = page_of(browse, alice, vault)

    assert "<strong>1</strong> piece of footage" in page
    assert "<strong>42 s</strong> of video" in page
    assert "<strong>1</strong> of 3 faces kept" in page


def test_a_failed_job_is_mentioned_until_its_work_is_begun_anew(browse, alice, vault, footage):
    given = {"kind": "analyse_footage", "queue": "cpu", "target_id": footage.id, "vault": vault, "title": "Look"}
    Job.objects.create(**given, state="failed", error="It cannot be read.", ended_at=timezone.now())
    assert "1 job did not succeed" in page_of(browse, alice, vault)

    Job.objects.create(**given)
    assert "did not succeed" not in page_of(browse, alice, vault)


def test_more_of_everything_costs_no_more_queries(browse, alice, vault, stage, footage, faces, count_queries):
    client = browse(alice)
    Job.objects.create(kind="train_twin", queue="gpu", target_id=uuid.uuid4(), vault=vault, title="Learn")
    before = count_queries(lambda: client.get(f"/vaults/{vault.id}/"))
    for number in range(4):
        vault.subject.life_stages.create(name=f"stage {number}", position=9)
        Twin.objects.create(vault=vault, life_stage=stage, version=number, preset="tiny", train_seconds=1)
        Job.objects.create(kind="train_twin", queue="gpu", target_id=uuid.uuid4(), vault=vault, title="Learn")
        person = Person.objects.create(vault=vault)
        Track.objects.create(segment=faces.segment, person=person, number=number + 1, starts=0, ends=1)

    assert count_queries(lambda: client.get(f"/vaults/{vault.id}/")) == before
