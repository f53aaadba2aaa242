"""A film in a template that was approved after its twin had learned."""

import pytest
from django.urls import reverse

from generator import refreshing
from generator.models import Twin
from generator.productions import queries
from generator.productions.models import Film
from generator.productions.services import order_film
from generator.productions.storyboard import Storyboard
from generator.services import retire_twin, start_twin
from templates_library import services as library
from tests.conftest import lapse
from tests.generator.test_bases import work_until
from twinvault.custody import objects
from twinvault.custody.models import SOURCE_KINDS, StoredObject
from twinvault.jobs.models import Job
from twinvault.jobs.services import stop
from twinvault.vaults.services import NotAllowed

KIND = refreshing.REFRESH_TWIN


@pytest.fixture
def order(story, later):
    """Orders a film in the later template with the twin that does not know it; anything may be different."""

    def place(**different) -> Film:
        asked = {"twin": story.twin, "revision": later, "storyboard": Storyboard("greeting"), "by": story.bob}
        return order_film(story.vault, **(asked | different))

    return place


def test_the_first_order_begins_a_refresh_and_the_film_follows_by_itself(story, later, order, browse):
    film = order()
    refreshed = film.twin
    assert refreshed.refreshed_from == story.twin and refreshed.version == story.twin.version + 1
    assert refreshed.train_seconds <= 0.1 * story.twin.train_seconds
    assert set(refreshed.library.all()) == {story.revision, later}
    assert Job.objects.get(kind=KIND).queue == "gpu"
    assert not Job.objects.filter(kind="render_film", target_id=film.id).exists()
    page = browse(story.vera).get(reverse("film", args=[film.id])).content.decode()
    assert "learns with this video first" in page and "Learning Franck in “The later one”" in page
    assert [row.job_state for row in queries.films_of(story.vault)] == ["queued", "done"]

    assert work_until(refreshed, kind=KIND).state == "done"
    assert refreshed.state == "ready" and refreshed.faces == story.twin.faces
    told, before = refreshed.measures, story.twin.measures
    assert told["heldout_ssim"] == before["heldout_ssim"] and "heldout_ssim" in told["of_predecessor"]
    for name in ("heldout_swapped_to_subject", "heldout_swapped_to_actor", "heldout_perceptual_library", "images_seen"):
        assert told[name] != before[name] and name not in told["of_predecessor"], f"{name} is measured anew"
    assert 0 < refreshed.measures["new_ssim_after"] <= 1 and refreshed.measures["refresh_seconds"] < 5
    assert objects.read(refreshed.identity) == objects.read(story.twin.identity)
    assert objects.read(refreshed.looks) == objects.read(story.twin.looks)
    assert objects.read(refreshed.code_book.content) == objects.read(story.twin.code_book.content)

    assert work_until(film, kind="render_film").state == "done"
    # after so little learning it may have missed its marks
    assert film.state in {"ready", "held"} and film.measures["frames_swapped"] > 0
    page = browse(story.vera).get(reverse("twin", args=[refreshed.id])).content.decode()
    assert "Refreshed from version 1" in page and "refresh of 1" in page and "before it was refreshed" in page


def test_a_refresh_takes_a_tenth_of_what_the_training_took_not_of_what_it_might_have_taken(story, order):
    story.twin.measures["seconds"] = 2.0
    Twin.objects.filter(id=story.twin.id).update(train_seconds=3600, measures=story.twin.measures)
    story.twin.refresh_from_db()
    assert order().twin.train_seconds == pytest.approx(0.2)


def test_one_refresh_serves_every_order_and_the_twin_stays_as_it_is(story, later, order):
    weights = story.twin.weights_id
    films = [order(), order()]
    assert films[0].twin == films[1].twin
    work_until(films[0].twin, kind=KIND)
    assert order().twin == films[0].twin
    assert Job.objects.filter(kind="render_film", state="queued").count() == 3
    assert Job.objects.filter(kind=KIND).count() == 1
    story.twin.refresh_from_db()
    assert story.twin.weights_id == weights and story.twin.state == "ready"
    # a film in what the twin knew already is made with the twin as it was
    assert order(revision=story.revision).twin == story.twin


def test_a_refresh_needs_no_footage(story, order):
    """Not one key is left to what shows the person as filmed, and the refresh runs all the same."""
    film = order()
    sources = StoredObject.objects.filter(keyring=story.vault.keyring, kind__in=SOURCE_KINDS)
    assert objects.destroy_keys(sources.values_list("id", flat=True))
    assert work_until(film.twin, kind=KIND).state == "done"


def test_a_refresh_that_fails_says_why_on_the_order_and_another_order_tries_again(story, later, order, browse, monkeypatch):
    film = order()
    lapse(story.vault.subject)
    job = work_until(film.twin, kind=KIND)
    assert job.state == "failed"
    page = browse(story.bob).get(reverse("film", args=[film.id])).content.decode()
    assert "There is no consent in force for Franck: the last one held until" in page and "Try again" in page
    story.vault.subject.consents.update(until=None)
    assert order().twin == film.twin
    job.refresh_from_db()
    assert job.state == "queued"


def test_a_template_withdrawn_before_the_refresh_ends_it(story, later, order):
    film = order()
    library.withdraw(later.template, by=story.board[0])
    job = work_until(film.twin, kind=KIND)
    assert job.state == "failed" and "was withdrawn" in job.error
    with pytest.raises(NotAllowed):
        order()


def test_without_a_template_that_it_knew_a_twin_cannot_be_refreshed(story, order):
    library.withdraw(story.template, by=story.board[0])
    with pytest.raises(NotAllowed, match="can be used here: begin a new version"):
        order()


def test_a_stopped_refresh_goes_on_from_its_checkpoint(story, order, monkeypatch):
    film = order()
    Twin.objects.filter(id=film.twin_id).update(train_seconds=60)
    job = Job.objects.get(kind=KIND)
    assert work_until(film.twin, kind=KIND, then=lambda: stop(job)).state == "stopped"
    assert film.twin.checkpoint is not None
    Twin.objects.filter(id=film.twin_id).update(train_seconds=5)
    order()
    assert work_until(film.twin, kind=KIND).state == "done"
    assert film.twin.measures["refresh_seconds"] >= 4


def test_a_twin_that_is_refreshed_can_learn_anew_meanwhile_and_retiring_it_says_so_on_the_film(story, order, browse):
    film = order()
    assert start_twin(story.stage, preset="tiny", seconds=60, by=story.bob).version == 3
    retire_twin(film.twin, by=story.alice)
    assert Job.objects.get(kind=KIND).state == "stopped"
    page = browse(story.bob).get(reverse("film", args=[film.id])).content.decode()
    assert "was retired before the film was made" in page


def test_no_refresh_is_begun_from_a_twin_that_was_retired_meanwhile(story, order):
    film = order()
    retire_twin(story.twin, by=story.alice)
    job = work_until(film.twin, kind=KIND)
    assert job.state == "failed" and "Version 1, from which this twin was to be refreshed, was retired" in job.error
