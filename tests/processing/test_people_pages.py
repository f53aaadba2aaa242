"""Who is who, and one person: what the pages show, what can be said on them of one and of many, and what is taken back."""

import pytest
from django.urls import reverse
from django.utils import timezone

from acquisition.dating.datings import Source
from acquisition.models import Footage
from processing import people_queries
from processing.erasure import erase_others
from processing.models import Change, Face, Person, Track
from tests.processing.conftest import faces_of, name, people_in, person_in
from tests.processing.crowd import crowd
from twinvault.safe import services as safe
from twinvault.vaults import services as vaults
from twinvault.vaults.consents import withdraw_consent
from twinvault.vaults.models import Role
from twinvault.vaults.services import set_member
from worker.inline import run_queued_jobs

pytestmark = pytest.mark.django_db


def people_page(client, vault, **query):
    return client.get(reverse("people", args=[vault.id]), query)


def person_page(client, person, **query):
    return client.get(reverse("person", args=[person.id]), query)


def act(client, vault, people, who, **more):
    return client.post(
        reverse("act_on_people", args=[vault.id]), {"who": who, "people": [person.id for person in people], **more}, follow=True
    )


def who(*people) -> list[str]:
    return [person.who for person in (Person.objects.get(id=person.id) for person in people)]


@pytest.fixture
def seen(stage, bob):
    """The subject, a proposed one, and others of every kind."""
    return crowd(stage, bob, faces=120, people=10, films=5, tracks=20)


def test_people_stand_in_sections_with_their_films_and_years(seen, vault, browse, bob):
    page = people_page(browse(bob), vault)
    sections = {section.name: section for section in page.context["sections"]}
    assert list(sections) == ["proposed", "unknown", "unsure", "subject", "other"]
    assert [section.count for section in sections.values()] == [1, 6, 1, 1, 1]
    assert sections["subject"].people == [seen[0]]
    text = page.content.decode()
    assert "Looks like Franck" in text and "This is Franck" in text
    subject = sections["subject"].people[0]
    assert (subject.found, subject.films) == (faces_of(seen[0]).count(), 5)
    assert (subject.first_year, subject.last_year) == (1980, 1984) and "in 5 films, 1980–1984" in " ".join(text.split())
    proposed = sections["proposed"].people[0]
    names = set(Track.objects.filter(person=seen[1]).values_list("segment__footage__filename", flat=True))
    assert proposed.film_names == sorted(names) and all(film in text for film in names)


def test_years_that_are_guessed_are_not_told(seen, vault):
    Footage.objects.filter(filmed_on__year__gte=1983).update(filmed_source=Source.GUESS)
    (subject,) = people_queries.describe([seen[0]])
    assert (subject.films, subject.first_year, subject.last_year) == (5, 1980, 1982)


def test_a_section_can_be_seen_alone(seen, vault, browse, bob):
    client = browse(bob)
    assert people_page(client, vault, who="unsure").context["page"].object_list == [seen[7]]
    assert people_page(client, vault, who="nonsense").context["page"].paginator.count == 10


def test_samples_are_of_different_scenes_and_only_of_what_is_left(seen, vault):
    (subject,) = people_queries.describe([seen[0]])
    assert len(subject.samples) == len({face.track_id for face in subject.samples}) == 6
    Face.objects.filter(id__in=[face.id for face in subject.samples]).update(offset=-1)
    before = {face.id for face in subject.samples}
    (subject,) = people_queries.describe([seen[0]])
    assert len(subject.samples) == 6 and not before & {face.id for face in subject.samples}


def test_a_vault_without_anybody_points_to_the_upload(vault, browse, bob):
    page = people_page(browse(bob), vault).content.decode()
    assert "Nobody yet" in page and reverse("upload", args=[vault.id]) in page


def test_everybody_who_is_proposed_is_confirmed_at_once(seen, vault, browse, bob):
    Person.objects.filter(id__in=[seen[2].id, seen[3].id]).update(proposed=True)
    client = browse(bob)
    assert "Yes, all 3 of these are Franck" in people_page(client, vault).content.decode()
    page = act(client, vault, seen[1:4], "subject")
    assert who(*seen[1:4]) == ["subject"] * 3
    assert "3 people said to be the subject." in page.content.decode()


