"""Pages of twins, and who may see and do what on them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from generator import urls
from generator.models import Base, BasePreview, Twin
from generator.productions import urls as production_urls
from processing import counting, datasets
from processing.engine import coverage
from templates_library.services import library_keyring
from twinvault.custody import objects
from twinvault.jobs.models import Job
from twinvault.vaults.services import open_vault

PUBLIC = {"verify"}
NAMES = [pattern.name for pattern in urls.urlpatterns + production_urls.urlpatterns]


def address(name: str, story) -> str:
    """The address of a page in the story."""
    base = Base.objects.first() or Base.objects.create(preset="tiny", version=1, train_seconds=1)
    sheet = BasePreview.objects.first() or BasePreview.objects.create(
        base=base, images_seen=1, sheet=objects.store(library_keyring(), "preview", b"png", "image/png")
    )
    ids = {
        "base_id": base.id,
        "base_preview_id": sheet.id,
        "vault_id": story.vault.id,
        "twin_id": story.twin.id,
        "film_id": story.film.id,
        "preview_id": story.twin.previews.first().id,
    }
    pattern = next(one for one in urls.urlpatterns + production_urls.urlpatterns if one.name == name)
    return reverse(name, kwargs={key: ids[key] for key in pattern.pattern.converters})


@pytest.mark.parametrize("name", [name for name in NAMES if name not in PUBLIC])
def test_an_outsider_is_told_that_it_is_not_there(story, browse, name):
    page = address(name, story)
    asked = [browse(story.charlie).get(page), browse(story.charlie).post(page, {})]
    # an address that only takes one of the two says so to anybody, of any id
    assert {answer.status_code for answer in asked} <= {404, 405}
    assert 404 in {answer.status_code for answer in asked}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in PUBLIC])
def test_nobody_in_particular_signs_in_first(story, client, name):
    answer = client.get(address(name, story))
    assert answer.status_code == 302 and answer.url.startswith(reverse("sign_in"))


@pytest.mark.parametrize("name", ["twins", "twin", "preview", "order", "film", "film_content", "film_measures"])
def test_a_viewer_may_look(story, browse, name):
    assert browse(story.vera).get(address(name, story)).status_code == 200


@pytest.mark.parametrize("name", ["twins", "upkeep", "update_twin", "retire_twin", "order", "revoke_film"])
def test_a_viewer_may_do_nothing(story, browse, name):
    assert browse(story.vera).post(address(name, story), {}).status_code == 404
    assert Job.objects.filter(state="queued").count() == 0


@pytest.mark.parametrize("name", ["upkeep", "retire_twin", "revoke_film"])
def test_only_the_owner_may_end_what_was_made(story, browse, name):
    assert browse(story.bob).post(address(name, story)).status_code == 404
    assert browse(story.alice).post(address(name, story)).status_code == 302


def test_the_page_of_twins_shows_what_was_learned_and_what_could_be(story, browse):
    page = browse(story.bob).get(address("twins", story)).content.decode()
    assert "adult, version 1" in page and "good face" in page
    assert "60 more are needed" in page and "Begin to learn" in page


def test_a_viewer_is_not_offered_to_begin(story, browse):
    assert "Begin to learn" not in browse(story.vera).get(address("twins", story)).content.decode()


def test_beginning_a_twin_from_the_page(learned, browse):
    page = reverse("twins", args=[learned.vault.id])
    answer = browse(learned.bob).post(page, {"life_stage": learned.stage.id, "minutes": "0.5", "preset": "tiny"})

    twin = Twin.objects.get()
    assert answer.status_code == 302 and answer.url == reverse("twin", args=[twin.id])
    assert twin.train_seconds == 30
    assert Job.objects.get(kind="train_twin").target_id == twin.id
    assert "Learning Franck" in browse(learned.bob).get(answer.url).content.decode()


def test_too_few_faces_are_said_on_the_page(learned, browse):
    senior = learned.vault.subject.life_stages.get(name="senior")
    answer = browse(learned.bob).post(
        reverse("twins", args=[learned.vault.id]), {"life_stage": senior.id, "minutes": "1", "preset": "tiny"}
    )
    assert answer.status_code == 400
    assert "There are 0 faces of Franck to learn from" in answer.content.decode()
    assert not Twin.objects.exists()


def test_a_life_stage_of_another_vault_cannot_be_chosen(learned, browse):
    other = open_vault(learned.charlie, name="Other", subject_name="Bruno", stages=["all"])
    answer = browse(learned.bob).post(
        reverse("twins", args=[learned.vault.id]),
        {"life_stage": other.subject.life_stages.get().id, "minutes": "1", "preset": "tiny"},
    )
    assert answer.status_code == 400
    assert not Twin.objects.exists()


@pytest.mark.parametrize("minutes", ["", "-1", "0", "for ever"])
def test_a_time_that_cannot_be_is_refused(learned, browse, minutes):
    answer = browse(learned.bob).post(
        reverse("twins", args=[learned.vault.id]), {"life_stage": learned.stage.id, "minutes": minutes, "preset": "tiny"}
    )
    assert answer.status_code == 400
    assert not Twin.objects.exists()


def test_the_page_of_a_twin_shows_curve_measures_and_previews(story, browse):
    page = browse(story.bob).get(address("twin", story)).content.decode()
    assert "<polyline" in page and "Faces seen while learning" in page
    assert address("preview", story) in page


def test_the_live_part_alone_is_no_whole_page(story, browse):
    part = browse(story.bob).get(address("twin", story) + "?part=progress").content.decode()
    assert part.lstrip().startswith('<div id="progress"') and "<html" not in part


def test_a_preview_is_a_picture(story, browse):
    answer = browse(story.vera).get(address("preview", story))
    assert answer["Content-Type"] == "image/png" and answer.content.startswith(b"\x89PNG")
    assert "no-store" in answer["Cache-Control"]


def test_retiring_from_the_page(story, browse):
    page = address("twin", story)
    answer = browse(story.alice).post(address("retire_twin", story), follow=True)
    assert "is retired" in answer.content.decode()
    story.twin.refresh_from_db()
    assert story.twin.state == "retired"
    assert browse(story.alice).get(page).status_code == 200


def test_the_page_of_twins_asks_the_database_as_often_for_many_as_for_one(story, browse):
    page = address("twins", story)
    browse(story.bob).get(page)
    with CaptureQueriesContext(connection) as for_one:
        browse(story.bob).get(page)
    for version in range(2, 8):
        Twin.objects.create(
            vault=story.vault, life_stage=story.stage, version=version, preset="tiny", train_seconds=1, state="ready"
        )
    with CaptureQueriesContext(connection) as for_many:
        browse(story.bob).get(page)
    assert len(for_many) == len(for_one)


def test_lights_with_faces_enough_are_offered_and_the_others_say_how_many_they_lack(learned, browse, monkeypatch):
    page, client = reverse("twins", args=[learned.vault.id]), browse(learned.bob)
    conditions = counting.counted(learned.stage).conditions
    light = max(conditions, key=conditions.__getitem__)
    answer = client.get(page)
    assert "condition" not in answer.context["form"].fields
    missing = coverage.FACES_FOR_OWN_MODEL - conditions[light]
    assert f"{datasets.label_of(light).capitalize()}: {missing} more for a twin of its own" in answer.content.decode()
    assert reverse("dataset", args=[learned.vault.id, learned.stage.id]) in answer.content.decode()

    monkeypatch.setattr(coverage, "FACES_FOR_OWN_MODEL", 20)
    assert client.get(page).context["form"].fields["condition"].choices == [
        ("", "all light together"),
        (light, f"only {datasets.label_of(light)}"),
    ]
    sent = {"life_stage": learned.stage.id, "condition": light, "minutes": 1, "preset": "tiny"}
    assert client.post(page, sent).status_code == 302
    assert Twin.objects.get().condition == light
    assert f"adult, {datasets.label_of(light)}, version 1" in client.get(page).content.decode()


def test_a_film_can_be_ordered_with_a_twin_of_one_light(story, browse):
    Twin.objects.filter(id=story.twin.id).update(condition="warm")
    page = browse(story.bob).get(reverse("order", args=[story.vault.id]))
    assert "adult, warm light, version 1" in page.content.decode()
