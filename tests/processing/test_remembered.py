"""What people said is remembered when the same footage is looked at again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from processing.erasure import erase_others_when_due
from processing.models import Face, Person, Track
from processing.people import decide, last_change, merge, split, undo
from processing.services import request_analysis
from tests.processing import clips
from tests.processing.conftest import faces_of, name, people_in, person_in, run
from twinvault.vaults.services import NotAllowed

pytestmark = pytest.mark.django_db


@pytest.fixture
def two_scenes(look_at):
    """One man in two shots, with another between them."""
    count = clips.RATE
    shots = [clips.pictures("franck", 0, count), clips.pictures("cap13_edit2", 0, count), clips.pictures("franck", 2400, count)]
    return look_at(clips.film([picture for shot in shots for picture in shot]), "two scenes.mp4")


@pytest.fixture
def look_again(bob):
    def look(footage):
        run(request_analysis(footage, bob))

    return look


def test_who_was_put_together_stays_together(two_men, bob, vault, look_again):
    together = merge(vault, [person.id for person in people_in(two_men)], bob)
    found = faces_of(together).count()

    for _ in range(2):
        look_again(two_men)

        assert person_in(two_men) == together
        assert faces_of(together).count() == found
        assert all(together.tracks.values_list("by_hand", flat=True))


def test_who_was_taken_apart_stays_apart(two_scenes, bob, vault, look_again):
    man, other = people_in(two_scenes)
    second = man.tracks.latest("starts")
    apart = split(vault, [second.id], bob)

    for _ in range(2):
        look_again(two_scenes)

        assert {(track.starts > 1, track.person_id) for track in Track.objects.exclude(person=other)} >= {
            (False, man.id),
            (True, apart.id),
        }
        assert (man.tracks.count(), apart.tracks.count()) == (1, 1)


def test_what_was_not_said_is_not_remembered(two_men, bob, vault, look_again):
    """Who is like whom is found out anew, by what is seen now."""
    merge(vault, [person.id for person in people_in(two_men)], bob)
    undo(vault, bob)
    assert not Track.objects.filter(by_hand=True).exists()

    look_again(two_men)

    assert len(people_in(two_men)) == 2


def test_someone_else_stays_someone_else_until_they_are_erased(two_men, bob, look_again):
    here, stranger = people_in(two_men)
    name(here, "subject", bob)
    name(stranger, "other", bob)

    look_again(two_men)

    assert set(people_in(two_men)) == {here, stranger}
    assert set(faces_of(stranger).values_list("state", "reason")) == {("rejected", "someone_else")}
    assert faces_of(here).filter(state="kept").exists()
    Person.objects.filter(id=stranger.id).update(erase_at=timezone.now() - timedelta(seconds=1))
    erase_others_when_due()
    assert not faces_of(stranger).filter(offset__gte=0).exists()


def test_what_was_decided_of_single_faces_holds_again(franck, bob, vault, look_again):
    person = person_in(franck)
    name(person, "subject", bob)
    kept = list(faces_of(person).filter(state="kept").values_list("id", "row"))
    rejected = list(faces_of(person).filter(state="rejected").values_list("id", "row"))
    decide(vault, [kept[0][0]], False, bob)
    decide(vault, [rejected[0][0]], True, bob)

    for _ in range(2):
        look_again(franck)

        by_hand = dict(faces_of(person).filter(by_hand=True).values_list("row", "state"))
        assert by_hand == {kept[0][1]: "rejected", rejected[0][1]: "kept"}


def test_what_was_decided_of_faces_that_are_not_the_subjects_any_more_is_forgotten(franck, bob, vault, look_again):
    person = person_in(franck)
    name(person, "subject", bob)
    decide(vault, [faces_of(person).filter(state="kept").first().id], False, bob)
    name(person, "unsure", bob)

    look_again(franck)

    assert set(faces_of(person).values_list("state", "by_hand")) == {("pending", False)}


def test_what_was_looked_at_again_since_cannot_be_taken_back(franck, two_men, bob, vault, look_again):
    person = Person.objects.get(tracks__segment__footage=franck, tracks__faces__row=0, tracks__number=0)
    name(person, "subject", bob)
    face = Face.objects.filter(track__segment__footage=franck, state="kept").first()
    decide(vault, [face.id], False, bob)
    assert last_change(vault, bob) is not None

    look_again(franck)

    assert last_change(vault, bob) is None
    with pytest.raises(NotAllowed, match="looked at again since"):
        undo(vault, bob)


def test_whom_no_footage_shows_any_more_cannot_be_taken_back(franck, bob, vault):
    person = person_in(franck)
    name(person, "unsure", bob)
    person.delete()
    assert last_change(vault, bob) is None


def test_naming_can_be_taken_back_after_another_look(franck, bob, vault, look_again):
    person = person_in(franck)
    name(person, "subject", bob)
    look_again(franck)

    undo(vault, bob)

    assert person_in(franck).who == "unknown"
    assert set(faces_of(person).values_list("state", flat=True)) == {"pending"}
