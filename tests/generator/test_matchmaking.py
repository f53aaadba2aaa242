"""Which twin is picked, from what it starts, which versions there are, and when new footage makes another."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from generator import queries, upkeep
from generator.descent import start_of
from generator.engine.looks import Looks
from generator.looks import looks_of_scene
from generator.matchmaking import match
from generator.models import Twin
from generator.productions.models import Film
from generator.services import set_upkeep, start_twin
from tests.conftest import lapse
from tests.generator.test_bases import work_until
from twinvault.audit.models import Entry
from twinvault.custody import objects
from twinvault.jobs.models import Job
from twinvault.vaults.services import NotAllowed


@pytest.fixture
def another(story):
    """Makes another ready twin of the story's vault, with weights of its own."""

    def make(**different) -> Twin:
        version = Twin.objects.filter(life_stage=different.get("life_stage", story.stage)).count() + 1
        keyring = story.vault.keyring
        looks = different.pop("looks", None)
        twin = Twin.objects.create(
            vault=story.vault,
            version=version,
            train_seconds=1,
            weights=objects.store(keyring, "weights", objects.read(story.twin.weights)),
            looks=objects.store(keyring, "looks", looks.dump()) if looks else None,
            **{"life_stage": story.stage, "preset": "tiny", "state": "ready", "faces": 60, "kept": 60}
            | {"measures": dict(story.twin.measures)}
            | different,
        )
        twin.library.set([story.revision])
        return twin

    return make


@pytest.fixture
def senior(story):
    return story.vault.subject.life_stages.get(name="senior")


def condition_of(story) -> str:
    """The light of most of the template's faces."""
    scene = looks_of_scene(story.revision.role(0))
    return max(scene.conditions, key=scene.conditions.__getitem__)


def test_the_only_twin_is_picked_and_it_says_so(story):
    found = match(story.vault, story.revision)
    assert (found.twin, found.refresh) == (story.twin, False)
    assert found.because == "Picked because it is the only twin that is ready."


def test_the_twin_that_knows_the_scenes_light_is_picked_and_it_says_in_which_light(story, another):
    light = condition_of(story)
    other = "cool_dark" if light != "cool_dark" else "warm"
    Twin.objects.filter(id=story.twin.id).update(looks=objects.store(story.vault.keyring, "looks", Looks({other: 200}).dump()))
    made = another(condition=light)
    another(condition=other)
    found = match(story.vault, story.revision)
    assert found.twin == made
    assert found.because == (
        f"Picked because the scene is {looks_of_scene(story.revision.role(0)).light}, and it knows this light best."
    )


def test_a_stage_that_is_wished_for_is_kept_to(story, another, senior):
    older = another(life_stage=senior, measures={"heldout_ssim": 0.1})
    assert match(story.vault, story.revision, senior).twin == older
    assert match(story.vault, story.revision, story.stage).twin == story.twin
    Twin.objects.filter(id=older.id).update(state="retired")
    with pytest.raises(NotAllowed, match="No twin of “senior” is ready"):
        match(story.vault, story.revision, senior)


def test_a_refresh_is_used_for_what_only_it_knows(story, later, another):
    refreshed = another(refreshed_from=story.twin)
    refreshed.library.add(later)
    assert match(story.vault, later).twin == refreshed
    assert match(story.vault, story.revision).twin == story.twin


def test_an_order_without_a_twin_is_matched_and_the_person_may_say_otherwise(story, another, senior, browse):
    worse = another(life_stage=senior, measures={"heldout_ssim": 0.1})
    page, client = reverse("order", args=[story.vault.id]), browse(story.bob)
    assert "whoever fits the video best" in client.get(page).content.decode()
    asked = {"template": story.revision.id, "kind": "greeting"}

    client.post(page, asked)
    film = Film.objects.get(state="ordered")
    assert film.twin == story.twin and film.chosen_because.startswith("Picked because ")
    assert film.chosen_because in client.get(reverse("film", args=[film.id])).content.decode()

    client.post(page, asked | {"twin": worse.id})
    chosen = Film.objects.filter(state="ordered").latest("ordered_at")
    assert (chosen.twin, chosen.chosen_because) == (worse, "")

    wrong = client.post(page, asked | {"twin": worse.id, "life_stage": story.stage.id})
    assert wrong.status_code == 400 and "is of another stage of life" in wrong.content.decode()


def test_who_would_appear_is_told_while_the_order_is_filled_in(story, later, browse):
    page = reverse("match", args=[story.vault.id])
    told = browse(story.bob).get(page, {"template": later.id}).content.decode()
    assert "adult, version 1. Picked because it is the only twin" in told and "has not learned with this video yet" in told
    assert "Picked" not in browse(story.bob).get(page, {"template": later.id, "twin": story.twin.id}).content.decode()
    assert browse(story.bob).get(page, {"template": "nonsense"}).status_code == 200
    for person in (story.vera, story.charlie):
        assert browse(person).get(page, {"template": later.id}).status_code == 404


