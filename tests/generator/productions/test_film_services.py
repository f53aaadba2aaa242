"""Ordering, rendering and revoking films."""

import io

import pytest

from generator.productions.models import Film
from generator.productions.services import order_film, revoke_film
from generator.productions.storyboard import Card, Storyboard, StoryboardError
from generator.protection.authority import roots, signing_authority
from generator.protection.provenance import verify
from generator.services import retire_twin
from processing.engine.media import probe
from templates_library import services as library
from tests.conftest import lapse
from tests.consenting import consent_in_person
from tests.story import STORYBOARD, cut
from twinvault.audit.models import Entry
from twinvault.custody import objects
from twinvault.custody.models import StoredObject
from twinvault.jobs.models import Job
from twinvault.jobs.services import claim
from twinvault.vaults.consents import withdraw_consent
from twinvault.vaults.services import NotAllowed, open_vault
from worker.tasks import work_on


@pytest.fixture
def order(story):
    """Orders another film as bob; anything may be different: `order(twin=...)`."""

    def place(**different) -> Film:
        asked = {"twin": story.twin, "revision": story.revision, "storyboard": Storyboard("greeting"), "by": story.bob}
        return order_film(story.vault, **(asked | different))

    return place


def render(film: Film, then=None) -> Job:
    """Works on the film's job; at its first word `then()` happens. Gives the job as it ended, the film as it is."""
    job = claim(Job.objects.get(kind="render_film", target_id=film.id).id, worker="this test")

    def heard(_progress: float, _message: str) -> None:
        nonlocal then
        if then:
            now, then = then, None
            now()

    work_on(job, heard)
    job.refresh_from_db()
    film.refresh_from_db()
    return job


def films_on_disk() -> int:
    return StoredObject.objects.filter(kind="film").count()


def test_the_film_of_an_order_is_signed_marked_and_measured(story):
    film = objects.read(story.film.content)

    provenance = verify(film, roots())
    assert provenance.state == "trusted"
    assert provenance.manifest["synthetic"]
    assert provenance.manifest["order_id"] == str(story.film.id)
    info = probe(io.BytesIO(film))
    cards = round(info.rate * (STORYBOARD.title.seconds + STORYBOARD.closing.seconds))
    assert abs(info.frames - (story.revision.frames + cards)) <= 2
    assert (info.width, info.height) == (story.revision.width, story.revision.height)


def test_the_measures_of_a_film_are_those_that_a_report_needs(story):
    measures = story.film.measures
    assert measures["frames"] == story.revision.frames
    assert measures["frames_swapped"] == measures["frames_with_face"] > 0
    assert measures["background_psnr_db"] >= 38
    assert measures["swap_to_subject"] < measures["swap_to_actor"]
    assert measures["render_fps"] > 0


def test_ordering_queues_one_rendering_and_is_on_record(story, order):
    film = order()
    job = Job.objects.get(kind="render_film", target_id=film.id)
    assert (job.state, job.queue, job.vault) == ("queued", "gpu", story.vault)
    assert Entry.objects.filter(verb="film ordered", target=f"film {film.id}", actor=story.bob).exists()


def test_what_is_said_in_a_film_rests_encrypted(story, order):
    film = order(storyboard=Storyboard("memorial", title=Card("A name that nobody else should read")))
    stored = StoredObject.objects.get(id=film.storyboard_id)
    assert Storyboard.from_json(objects.read(stored)).title.heading == "A name that nobody else should read"
    assert not any("A name that nobody" in str(value) for value in vars(Film.objects.get(id=film.id)).values())


def test_a_template_withdrawn_a_second_ago_cannot_be_ordered(story, order):
    library.withdraw(story.template, by=story.board[0])
    with pytest.raises(NotAllowed, match="“The actor” was withdrawn by the board"):
        order()
    assert Film.objects.count() == 1


def test_a_template_withdrawn_after_the_order_ends_the_rendering_with_the_reason(story, order):
    film = order()
    library.withdraw(story.template, by=story.board[0])

    job = render(film)

    assert job.state == "failed" and "“The actor” was withdrawn by the board" in job.error
    assert film.state == "ordered" and film.content is None
    story.film.refresh_from_db()
    story.twin.refresh_from_db()
    assert story.film.state == "ready" and story.twin.state == "ready" and films_on_disk() == 1


def test_a_template_withdrawn_while_it_is_rendered_ends_it(story, order):
    film = order()
    job = render(film, then=lambda: library.withdraw(story.template, by=story.board[1]))
    assert job.state == "failed" and "withdrawn by the board" in job.error
    assert film.content is None and films_on_disk() == 1