def test_many_are_said_to_be_someone_else_and_all_of_it_is_taken_back(seen, vault, browse, bob):
    client, some = browse(bob), seen[2:6]
    back = reverse("people", args=[vault.id]) + "?who=unknown"
    page = act(client, vault, some, "other", back=back)
    assert page.redirect_chain == [(back, 302)]
    assert who(*some) == ["other"] * 4 and "4 people said to be someone else." in page.content.decode()

    page = client.post(reverse("undo", args=[vault.id]), {"back": back}, follow=True)
    assert page.redirect_chain == [(back, 302)]
    assert who(*some) == ["unknown"] * 4
    text = page.content.decode()
    assert "Taken back: 4 people said to be someone else." in text and 'id="undo"' not in text
    page = client.post(reverse("undo", args=[vault.id]), follow=True)
    assert "There is nothing to take back." in page.content.decode()


def test_everybody_of_a_section_is_answered_on_every_page(stage, vault, browse, bob):
    crowd(stage, bob, faces=200, people=60, films=2)
    client = browse(bob)
    unknown = set(Person.objects.filter(who="unknown", proposed=False).values_list("id", flat=True))
    others = set(Person.objects.filter(who="other").values_list("id", flat=True))
    count = len(unknown)
    text = people_page(client, vault, who="unknown").content.decode()
    assert f'name="everywhere" value="{count}"' in text and '<input type="hidden" name="section" value="unknown">' in text
    everybody = {"who": "other", "everywhere": count, "section": "unknown"}

    client.post(reverse("act_on_people", args=[vault.id]), everybody)
    assert set(Person.objects.filter(who="other").values_list("id", flat=True)) == unknown | others

    page = client.post(reverse("act_on_people", args=[vault.id]), everybody, follow=True)
    assert "load the page anew" in page.content.decode()


def test_people_are_put_together_and_apart_again(seen, vault, browse, bob):
    client, some = browse(bob), seen[2:5]
    tracks = Track.objects.filter(person__in=some).count()
    act(client, vault, some, "together")
    (one,) = Person.objects.filter(id__in=[person.id for person in some])
    assert Track.objects.filter(person=one).count() == tracks
    client.post(reverse("undo", args=[vault.id]))
    assert Person.objects.filter(id__in=[person.id for person in some]).count() == 3
    assert "two or more" in act(client, vault, some[:1], "together").content.decode()


def test_one_button_names_one_person_without_javascript(seen, vault, browse, bob):
    client = browse(bob)
    page = people_page(client, vault).content.decode()
    address = reverse("say_who", args=[seen[2].id])
    assert f'action="{address}"' in page
    answer = client.post(address, {"who": "subject"}, follow=True)
    assert answer.redirect_chain[0][0] == reverse("people", args=[vault.id])
    assert who(seen[2]) == ["subject"]


def test_nothing_is_said_of_nobody(seen, vault, browse, bob):
    client = browse(bob)
    assert "Choose somebody first" in act(client, vault, [], "other").content.decode()
    assert "so already" in act(client, vault, seen[:1], "subject").content.decode()
    assert client.post(reverse("act_on_people", args=[vault.id]), {"who": "the king", "people": seen[1].id}).status_code == 400
    assert client.post(reverse("act_on_people", args=[vault.id]), {"who": "other", "people": "x"}, follow=True).status_code == 200
    assert not Change.objects.exists()


def test_a_form_leads_back_to_pages_of_this_site_alone(seen, vault, browse, bob):
    client = browse(bob)
    for elsewhere in ("https://example.org/", "//example.org/", "/\\example.org", "/no/such/page/", "javascript:alert(1)"):
        answer = client.post(reverse("undo", args=[vault.id]), {"back": elsewhere})
        assert answer.url == reverse("people", args=[vault.id])


