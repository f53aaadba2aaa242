"""What ends with the last consent for a face, and what only stands still."""

import pytest
from django.urls import reverse

from acquisition.services import add_footage
from generator.models import Twin
from generator.productions.models import Film
from generator.productions.services import order_film
from tests.conftest import CLIPS, lapse
from tests.consenting import consent_in_person
from tests.story import STORYBOARD
from twinvault.audit.models import Entry
from twinvault.custody.models import StoredObject
from twinvault.jobs.models import Job
from twinvault.jobs.services import claim
from twinvault.vaults.consents import end_unfounded, withdraw_consent
from twinvault.vaults.models import Role
from twinvault.vaults.services import NotAllowed
from worker.tasks import work_on

OF_THE_FACE = {"weights", "checkpoint", "statistics", "identity", "looks", "codebook", "preview", "film", "film preview", "clip"}


def withdraw(story) -> None:
    withdraw_consent(story.vault.subject.consents.get(), by=story.alice)


def test_twins_and_films_end_and_the_record_says_by_whom(story):
    assert StoredObject.objects.filter(keyring=story.vault.keyring, kind__in=OF_THE_FACE).exists()

    withdraw(story)

    assert set(Twin.objects.values_list("state", flat=True)) == {"retired"}
    assert set(Film.objects.values_list("state", flat=True)) == {"revoked"}
    assert not StoredObject.objects.filter(keyring=story.vault.keyring, kind__in=OF_THE_FACE).exclude(wrapped_key=b"").exists()
    for verb in ("twin retired", "film revoked", "consent withdrawn"):
        assert Entry.objects.filter(verb=verb, actor=story.alice, vault_id=story.vault.id).exists()


def test_what_is_queued_is_stopped(story):
    film = order_film(story.vault, twin=story.twin, revision=story.revision, storyboard=STORYBOARD, by=story.bob)
    withdraw(story)
    assert Job.objects.get(kind="render_film", target_id=film.id).state == "stopped"


def test_the_page_tells_before_what_will_end(story, browse):
    page = browse(story.alice).get(reverse("consent", args=[story.vault.id])).content.decode()
    assert "this ends: <strong>1 twin, 1 film</strong>" in page


def test_what_comes_in_while_it_is_withdrawn_ends_with_the_next_round(story):
    subject = story.vault.subject
    withdraw(story)
    twin = Twin.objects.get()
    Twin.objects.update(state="ready")
    Film.objects.update(state="ordered")

    end_unfounded()

    twin.refresh_from_db()
    assert twin.state == "retired" and set(Film.objects.values_list("state", flat=True)) == {"revoked"}
    consent_in_person(subject, given_by="Franck", statement="Anew.", by=story.alice)
    Film.objects.update(state="ordered")
    end_unfounded()
    assert set(Film.objects.values_list("state", flat=True)) == {"ordered"}


@pytest.mark.parametrize("how", ["in force", "lapsed"])
def test_nothing_ends_while_there_is_a_consent_that_was_not_withdrawn(story, how):
    if how == "lapsed":
        lapse(story.vault.subject)
    end_unfounded()
    assert Twin.objects.get().state == "ready" and Film.objects.get().state == "ready"


def test_footage_that_waited_for_a_consent_is_looked_at_once_there_is_one(vault, stage, alice):
    withdraw_consent(vault.subject.consents.get(), by=alice)
    consent_in_person(vault.subject, given_by="Franck", statement="Anew.", by=alice)
    with open(CLIPS / "franck.mp4", "rb") as content:
        footage = add_footage(vault, stage, "franck.mp4", content, by=alice)
    Job.objects.all().delete()
    lapse(vault.subject)

    consent_in_person(vault.subject, given_by="Franck", statement="Anew.", by=alice)

    assert Job.objects.get(kind="analyse_footage").target_id == footage.id


def test_while_a_consent_has_lapsed_nobody_watches_and_the_page_says_why(story, browse):
    client, page = browse(story.alice), reverse("film", args=[story.film.id])
    content = reverse("film_content", args=[story.film.id])
    assert client.get(content).status_code == 200
    lapse(story.vault.subject)

    told = client.get(page).content.decode()
    assert "You cannot watch it at the moment. There is no consent in force for Franck" in told and "<video" not in told
    assert client.get(content).status_code == 404

    consent_in_person(story.vault.subject, given_by="Franck", statement="Anew.", by=story.alice)
    assert client.get(content).status_code == 200
    assert "<video" in client.get(page).content.decode()


def narrow(story, **scope) -> None:
    """A narrower consent takes the place of the one that there is."""
    consent_in_person(story.vault.subject, given_by="Franck", statement="Less.", instead=True, by=story.alice, **scope)


def test_a_scope_that_shrinks_ends_what_lies_outside_and_nothing_else(story):
    assert story.film.kind == "memorial"
    narrow(story, kinds=["memorial"])
    story.film.refresh_from_db()
    assert story.film.state == "ready"

    narrow(story, kinds=["greeting"])

    story.film.refresh_from_db()
    story.twin.refresh_from_db()
    assert (story.film.state, story.twin.state) == ("revoked", "ready")

    narrow(story, life_stages=[story.vault.subject.life_stages.get(name="senior")])
    story.twin.refresh_from_db()
    assert story.twin.state == "retired"


def test_a_film_that_is_rendered_while_the_scope_shrinks_is_given_up(story, monkeypatch):
    monkeypatch.setattr("worker.work.REPORT_EVERY_S", 0)
    film = order_film(story.vault, twin=story.twin, revision=story.revision, storyboard=STORYBOARD, by=story.bob)
    job = claim(Job.objects.get(kind="render_film", target_id=film.id).id, worker="this test")

    def heard(_progress: float, _message: str) -> None:
        if Film.objects.get(id=film.id).state == "ordered":
            narrow(story, kinds=["greeting"])

    work_on(job, heard)

    job.refresh_from_db()
    film.refresh_from_db()
    assert (job.state, film.state) == ("stopped", "revoked")
    with pytest.raises(NotAllowed, match="no consent in force for Franck that allows memorial"):
        order_film(story.vault, twin=story.twin, revision=story.revision, storyboard=STORYBOARD, by=story.bob)


def test_only_those_whom_it_names_watch(story, browse):
    narrow(story, watched_by=Role.OWNER)
    content = reverse("film_content", args=[story.film.id])
    assert browse(story.alice).get(content).status_code == 200
    client = browse(story.bob)
    assert client.get(content).status_code == 404
    assert "lets only some of the vault" in client.get(reverse("film", args=[story.film.id])).content.decode()
