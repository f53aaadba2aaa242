"""The pages on datasets: what they tell, whom, and what can be done on them."""

import io
import json
from dataclasses import asdict

import numpy as np
import pytest
from django.urls import reverse
from PIL import Image

from processing import counting, datasets, judging, queries, scenes, tables
from processing.engine.corrections import Corrections
from processing.engine.filtering import Thresholds
from processing.judging import thresholds_of
from processing.models import Face, Person
from tests.processing import clips
from tests.processing.conftest import name, person_in
from twinvault.custody.archive import begin_sealing, make_archive
from twinvault.jobs.models import Job
from twinvault.vaults.models import Role
from twinvault.vaults.services import set_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def named(franck, bob):
    name(person_in(franck), "subject", bob)
    return franck


def all_of(vault) -> str:
    return reverse("datasets", args=[vault.id])


def one_of(vault, stage) -> str:
    return reverse("dataset", args=[vault.id, stage.id])


def text(client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_life_stage_is_told_with_what_is_kept_and_what_is_lacking(named, vault, stage, browse, bob):
    page = text(browse(bob), all_of(vault))
    counts = queries.vault_counts(vault)
    assert f"<strong>{counts.kept}</strong> of {counts.found} faces kept" in page
    assert one_of(vault, stage) in page
    assert "Add footage in which Franck is seen from near, sharp and well lit." in page, "of the stage without a face"


def test_a_life_stage_tells_its_looks_light_and_reasons(named, vault, stage, browse, bob):
    page = text(browse(bob), one_of(vault, stage))
    found = counting.counted(stage)
    assert page.count("needed</span></td>") == 45
    assert (
        int(found.coverage.looks.sum())
        == found.kept
        == sum(cell.faces for _, cells in browse(bob).get(one_of(vault, stage)).context["heat_map"] for _, cell in cells)
    )
    reason = Face.objects.filter(state="rejected").values_list("reason", flat=True).first()
    assert f"?stage={stage.id}&amp;state=rejected&amp;reason={reason}" in page
    assert f"{reverse('upload', args=[vault.id])}?stage={stage.id}" in page
    assert "franck.mp4" in page


def test_people_who_wait_are_asked_for_first(franck, vault, stage, browse, bob):
    page = text(browse(bob), one_of(vault, stage))
    assert "1 person waits until somebody says who they are" in page
    assert f'href="{reverse("people", args=[vault.id])}">Say who is who' in page


def test_a_stage_without_faces_and_one_of_another_vault(vault, stage, browse, bob):
    client = browse(bob)
    assert "Add footage in which Franck" in text(client, one_of(vault, stage))
    assert client.get(reverse("dataset", args=[vault.id, vault.id])).status_code == 404


def test_bounds_are_moved_on_the_page_in_its_own_units_and_put_back(named, vault, browse, bob):
    client = browse(bob)
    form = client.get(all_of(vault)).context["form"]
    shown = {field.name: field.value() for field in form}
    assert shown["min_sharpness"] == 20 and shown["duplicate_shape"] == 0.48

    answer = client.post(reverse("thresholds", args=[vault.id]), shown | {"min_sharpness": 26}, follow=True)

    assert "no picture had to be looked at again" in answer.content.decode()
    assert thresholds_of(vault) == Thresholds(min_sharpness=0.26)
    assert "Usually 20." in answer.content.decode()
    client.post(reverse("thresholds", args=[vault.id]), {"usual": "1"})
    assert thresholds_of(vault) == Thresholds()


def test_what_a_bound_costs_is_told(named, vault, browse, bob):
    judging.set_thresholds(vault, {"min_size": 400}, bob)
    found = Face.objects.filter(track__person__who="subject").count()
    assert f"It puts {found} faces aside just now" in text(browse(bob), all_of(vault))


def test_a_bound_that_makes_no_sense_is_refused_on_the_page(named, vault, browse, bob):
    client = browse(bob)
    shown = {field.name: field.value() for field in client.get(all_of(vault)).context["form"]}
    answer = client.post(reverse("thresholds", args=[vault.id]), shown | {"max_yaw": 4000})
    assert answer.status_code == 400 and "less than or equal to 90" in answer.content.decode()
    assert thresholds_of(vault) == Thresholds()


def test_a_viewer_looks_and_changes_nothing_and_an_outsider_finds_nothing(named, vault, stage, browse, alice, charlie):
    addresses = [all_of(vault), one_of(vault, stage), reverse("corrected", args=[Face.objects.first().id])]
    client = browse(charlie)
    assert [client.get(address).status_code for address in addresses] == [404] * 3
    set_member(vault, charlie, Role.VIEWER, by=alice)
    assert [client.get(address).status_code for address in addresses] == [200] * 3
    assert '<form method="post" class="bounds"' not in text(client, all_of(vault))
    assert client.post(reverse("thresholds", args=[vault.id]), {"usual": "1"}).status_code == 404
    client.logout()
    assert client.get(all_of(vault)).status_code == 302


def test_a_sealed_vault_says_so(named, vault, stage, browse, bob):
    begin_sealing(make_archive(vault.keyring, "a long secondary password")[0])
    client = browse(bob)
    assert "The faces are sealed" in text(client, all_of(vault))
    assert "The faces are sealed" in text(client, one_of(vault, stage))
    assert client.get(reverse("twins", args=[vault.id])).status_code == 200


def test_the_corrected_picture_is_another_one_and_kept_in_no_cache(named, vault, stage, browse, bob):
    face = queries.kept_faces(stage).first()
    client = browse(bob)
    plain = client.get(reverse("crop", args=[face.id])).content
    assert client.get(reverse("corrected", args=[face.id])).content == plain
    scenes.corrections_of(stage, tables.seen(queries.kept_faces(stage)))
    written = json.loads(scenes.objects.read(stage.dataset.corrections))
    written[0][3] = asdict(Corrections(exposure=2.0))
    counting.keep(stage, "corrections", json.dumps(written).encode())

    answer = client.get(reverse("corrected", args=[face.id]))

    assert "no-store" in answer.headers["Cache-Control"] and answer.headers["Content-Type"] == "image/jpeg"
    assert np.mean(Image.open(io.BytesIO(answer.content))) > np.mean(Image.open(io.BytesIO(plain))) + 20
    page = text(client, one_of(vault, stage))
    assert "Exposure" in page and "helps 1 film: too dark" in page and "/corrected/" in page


def test_footage_that_was_looked_at_long_ago_gains_by_another_look(named, vault, stage, browse, bob):
    found = counting.counted(stage)
    assert not found.old
    aged = json.loads(found.dump()) | {"old": [str(named.id)]}
    counting.keep(stage, "count", json.dumps(aged).encode())
    page = text(browse(bob), one_of(vault, stage))
    assert "Look again" in page and reverse("analyse_again", args=[named.id]) in page


def test_faces_that_were_kept_otherwise_are_counted_when_the_page_is_opened(named, vault, stage, browse, bob, monkeypatch):
    queries.kept_faces(stage).first().delete()
    assert not counting.is_up_to_date(stage)
    text(browse(bob), all_of(vault))
    assert counting.is_up_to_date(stage)

    monkeypatch.setattr(datasets, "AT_ONCE", 1)
    monkeypatch.setattr(judging, "AT_ONCE", 1)
    queries.kept_faces(stage).first().delete()
    assert "being counted by a worker" in text(browse(bob), one_of(vault, stage))
    assert Job.objects.filter(kind="judge_faces", target_id=stage.id).count() == 1


def test_the_pages_cost_the_same_with_more_footage(
    named, vault, stage, browse, bob, look_at, django_assert_num_queries, django_assert_max_num_queries
):
    client = browse(bob)
    addresses = [all_of(vault), one_of(vault, stage), reverse("twins", args=[vault.id])]
    costs = []
    for address in addresses:
        with django_assert_max_num_queries(20) as first:
            client.get(address)
        costs.append(len(first))
    name(person_in(look_at(clips.franck(1.0, first=900), "more.mp4")), "subject", bob)
    assert Person.objects.count() >= 1
    for address, cost in zip(addresses, costs, strict=True):
        with django_assert_num_queries(cost):
            client.get(address)
