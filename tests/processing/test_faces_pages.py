"""The faces page, the pictures on it, one face from near, and deciding on faces from it."""

import io

import pytest
from django.urls import reverse
from PIL import Image

from acquisition.models import Footage
from processing import measures, people, queries
from processing.engine.pack import load_descriptors
from processing.erasure import erase_others
from processing.models import Face
from tests.processing import clips
from tests.processing.conftest import faces_of, name, people_in, person_in
from tests.processing.crowd import crowd
from twinvault.custody import objects
from twinvault.vaults.models import Role
from twinvault.vaults.services import set_member

pytestmark = pytest.mark.django_db


def faces_page(client, vault, **query):
    return client.get(reverse("faces", args=[vault.id]), query)


def test_the_page_counts_and_leads_to_who_is_who(franck, vault, browse, bob):
    page = faces_page(browse(bob), vault).content.decode()
    found = Face.objects.count()
    assert f"<strong>{found}</strong> found" in page
    assert reverse("people", args=[vault.id]) in page
    assert page.count('loading="lazy"') == found


def test_rejected_faces_can_be_narrowed_by_reason(two_men, vault, browse, bob):
    here, stranger = people_in(two_men)
    name(stranger, "other", bob)
    client = browse(bob)

    page = faces_page(client, vault, state="rejected", reason="someone_else")

    assert page.context["page"].paginator.count == faces_of(stranger).count()
    assert "someone else" in page.content.decode()
    assert not faces_page(client, vault, state="kept").context["page"].object_list
    of_person = faces_page(client, vault, person=str(here.id))
    assert of_person.context["page"].paginator.count == faces_of(here).count()
    assert faces_page(client, vault, state="nonsense", stage="nonsense", page="99").status_code == 200


def test_a_page_holds_120_faces(stage, vault, browse, bob):
    crowd(stage, bob, faces=130, people=4, films=2)
    client = browse(bob)
    assert len(faces_page(client, vault).context["faces"]) == 120
    second = faces_page(client, vault, page=2)
    assert len(second.context["faces"]) == 10
    assert "Page 2 of 2" in second.content.decode()


def test_filters_are_combined_and_what_the_tabs_count_is_what_they_show(stage, vault, browse, bob):
    subject, *_ = crowd(stage, bob, faces=700, people=8, films=1)
    client = browse(bob)
    film = Footage.objects.get()
    crowd(stage, bob, faces=40, people=4, films=2)
    where = {"stage": stage.id, "footage": film.id, "person": subject.id}
    of_film = Face.objects.filter(track__person=subject, track__segment__footage=film)
    for state, reason in (("", ""), ("kept", ""), ("rejected", ""), ("rejected", "blurred"), ("kept", "blurred"), ("", "dark")):
        wanted = of_film.filter(**{"state": state} if state else {}, **{"reason": reason} if reason else {})
        page = faces_page(client, vault, state=state, reason=reason, **where)
        assert page.context["page"].paginator.count == wanted.count()
        assert len(page.context["faces"]) == min(120, wanted.count())
    assert of_film.filter(reason="blurred").exists()


def test_the_page_costs_the_same_with_more_footage(stage, vault, browse, bob, django_assert_num_queries):
    crowd(stage, bob, faces=40, people=4, films=2)
    client = browse(bob)
    with django_assert_num_queries(11) as first:
        faces_page(client, vault)
    crowd(stage, bob, faces=600, people=30, films=12)
    with django_assert_num_queries(len(first)):
        faces_page(client, vault, page=4)


def test_every_life_stage_is_counted_in_two_queries(two_men, vault, bob, look_at, django_assert_num_queries):
    franck = look_at(clips.franck(), "franck.mp4", vault.subject.life_stages.get(name="senior"))
    (stranger,) = set(people_in(two_men)) - {person_in(franck)}
    name(stranger, "other", bob)

    with django_assert_num_queries(2):
        adult, senior = (counts for _, counts in queries.counts_by_stage(vault))

    faces = Face.objects.filter(track__segment__footage=two_men)
    assert adult.rejected == {"someone_else": faces.filter(state="rejected").count()}
    assert (adult.waiting, adult.kept) == (faces.filter(state="pending").count(), 0)
    assert senior.found == senior.waiting == queries.vault_counts(vault).found - adult.found


def test_a_crop_is_a_picture_for_members_only(franck, vault, browse, alice, charlie):
    address = reverse("crop", args=[Face.objects.first().id])
    answer = browse(alice).get(address)
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert "no-store" in answer.headers["Cache-Control"]
    assert Image.open(io.BytesIO(answer.content)).size == (192, 192)
    assert browse(charlie).get(address).status_code == 404


def test_a_crop_costs_four_queries(stage, browse, bob, django_assert_num_queries):
    crowd(stage, bob, faces=20, people=2, films=1)
    client, face = browse(bob), Face.objects.first()
    # session, person, face with its keys, role
    with django_assert_num_queries(4):
        client.get(reverse("crop", args=[face.id]))


def test_the_crop_of_an_erased_face_is_not_there(two_men, browse, bob):
    stranger = people_in(two_men)[1]
    name(stranger, "other", bob)
    erase_others(stranger.vault, bob)
    assert browse(bob).get(reverse("crop", args=[faces_of(stranger).first().id])).status_code == 404


@pytest.fixture
def named(franck, bob):
    person = person_in(franck)
    name(person, "subject", bob)
    return person