def test_without_consent_nobody_is_confirmed_and_the_page_says_why(seen, vault, browse, alice, bob):
    withdraw_consent(vault.subject.consents.get(), by=alice)
    page = act(browse(bob), vault, seen[1:3], "subject")
    assert "There is no consent in force for Franck" in page.content.decode()
    assert who(*seen[1:3]) == ["unknown"] * 2


def test_pictures_of_someone_else_are_erased_at_once_on_request(two_men, vault, browse, bob):
    here, stranger = people_in(two_men)
    name(here, "subject", bob)
    name(stranger, "other", bob)
    client = browse(bob)
    stranger.refresh_from_db()
    page = people_page(client, vault).content.decode()
    assert f"erased at {timezone.localtime(stranger.erase_at):%H:%M} unless it is taken back" in page
    assert "Erase them for good" in page and "if they are seen again, you are asked anew" in page

    page = client.post(reverse("erase_now", args=[vault.id]), follow=True).content.decode()
    assert "The pictures of 1 person were erased for good." in page and "their pictures were erased" in page
    assert not faces_of(stranger).filter(offset__gte=0).exists() and faces_of(here).filter(offset__gte=0).exists()
    assert "Erase them for good" not in page and 'id="undo"' not in page
    assert "were erased" in act(client, vault, [stranger], "subject").content.decode()
    assert who(stranger) == ["other"]


def test_one_person_is_seen_scene_by_scene_and_taken_apart(seen, vault, browse, bob):
    client, subject = browse(bob), seen[0]
    page = person_page(client, subject)
    scenes = list(page.context["page"])
    assert len(scenes) == Track.objects.filter(person=subject).count()
    assert all(scene.samples and {face.track_id for face in scene.samples} == {scene.id} for scene in scenes)
    text = page.content.decode()
    assert reverse("footage", args=[scenes[0].segment.footage_id]) in text and "tape 0000.mp4" in text

    moving = [scene.id for scene in scenes[:2]]
    here = reverse("person", args=[subject.id])
    page = client.post(reverse("take_apart", args=[subject.id]), {"scenes": moving, "back": here}, follow=True)
    assert "2 scenes taken apart." in page.content.decode()
    apart = Person.objects.get(tracks=moving[0])
    assert apart != subject and apart.who == "unknown" and apart.tracks.count() == 2

    # taken back on the page of who is not there afterwards
    gone = reverse("person", args=[apart.id])
    page = client.post(reverse("undo", args=[vault.id]), {"back": gone}, follow=True)
    assert page.redirect_chain == [(reverse("people", args=[vault.id]), 302)]
    assert Track.objects.filter(person=subject).count() == len(scenes)


def test_scenes_come_in_pages(stage, vault, browse, bob):
    subject, *_ = crowd(stage, bob, faces=200, people=2, films=3, tracks=130)
    client = browse(bob)
    first, second = person_page(client, subject), person_page(client, subject, page=2)
    assert len(first.context["page"]) == 40 and "Page 2 of" in second.content.decode()
    assert not {scene.id for scene in first.context["page"]} & {scene.id for scene in second.context["page"]}


def test_pages_cost_the_same_with_20000_faces_and_500_people(
    stage, vault, browse, bob, django_assert_num_queries, django_assert_max_num_queries
):
    few = crowd(stage, bob, faces=60, people=12, films=3)
    client = browse(bob)
    costs = {}
    pages = {
        "people": lambda subject, number: people_page(client, vault, page=number),
        "subject": lambda subject, number: people_page(client, vault, who="subject"),
        "person": lambda subject, number: person_page(client, subject, page=number),
        "faces": lambda subject, number: client.get(reverse("faces", args=[vault.id]), {"page": number}),
        "kept": lambda subject, number: client.get(
            reverse("faces", args=[vault.id]), {"state": "kept", "person": subject.id, "page": number}
        ),
    }
    for title, see in pages.items():
        with django_assert_max_num_queries(13) as costs[title]:
            see(few[0], 1)
    many = crowd(stage, bob, faces=20_000, people=500, films=40)
    assert Face.objects.count() == 20_060
    for title, see in pages.items():
        for number in (1, 9):
            with django_assert_num_queries(len(costs[title])):
                assert see(many[0], number).status_code == 200