def test_a_twin_starts_from_the_nearest_of_the_same_person(story, another, senior):
    new = Twin(vault=story.vault, life_stage=story.stage, condition="warm", preset="tiny")
    assert start_of(new).twin == story.twin, "for one light, the one of all light"
    another(refreshed_from=story.twin)
    assert start_of(new).twin == story.twin, "a refreshed one has not seen its person again"
    warm = another(condition="warm")
    assert start_of(new).twin == warm, "the version before it"
    assert start_of(Twin(vault=story.vault, life_stage=senior, preset="tiny")).twin == story.twin, "another stage"
    larger = Twin(vault=story.vault, life_stage=story.stage, preset="quick")
    assert start_of(larger).twin is None and start_of(larger).base is None, "another network is no start"


def test_a_new_version_starts_from_the_last_and_is_listed_beside_it(story, browse):
    twin = start_twin(story.stage, preset="tiny", seconds=1, by=story.bob)
    assert work_until(twin, kind="train_twin").state == "done"
    assert twin.started_from == story.twin and twin.base is None
    assert twin.measures["heldout_ssim"] > story.twin.measures["heldout_ssim"] - 0.05
    newer, older = queries.versions_of(twin)
    assert (newer.twin, older.twin) == (twin, story.twin)
    assert newer.more_faces == twin.faces - story.twin.faces and newer.verdict in {"better", "alike", "worse"}
    assert older.more_faces is None and older.verdict == ""
    page = browse(story.vera).get(reverse("twin", args=[twin.id])).content.decode()
    assert "Started from adult, version 1." in page and "All versions of adult" in page
    story.twin.refresh_from_db()
    assert story.twin.state == "ready" and story.twin.weights is not None


def test_new_footage_is_offered_once_it_is_enough(story, browse):
    page, client = reverse("twins", args=[story.vault.id]), browse(story.bob)
    assert upkeep.growth(story.vault)[0].new == 0
    Twin.objects.update(kept=story.twin.kept - 5)
    assert "5 new good faces since version 1 learned; too few" in client.get(page).content.decode()
    Twin.objects.update(kept=1)
    assert "Learn anew, from version 1 on" in client.get(page).content.decode()
    assert "Learn anew" not in browse(story.vera).get(page).content.decode()

    client = browse(story.bob)
    begun = client.post(reverse("update_twin", args=[story.twin.id]))
    newer = Twin.objects.get(version=2)
    assert begun.url == reverse("twin", args=[newer.id])
    assert (newer.preset, newer.train_seconds, newer.kept) == ("tiny", story.twin.train_seconds, story.twin.kept)
    assert "let it go on, or retire it" in client.post(reverse("update_twin", args=[newer.id]), follow=True).content.decode()


def test_a_refresh_does_not_count_as_having_learned_anew(story, another):
    another(refreshed_from=story.twin, state="training")
    assert [one.twin for one in upkeep.growth(story.vault)] == [story.twin]


def test_twins_learn_anew_by_themselves_only_where_the_owner_wants_it(story, browse):
    Twin.objects.update(kept=1)
    upkeep.keep_twins()
    assert Twin.objects.count() == 1

    browse(story.alice).post(reverse("upkeep", args=[story.vault.id]), {"by_itself": "on"})
    assert queries.learns_by_itself(story.vault)
    upkeep.keep_twins()
    upkeep.keep_twins()
    assert Twin.objects.count() == 2 and Job.objects.filter(kind="train_twin", state="queued").count() == 1
    assert Entry.objects.get(verb="twin begun", actor=None).vault_id == story.vault.id
    assert Entry.objects.filter(verb="upkeep of twins set", actor=story.alice).exists()
    browse(story.alice).post(reverse("upkeep", args=[story.vault.id]), {})
    assert not queries.learns_by_itself(story.vault)


def test_nothing_begins_by_itself_without_consent(story):
    set_upkeep(story.vault, by_itself=True, by=story.alice)
    Twin.objects.update(kept=1)
    lapse(story.vault.subject)
    upkeep.keep_twins()
    assert Twin.objects.count() == 1


def test_the_page_of_a_twin_asks_the_database_as_often_for_many_versions_as_for_two(story, another, browse):
    another(started_from=story.twin)
    page, client = reverse("twin", args=[story.twin.id]), browse(story.bob)
    client.get(page)
    with CaptureQueriesContext(connection) as for_two:
        client.get(page)
    for _ in range(4):
        another(started_from=story.twin)
    with CaptureQueriesContext(connection) as for_many:
        client.get(page)
    assert len(for_many) == len(for_two)
