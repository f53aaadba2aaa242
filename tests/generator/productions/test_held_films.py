"""Films that miss their marks: held back, looked at by owners, released or discarded."""

import pytest
from django.urls import reverse

from generator.engine.checkpoint import dump_weights, load_weights
from generator.engine.network import build_network
from generator.marks import FILM_MARKS
from generator.models import Twin
from generator.productions.advice import advice_for
from generator.productions.models import Film
from generator.productions.releasing import release_film
from generator.productions.services import order_film, revoke_film
from generator.productions.storyboard import Storyboard
from templates_library import services as library
from tests.conftest import lapse
from twinvault.audit.models import Entry
from twinvault.custody import objects
from twinvault.custody.models import StoredObject
from twinvault.vaults.services import NotAllowed
from worker.inline import run_queued_jobs


@pytest.fixture
def held(story) -> Film:
    """The story's film as if it had missed two marks."""
    Film.objects.filter(id=story.film.id).update(state=Film.State.HELD, missed=["swap_to_subject", "expression_followed"])
    return Film.objects.select_related("vault__subject", "twin__life_stage__subject__vault", "revision").get()


def page_of(browse, user, film: Film) -> str:
    return browse(user).get(reverse("film", args=[film.id])).content.decode()


def test_a_film_of_a_network_that_learned_nothing_is_held_back(story):
    config = load_weights(objects.read(story.twin.weights)).config
    empty = objects.store(story.vault.keyring, "weights", dump_weights(config, build_network(config).state_dict()))
    Twin.objects.filter(id=story.twin.id).update(weights=empty)
    film = order_film(story.vault, twin=story.twin, revision=story.revision, storyboard=Storyboard("greeting"), by=story.bob)
    run_queued_jobs()

    film.refresh_from_db()
    assert film.state == "held" and "swap_to_subject" in film.missed and film.content_id
    assert film.measures["swap_to_subject"] > story.film.measures["swap_to_subject"]
    entry = Entry.objects.get(verb="film held back", target=f"film {film.id}")
    assert "swap_to_subject" in entry.details["missed"]


def test_only_owners_see_its_pictures_and_an_outsider_nothing(held, story, browse):
    content = reverse("film_content", args=[held.id])
    assert browse(story.alice).get(content, headers={"range": "bytes=0-9"}).status_code == 206
    assert [browse(user).get(content).status_code for user in (story.bob, story.vera, story.charlie)] == [404, 404, 404]
    assert browse(story.charlie).get(reverse("film", args=[held.id])).status_code == 404
    page = page_of(browse, story.alice, held)
    assert "<video" in page and "?download=1" not in page
    assert browse(story.alice).get(content + "?download=1").status_code == 404


def test_its_page_says_why_it_is_held_and_what_would_help(held, story, browse):
    page = page_of(browse, story.vera, held)
    assert "<video" not in page and "Download" not in page and "Release" not in page
    assert "The face does not look enough like the person." in page and "Only an owner" in page
    assert "from another day, near and sharp" in page and "Let a new version learn longer" in page
    for text in ("Distance of the face from the person", "at most 0.55", f"{held.measures['swap_to_subject']:.2f}"):
        assert text in page


def test_the_advice_follows_what_was_missed_and_what_the_faces_lack(held):
    missed = {mark.measure: mark for mark in FILM_MARKS}
    assert any("Franck" in said and "adult" in said for said in advice_for(held.twin, [missed["swap_to_subject"]], held.vault))
    expression = advice_for(held.twin, [missed["expression_followed"]], held.vault)
    assert any("mouth" in said or "smiling" in said or "eyes closed" in said for said in expression)
    assert advice_for(held.twin, [missed["background_psnr_db"]], held.vault) == [
        "Choose another video, in which the face is near, little hidden and evenly lit."
    ]
    assert advice_for(held.twin, [], held.vault) == []


def test_an_owner_releases_it_with_a_reason_on_record(held, story, browse):
    address = reverse("release_film", args=[held.id])
    assert browse(story.bob).post(address, {"reason": "looks right"}).status_code == 404
    assert "Say why" in browse(story.alice).post(address, {"reason": "because"}, follow=True).content.decode()
    held.refresh_from_db()
    assert held.state == "held"

    answer = browse(story.alice).post(address, {"reason": "looks right"}, follow=True)

    held.refresh_from_db()
    assert held.state == "ready" and "The film is released" in answer.content.decode()
    entry = Entry.objects.filter(verb="film released").last()
    assert entry.actor == story.alice and entry.details == {
        "missed": "swap_to_subject, expression_followed",
        "reason": "looks right",
    }
    assert browse(story.vera).get(reverse("film_content", args=[held.id])).status_code == 200
    assert "was released all the same" in page_of(browse, story.vera, held)


def test_it_is_released_once_and_not_after_it_was_discarded(held, story):
    again = Film.objects.select_related("vault__subject", "revision").get()
    before = Entry.objects.filter(verb="film released").count()
    revoke_film(held, by=story.alice)
    with pytest.raises(NotAllowed, match="not held back any more"):
        release_film(again, "looks right", by=story.alice)
    assert Film.objects.get().state == "revoked" and Entry.objects.filter(verb="film released").count() == before


def test_discarding_it_erases_its_content(held, story, browse):
    answer = browse(story.alice).post(reverse("revoke_film", args=[held.id]), follow=True)
    assert "erased" in answer.content.decode()
    assert not StoredObject.objects.filter(kind="film").exists()


def test_without_a_consent_or_its_template_it_is_not_released(held, story):
    library.withdraw(story.template, by=story.board[0])
    with pytest.raises(NotAllowed, match="withdrawn by the board"):
        release_film(Film.objects.select_related("vault__subject", "revision__template").get(), "looks right", by=story.alice)
    lapse(story.vault.subject)
    with pytest.raises(NotAllowed, match="no consent in force"):
        release_film(held, "looks right", by=story.alice)
    assert Film.objects.get().state == "held"


def test_an_owner_is_led_to_it_and_the_list_says_so(held, story, browse):
    assert "held back" in browse(story.vera).get(reverse("order", args=[story.vault.id])).content.decode()
    assert "is held back: look at it" in browse(story.alice).get(reverse("vault", args=[story.vault.id])).content.decode()
    assert "is held back: look at it" not in browse(story.bob).get(reverse("vault", args=[story.vault.id])).content.decode()