def test_faces_are_kept_and_taken_out_many_at_once(named, vault, browse, bob):
    client, kept = browse(bob), list(faces_of(named).filter(state="kept").values_list("id", flat=True))
    back = reverse("faces", args=[vault.id]) + "?state=kept"

    answer = client.post(reverse("decide", args=[vault.id]), {"decision": "out", "faces": kept[:3], "back": back})
    assert answer.url == back
    assert set(faces_of(named).filter(reason="by_hand").values_list("id", flat=True)) == set(kept[:3])
    page = faces_page(client, vault).content.decode()
    assert "3 faces taken out." in page

    client.post(reverse("decide", args=[vault.id]), {"decision": "judged", "faces": kept[:3]})
    assert list(faces_of(named).filter(state="kept").values_list("id", flat=True)) == kept


def test_all_that_a_filter_shows_is_taken_out_on_every_page_and_taken_back(stage, vault, browse, bob, monkeypatch):
    monkeypatch.setattr(people, "IDS_AT_ONCE", 40)
    subject, *_ = crowd(stage, bob, faces=500, people=4, films=2)
    client, kept = browse(bob), set(faces_of(subject).filter(state="kept").values_list("id", flat=True))
    text = faces_page(client, vault, state="kept").content.decode()
    assert f'name="everywhere" value="{len(kept)}"' in text and '<input type="hidden" name="state" value="kept">' in text
    address = reverse("decide", args=[vault.id])
    everything = {"decision": "out", "everywhere": len(kept), "state": "kept", "faces": min(kept)}

    client.post(address, everything)
    assert set(faces_of(subject).filter(reason="by_hand", by_hand=True).values_list("id", flat=True)) == kept

    assert "load the page anew" in client.post(address, everything, follow=True).content.decode()
    client.post(reverse("undo", args=[vault.id]))
    assert set(faces_of(subject).filter(state="kept").values_list("id", flat=True)) == kept
    assert not Face.objects.filter(reason="by_hand").exists()


def test_a_single_page_has_nothing_to_choose_elsewhere(named, vault, browse, bob):
    assert 'name="everywhere"' not in faces_page(browse(bob), vault).content.decode()


def test_a_single_face_has_a_button_of_its_own(named, vault, browse, bob):
    client, face = browse(bob), faces_of(named).filter(state="kept").first()
    assert f'value="out:{face.id}"' in faces_page(client, vault).content.decode()
    others = faces_of(named).exclude(id=face.id).values_list("id", flat=True)
    client.post(reverse("decide", args=[vault.id]), {"one": f"out:{face.id}", "faces": others})
    assert list(faces_of(named).filter(by_hand=True)) == [face]


def test_what_cannot_be_decided_is_said(franck, vault, browse, bob):
    client, face = browse(bob), Face.objects.first()
    address = reverse("decide", args=[vault.id])
    told = client.post(address, {"decision": "keep", "faces": face.id, "back": reverse("faces", args=[vault.id])}, follow=True)
    assert "not faces of Franck" in told.content.decode()
    assert "Choose faces first" in client.post(address, {"decision": "keep"}, follow=True).content.decode()
    assert client.post(address, {"decision": "eat", "faces": face.id}).status_code == 400
    assert client.post(address, {"decision": "keep", "faces": "9" * 30}).status_code == 400
    assert Face.objects.filter(by_hand=True).count() == 0


def test_one_face_is_seen_from_near_with_its_measures(named, browse, alice, charlie):
    face = faces_of(named).first()
    text = browse(alice).get(reverse("face", args=[face.id])).content.decode()
    for words in ("pixels wide", "turned ", "Sharpness", "franck.mp4"):
        assert words in text
    assert browse(charlie).get(reverse("face", args=[face.id])).status_code == 404


def test_measures_are_read_from_the_row_of_the_face(named):
    for face in faces_of(named).select_related("track__segment__descriptors__keyring")[:2]:
        table = load_descriptors(objects.read(face.track.segment.descriptors))
        size, sharpness = measures.measures_of(face)[:2]
        assert size.numbers == f"{table.size[face.row]:.0f} pixels wide"
        assert sharpness.numbers == f"{table.sharpness[face.row]:.2f} of 1"


def test_an_outsider_finds_nothing(franck, vault, browse, charlie, client):
    person = person_in(franck)
    outsider = browse(charlie)
    assert faces_page(outsider, vault).status_code == 404
    assert outsider.post(reverse("decide", args=[vault.id]), {"one": f"keep:{faces_of(person).first().id}"}).status_code == 404
    assert outsider.post(reverse("analyse_again", args=[franck.id])).status_code == 404
    assert Face.objects.filter(state="pending").count() == Face.objects.count()
    outsider.logout()
    assert faces_page(outsider, vault).status_code == 302


def test_a_viewer_sees_and_decides_nothing(named, vault, browse, alice, charlie):
    set_member(vault, charlie, Role.VIEWER, by=alice)
    client, face = browse(charlie), faces_of(named).filter(state="kept").first()
    page = faces_page(client, vault)
    assert page.status_code == 200 and "Take out" not in page.content.decode()
    assert "Take out" not in client.get(reverse("face", args=[face.id])).content.decode()
    assert client.post(reverse("decide", args=[vault.id]), {"one": f"out:{face.id}"}).status_code == 404


def test_footage_can_be_looked_at_again(franck, browse, bob):
    browse(bob).post(reverse("analyse_again", args=[franck.id]))
    assert franck.vault.jobs.filter(kind="analyse_footage", state="queued").count() == 1


def test_an_empty_vault_points_to_the_upload(vault, browse, bob):
    page = faces_page(browse(bob), vault).content.decode()
    assert "No face yet" in page and reverse("upload", args=[vault.id]) in page