def test_a_consent_withdrawn_while_it_is_rendered_ends_it(story, order):
    film = order()
    consent = story.vault.subject.consents.get()
    job = render(film, then=lambda: withdraw_consent(consent, by=story.alice))
    assert (job.state, film.state) == ("stopped", "revoked")
    assert film.content is None and films_on_disk() == 0
    story.film.refresh_from_db()
    story.twin.refresh_from_db()
    assert story.film.state == "revoked" and story.twin.state == "retired"


def test_a_consent_that_lapses_while_it_is_rendered_ends_it_and_nothing_else(story, order):
    film = order()
    job = render(film, then=lambda: lapse(story.vault.subject))
    assert job.state == "failed"
    assert job.error.startswith("The film was not made. There is no consent in force for Franck: the last one held until")
    assert (film.state, film.content) == ("ordered", None)
    story.film.refresh_from_db()
    story.twin.refresh_from_db()
    assert story.film.state == "ready" and story.twin.state == "ready" and films_on_disk() == 1


def test_a_twin_retired_while_it_is_rendered_ends_it(story, order):
    film = order()
    job = render(film, then=lambda: retire_twin(story.twin, by=story.alice))
    assert job.state == "failed" and "twin was retired" in job.error


def test_a_film_revoked_while_it_is_rendered_leaves_nothing(story, order):
    film = order()
    job = render(film, then=lambda: revoke_film(Film.objects.get(id=film.id), by=story.alice))
    assert job.state == "stopped"
    assert film.state == "revoked" and film.content is None and films_on_disk() == 1


def test_without_consent_nothing_is_ordered(story, order):
    lapse(story.vault.subject)
    with pytest.raises(NotAllowed, match="no consent in force"):
        order()


def test_a_retired_twin_appears_in_no_film(story, order):
    retire_twin(story.twin, by=story.alice)
    with pytest.raises(NotAllowed, match="choose a twin that is ready"):
        order()


def test_a_twin_of_another_vault_is_never_used(story):
    other = open_vault(story.charlie, name="Other", subject_name="Bruno", stages=["all"])
    consent_in_person(other.subject, given_by="Bruno", statement="I agree.", by=story.charlie)
    with pytest.raises(ValueError, match="another vault"):
        order_film(other, twin=story.twin, revision=story.revision, storyboard=Storyboard("greeting"), by=story.charlie)


def test_a_twin_that_came_from_elsewhere_without_its_templates_asks_for_a_new_version(story, order):
    story.twin.library.clear()
    with pytest.raises(NotAllowed, match="can be used here: begin a new version"):
        order()


def test_a_storyboard_that_cannot_be_filmed_is_refused(story, order):
    with pytest.raises(StoryboardError, match="Write something here"):
        order(storyboard=Storyboard("greeting", title=Card("")))
    assert Film.objects.count() == 1


def test_a_film_comes_out_though_the_footage_is_gone(story, order):
    from acquisition.services import remove_footage

    remove_footage(story.vault.footage.get(), by=story.alice)
    film = order()

    assert render(film).state == "done"
    assert film.state in ("ready", "held") and film.content and film.measures["swap_to_subject"] > 0
    assert film.measures["swap_to_actor"] > 0


def test_a_bare_film_runs_frame_by_frame_with_the_template(story, order):
    film = order()
    render(film)
    assert film.measures["film_frames"] == film.measures["frames"]
    assert probe(io.BytesIO(objects.read(film.content))).frames == probe(io.BytesIO(cut("cap13_edit2", 1.6))).frames


def test_rendering_what_is_ready_does_nothing(story):
    Job.objects.filter(kind="render_film").update(state="queued")
    before = story.film.content_id
    assert render(story.film).state == "done"
    assert story.film.content_id == before


def test_revoking_erases_the_film_and_keeps_the_row(story, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as erasures:
        revoke_film(story.film, by=story.alice)
        revoke_film(Film.objects.get(), by=story.alice)
    film = Film.objects.get()
    assert film.state == "revoked" and film.content is None
    # once the file, once the anchor of the one entry in the record
    assert films_on_disk() == 0 and len(erasures) == 2
    assert Entry.objects.filter(verb="film revoked").count() == 1


def test_revoking_erases_a_film_that_was_finished_a_moment_ago(story, order):
    film = order()
    just_read = Film.objects.get(id=film.id)
    render(film)
    assert films_on_disk() == 2
    revoke_film(just_read, by=story.alice)
    assert Film.objects.get(id=film.id).content is None and films_on_disk() == 1


def test_the_signing_authority_is_made_once_and_its_key_rests_encrypted(db):
    first, second = signing_authority(), signing_authority()
    assert first == second
    assert roots() == [first.root]
    stored = StoredObject.objects.get(kind="signing")
    assert first.key in objects.read(stored).replace(b"\\n", b"\n")
    assert b"PRIVATE KEY" not in (objects.storages["ciphertext"].open(stored.name).read())
