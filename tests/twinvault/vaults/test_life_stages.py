"""Adding, describing and removing stages of life."""

import pytest

from acquisition.models import Footage
from twinvault.custody.objects import store
from twinvault.vaults.models import LifeStage, Subject
from twinvault.vaults.services import open_vault, set_member


def test_a_contributor_adds_a_stage_at_the_end(browse, bob, vault):
    browse(bob).post(f"/vaults/{vault.id}/stages/", {"name": "At sea"})

    assert [stage.name for stage in vault.subject.life_stages.all()] == ["adult", "senior", "At sea"]


def test_the_same_name_twice_is_refused_with_a_sentence(browse, bob, vault, stage):
    response = browse(bob).post(f"/vaults/{vault.id}/stages/", {"name": "adult"})
    assert response.status_code == 400
    assert "There is a life stage called adult already." in response.content.decode()

    response = browse(bob).post(f"/vaults/{vault.id}/stages/{stage.id}/", {"name": "senior"})
    assert "There is a life stage called senior already." in response.content.decode()


def test_a_stage_gets_another_name_and_its_years(browse, bob, vault, stage):
    browse(bob).post(f"/vaults/{vault.id}/stages/{stage.id}/", {"name": "In Lyon", "from_year": "1965", "to_year": "1979"})

    stage.refresh_from_db()
    assert (stage.name, stage.from_year, stage.to_year) == ("In Lyon", 1965, 1979)
    assert "1965–1979" in browse(bob).get(f"/vaults/{vault.id}/stages/").content.decode()


def test_years_run_forward(browse, bob, vault, stage):
    given = {"name": "In Lyon", "from_year": "1979", "to_year": "1965"}

    assert "lies before the first one" in browse(bob).post(f"/vaults/{vault.id}/stages/{stage.id}/", given).content.decode()


def test_an_empty_stage_is_removed_and_a_full_one_is_kept(browse, alice, bob, vault, stage):
    senior = vault.subject.life_stages.last()
    content = store(vault.keyring, "footage", b"bytes")
    Footage.objects.create(vault=vault, life_stage=stage, content=content, fingerprint="f", filename="a.mp4", added_by=alice)

    browse(bob).post(f"/vaults/{vault.id}/stages/{senior.id}/remove/")
    response = browse(bob).post(f"/vaults/{vault.id}/stages/{stage.id}/remove/", follow=True)

    assert [stage.name for stage in vault.subject.life_stages.all()] == ["adult"]
    assert "only an empty life stage can be removed" in response.content.decode()


@pytest.mark.parametrize("address", ["", "{stage}/", "{stage}/remove/"])
def test_an_outsider_finds_nothing_and_a_viewer_changes_nothing(browse, alice, bob, charlie, vault, stage, address):
    set_member(vault, bob, 1, by=alice)
    address = f"/vaults/{vault.id}/stages/{address.format(stage=stage.id)}"

    for person in [bob, charlie]:
        assert browse(person).post(address, {"name": "x"}).status_code == 404
    assert LifeStage.objects.count() == 2


def test_a_stage_of_another_vault_is_not_reached_through_ones_own(browse, charlie, vault, stage):
    own = open_vault(charlie, name="Mine", subject_name="Charlie", stages=["adult"])

    assert browse(charlie).post(f"/vaults/{own.id}/stages/{stage.id}/", {"name": "x"}).status_code == 404
    assert browse(charlie).post(f"/vaults/{own.id}/stages/{stage.id}/remove/").status_code == 404


def test_a_stage_is_bounded_by_ages(browse, bob, vault, stage):
    browse(bob).post(f"/vaults/{vault.id}/stages/{stage.id}/", {"name": "adult", "from_age": "25", "to_age": "59"})

    stage.refresh_from_db()
    assert (stage.from_age, stage.to_age) == (25, 59)
    assert "25–59 years old" in browse(bob).get(f"/vaults/{vault.id}/").content.decode()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"from_age": "60", "to_age": "25"}, "This age lies before the first one."),
        ({"from_age": "25", "to_year": "1979"}, "Say either ages or years"),
        ({"from_age": "-1"}, "greater than or equal"),
        # senior begins at 60, which the subject, born in 1940, was in 2000
        ({"from_age": "25", "to_age": "60"}, "adult would overlap senior: no day can lie in two stages of life."),
        ({"from_year": "1965", "to_year": "2000"}, "adult would overlap senior: no day can lie in two stages of life."),
    ],
)
def test_bounds_that_cannot_be_are_said(browse, bob, vault, stage, given, sentence):
    LifeStage.objects.filter(name="senior").update(from_age=60)

    response = browse(bob).post(f"/vaults/{vault.id}/stages/{stage.id}/", {"name": "adult"} | given)
    assert response.status_code == 400
    assert sentence in response.content.decode()
    stage.refresh_from_db()
    assert stage.bounds == ""


def test_a_gap_is_allowed_and_said(browse, bob, vault, stage):
    LifeStage.objects.filter(name="senior").update(from_age=60)
    response = browse(bob).post(
        f"/vaults/{vault.id}/stages/{stage.id}/", {"name": "adult", "from_age": "25", "to_age": "50"}, follow=True
    )

    assert "Between adult and senior lie days that belong to no stage of life" in response.content.decode()


def test_ages_are_held_against_each_other_while_no_birth_is_known(browse, bob, vault, stage):
    Subject.objects.update(born=None)
    LifeStage.objects.filter(name="senior").update(from_age=60)

    given = {"name": "adult", "from_age": "25", "to_age": "60"}
    assert "would overlap" in browse(bob).post(f"/vaults/{vault.id}/stages/{stage.id}/", given).content.decode()
