"""The faces page, the pictures on it, and saying who from it."""

import io

import pytest
from django.urls import reverse
from PIL import Image

from processing import queries
from processing.erasure import erase_others
from processing.models import Face
from tests.processing import clips
from tests.processing.conftest import faces_of, name, people_in, person_in
from twinvault.vaults.models import Role
from twinvault.vaults.services import set_member

pytestmark = pytest.mark.django_db


def faces_page(client, vault, **query):
    return client.get(reverse("faces", args=[vault.id]), query)


def test_the_page_counts_and_asks_who_it_is(franck, vault, browse, bob):
    page = faces_page(browse(bob), vault).content.decode()
    found = Face.objects.count()
    assert f"<strong>{found}</strong> found" in page
    assert "This is Franck" in page and "Someone else" in page
    assert page.count('loading="lazy"') >= found


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


def test_sixty_faces_make_a_page(franck, vault, browse, bob):
    person = person_in(franck)
    like = faces_of(person).first()
    Face.objects.bulk_create([Face(track=like.track, row=like.row, offset=0, length=like.length) for _ in range(70)])
    client = browse(bob)
    assert len(faces_page(client, vault).context["page"]) == 60
    assert "Page 2 of 2" in faces_page(client, vault, page=2).content.decode()


def test_the_page_costs_the_same_with_more_footage(
    franck, vault, browse, bob, look_at, django_assert_num_queries, django_assert_max_num_queries
):
    client = browse(bob)
    with django_assert_max_num_queries(20) as first:
        faces_page(client, vault)
    look_at(clips.both(), "two men.mp4")
    with django_assert_num_queries(len(first)):
        faces_page(client, vault)


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


def test_the_crop_of_an_erased_face_is_not_there(two_men, browse, bob):
    stranger = people_in(two_men)[1]
    name(stranger, "other", bob)
    erase_others(stranger.vault, bob)
    assert browse(bob).get(reverse("crop", args=[faces_of(stranger).first().id])).status_code == 404


def test_htmx_is_answered_with_the_card_and_the_new_counts(franck, vault, browse, bob):
    person = person_in(franck)
    answer = browse(bob).post(reverse("say_who", args=[person.id]), {"who": "subject"}, headers={"HX-Request": "true"})
    text = answer.content.decode()
    assert "<html" not in text
    assert f'id="person-{person.id}"' in text and "Take it back" in text
    assert 'hx-swap-oob="true"' in text
    assert f"<strong>{Face.objects.filter(state='kept').count()}</strong> kept" in text


def test_without_javascript_the_page_comes_back(franck, vault, browse, bob):
    person = person_in(franck)
    answer = browse(bob).post(reverse("say_who", args=[person.id]), {"who": "subject"}, follow=True)
    assert answer.redirect_chain[0][0].startswith(reverse("faces", args=[vault.id]))
    assert "Take it back" in answer.content.decode()


def test_what_cannot_be_said_any_more_is_explained(two_men, vault, browse, bob):
    stranger = people_in(two_men)[1]
    name(stranger, "other", bob)
    erase_others(vault, bob)
    client, address = browse(bob), reverse("say_who", args=[stranger.id])
    fragment = client.post(address, {"who": "subject"}, headers={"HX-Request": "true"}).content.decode()
    assert "were erased" in fragment
    assert "were erased" in client.post(address, {"who": "subject"}, follow=True).content.decode()
    assert client.post(address, {"who": "the king"}).status_code == 400


def test_an_outsider_finds_nothing(franck, vault, browse, charlie, client):
    person = person_in(franck)
    outsider = browse(charlie)
    assert faces_page(outsider, vault).status_code == 404
    assert outsider.post(reverse("say_who", args=[person.id]), {"who": "subject"}).status_code == 404
    assert outsider.post(reverse("analyse_again", args=[franck.id])).status_code == 404
    assert Face.objects.filter(state="pending").count() == Face.objects.count()
    outsider.logout()
    assert faces_page(outsider, vault).status_code == 302


def test_a_viewer_sees_and_says_nothing(franck, vault, browse, alice, charlie):
    set_member(vault, charlie, Role.VIEWER, by=alice)
    client = browse(charlie)
    page = faces_page(client, vault)
    assert page.status_code == 200 and "This is Franck" not in page.content.decode()
    person = person_in(franck)
    assert client.post(reverse("say_who", args=[person.id]), {"who": "subject"}).status_code == 404


def test_footage_can_be_looked_at_again(franck, browse, bob):
    browse(bob).post(reverse("analyse_again", args=[franck.id]))
    assert franck.vault.jobs.filter(kind="analyse_footage", state="queued").count() == 1


def test_an_empty_vault_points_to_the_upload(vault, browse, bob):
    page = faces_page(browse(bob), vault).content.decode()
    assert "No face yet" in page and reverse("upload", args=[vault.id]) in page