def test_the_subject_is_taken_back_on_the_page_of_the_person(franck, vault, browse, bob):
    person, client = person_in(franck), browse(bob)
    here = reverse("person", args=[person.id])
    page = client.post(reverse("say_who", args=[person.id]), {"who": "subject", "back": here}, follow=True).content.decode()
    assert "1 person said to be the subject." in page and f"{faces_of(person).filter(state='kept').count()} kept" in page
    client.post(reverse("say_who", args=[person.id]), {"who": "unknown", "back": here})
    assert who(person) == ["unknown"] and not faces_of(person).exclude(state="pending").exists()


def addresses(vault, person) -> list[str]:
    """Everything that changes something."""
    of_vault = [reverse(action, args=[vault.id]) for action in ("act_on_people", "undo", "erase_now")]
    return [*of_vault, *(reverse(action, args=[person.id]) for action in ("say_who", "take_apart"))]


def test_an_outsider_finds_nothing(seen, vault, browse, charlie):
    client = browse(charlie)
    assert people_page(client, vault).status_code == person_page(client, seen[0]).status_code == 404
    for address in addresses(vault, seen[2]):
        assert client.post(address, {"who": "subject", "people": seen[2].id}).status_code == 404
    client.logout()
    assert people_page(client, vault).status_code == person_page(client, seen[0]).status_code == 302
    assert who(seen[2]) == ["unknown"]


def test_people_of_another_vault_are_not_acted_on(seen, vault, browse, charlie):
    own = vaults.open_vault(charlie, name="Own", subject_name="Charlie", stages=["adult"])
    page = act(browse(charlie), own, seen[2:4], "other")
    assert "load the page anew" in page.content.decode() and who(*seen[2:4]) == ["unknown"] * 2


def test_a_viewer_sees_and_says_nothing(seen, vault, browse, alice, bob, charlie):
    act(browse(bob), vault, seen[2:4], "other")
    set_member(vault, charlie, Role.VIEWER, by=alice)
    client = browse(charlie)
    for page in (people_page(client, vault), person_page(client, seen[0])):
        text = page.content.decode()
        assert page.status_code == 200 and 'method="post"' not in text.replace(reverse("sign_out"), "", 1).split("<main")[1]
    for address in addresses(vault, seen[2]):
        assert client.post(address, {"who": "subject", "people": seen[2].id}).status_code == 404
    assert who(seen[2]) == ["other"]


def test_a_sealed_vault_shows_nobody_and_lets_nothing_be_said(seen, vault, browse, alice, bob):
    act(browse(bob), vault, seen[2:4], "unsure")
    face = faces_of(seen[0]).first()
    safe.set_password(vault, "the boat under the walnut tree", by=alice)
    safe.seal(vault, by=alice, password="the boat under the walnut tree")
    run_queued_jobs()
    client = browse(bob)
    for page in (people_page(client, vault), person_page(client, seen[0]), client.get(reverse("face", args=[face.id]))):
        text = page.content.decode()
        assert "The faces are sealed" in text and "<img" not in text
        assert 'method="post"' not in text.split("<main")[1]
    assert client.get(reverse("crop", args=[face.id])).status_code == 423
    for address in addresses(vault, seen[4]):
        page = client.post(address, {"who": "subject", "people": seen[4].id, "scenes": seen[4].tracks.first().id}, follow=True)
        assert "Grandpa is sealed" in page.content.decode(), address
    assert who(seen[2], seen[4]) == ["unsure", "unknown"]


def test_only_who_did_something_takes_it_back(seen, vault, browse, alice, bob):
    act(browse(bob), vault, seen[2:4], "other")
    assert 'id="undo"' not in people_page(browse(alice), vault).content.decode()


def test_what_was_erased_since_is_not_offered_to_be_taken_back(two_men, vault, browse, bob):
    here, stranger = people_in(two_men)
    name(here, "subject", bob)
    name(stranger, "other", bob)
    client = browse(bob)
    assert 'id="undo"' in people_page(client, vault).content.decode()
    erase_others(vault)
    assert 'id="undo"' not in people_page(client, vault).content.decode()
