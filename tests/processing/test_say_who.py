"""Saying who somebody is: what is kept, what is erased, what can be taken back."""

import io
from datetime import timedelta

import numpy as np
import pytest
from django.core.files.storage import storages
from django.utils import timezone

from processing.engine.filtering import Reason
from processing.engine.pack import decode_crop, load_descriptors
from processing.erasure import erase_others, erase_others_when_due
from processing.models import Face, Person, Segment
from processing.people import merge, say_who, split, undo
from processing.recognition import index_of, reference
from processing.services import request_analysis
from tests.processing import clips
from tests.processing.conftest import faces_of, name, people_in, person_in, run
from twinvault.audit.models import Entry
from twinvault.audit.verify import findings
from twinvault.custody import objects
from twinvault.custody.models import StoredObject
from twinvault.safe import services as safe
from twinvault.vaults.consents import withdraw_consent
from twinvault.vaults.models import Subject
from twinvault.vaults.services import NotAllowed, open_vault

pytestmark = pytest.mark.django_db


@pytest.fixture
def subject(vault):
    return vault.subject


def states(person: Person) -> set[tuple[str, str]]:
    return set(faces_of(person).values_list("state", "reason"))


def crop_of(face_id: int) -> np.ndarray:
    face = Face.objects.get(id=face_id)
    return decode_crop(objects.read_range(face.track.segment.pack, face.offset, face.length))


@pytest.fixture
def copy(look_at):
    """A copy with another last frame is another file with the same faces."""
    content = clips.film([*clips.pictures("franck", 0, 48), clips.pictures("franck", 0, 1)[0]])
    return lambda stage=None: look_at(content, "copy.mp4", stage)


def test_the_subject_s_faces_are_kept_or_rejected_for_a_reason(franck, bob):
    person = person_in(franck)

    name(person, "subject", bob)

    assert person.who == "subject"
    kept = faces_of(person).filter(state="kept")
    assert kept.count() >= 5
    assert set(kept.values_list("reason", flat=True)) == {""}
    rejected = set(faces_of(person).filter(state="rejected").values_list("reason", flat=True))
    assert rejected <= {reason.value for reason in Reason if reason}
    assert not faces_of(person).filter(state="pending").exists()
    entry = Entry.objects.get(verb="people confirmed as subject")
    assert (entry.actor, entry.details) == (bob, {"people": 1, "kept": kept.count()})
    assert findings() == []


def test_the_subject_is_known_by_the_confirmed_tracks_encrypted(franck, bob, subject):
    name(person_in(franck), "subject", bob)

    subject.refresh_from_db()
    known = reference(subject)
    assert known.means.dtype == np.float32 and known.means.shape[1] == 128 and len(known) >= 1
    assert subject.reference.kind == "reference"
    assert known.means.tobytes()[:64] not in (storages["ciphertext"].open(subject.reference.name).read())


def test_an_index_that_is_lost_or_of_an_older_kind_is_made_anew(two_men, subject):
    before = index_of(subject).tracks
    content = io.BytesIO()
    np.save(content, np.zeros((3, 128), np.float32))
    older = objects.store(subject.vault.keyring, "reference", content.getvalue())

    for stored in (None, older):
        Subject.objects.update(reference=stored)
        anew = index_of(subject).tracks
        assert anew.keys() == before.keys()
        assert all(np.allclose(anew[track].embedding, mean.embedding, atol=1e-6) for track, mean in before.items())
        assert all(anew[track].looks == mean.looks > 0 for track, mean in before.items())


def test_the_same_footage_again_adds_next_to_nothing(franck, bob, copy):
    name(person_in(franck), "subject", bob)
    kept = Face.objects.filter(state="kept").count()

    name(person_in(copy()), "subject", bob)

    assert Face.objects.filter(state="kept").count() <= kept + 2
    assert Face.objects.filter(reason="near_duplicate").count() >= 0.8 * kept


def test_near_duplicates_are_counted_for_each_life_stage_by_itself(franck, bob, copy, vault):
    name(person_in(franck), "subject", bob)
    senior = copy(vault.subject.life_stages.get(name="senior"))

    name(person_in(senior), "subject", bob)

    assert Face.objects.filter(track__segment__footage=senior, state="kept").count() >= 5


def test_someone_else_waits_for_erasure_and_can_be_taken_back(two_men, bob, vault):
    stranger = people_in(two_men)[1]

    name(stranger, "other", bob)

    assert states(stranger) == {("rejected", "someone_else")}
    assert stranger.erase_at > timezone.now() and faces_of(stranger).filter(offset__gte=0).exists()
    assert undo(vault, bob).deed == "1 person said to be someone else"
    stranger.refresh_from_db()
    assert (stranger.who, stranger.erase_at) == ("unknown", None)
    assert states(stranger) == {("pending", "")}


def test_someone_else_is_erased_and_the_rest_stays_as_it_was(two_men, bob, vault, subject, django_capture_on_commit_callbacks):
    here, stranger = people_in(two_men)
    before = {face.id: crop_of(face.id) for face in faces_of(here).all()[:3]}
    old = two_men.segments.select_related("pack", "descriptors").get()
    measures = load_descriptors(objects.read(old.descriptors))
    name(stranger, "other", bob)

    with django_capture_on_commit_callbacks(execute=True):
        assert erase_others(vault, bob) == 1

    assert states(stranger) == {("rejected", "someone_else")}
    assert set(faces_of(stranger).values_list("offset", "length", "mask_length")) == {(-1, 0, 0)}
    segment = two_men.segments.get()
    assert segment.pack.size == sum(map(sum, faces_of(here).values_list("length", "mask_length")))
    for face_id, picture in before.items():
        assert np.array_equal(crop_of(face_id), picture)
    table = load_descriptors(objects.read(segment.descriptors))
    gone, staying = (list(faces_of(person).values_list("row", flat=True)) for person in (stranger, here))
    for column in ("landmarks", "embedding", "box", "matrix", "yaw", "red"):
        assert np.isnan(getattr(table, column)[gone]).all()
    assert not table.dhash[gone].any()
    assert np.array_equal(table.landmarks[staying], measures.landmarks[staying])
    for stored in (old.pack, old.descriptors):
        assert not StoredObject.objects.filter(id=stored.id).exists()
        assert not storages["ciphertext"].exists(stored.name)
    subject.refresh_from_db()
    assert index_of(subject).tracks.keys() == set(here.tracks.values_list("id", flat=True))
    assert Entry.objects.get(verb="pictures of other people erased").details == {"people": 1}


def test_who_was_erased_is_asked_about_anew_when_they_are_seen_again(two_men, bob, vault):
    here, stranger = people_in(two_men)
    name(here, "subject", bob)
    name(stranger, "other", bob)
    erase_others(vault, bob)

    run(request_analysis(two_men, bob))

    (anew,) = set(people_in(two_men)) - {here}
    assert anew != stranger and anew.who == "unknown"
    assert states(anew) == {("pending", "")}


def test_someone_else_is_erased_by_the_clock_and_not_before(two_men, bob, vault):
    stranger = people_in(two_men)[1]
    name(stranger, "other", bob)

    erase_others_when_due()
    assert faces_of(stranger).filter(offset__gte=0).exists()

    Person.objects.filter(id=stranger.id).update(erase_at=timezone.now() - timedelta(seconds=1))
    erase_others_when_due()
    assert not faces_of(stranger).filter(offset__gte=0).exists()
    assert Entry.objects.get(verb="pictures of other people erased").actor is None


def test_someone_else_is_erased_before_the_safe_is_sealed(two_men, bob, alice, vault):
    stranger = people_in(two_men)[1]
    name(stranger, "other", bob)
    safe.set_password(vault, "correct horse battery staple", by=alice)

    safe.seal(vault, by=alice, password="correct horse battery staple")

    stranger.refresh_from_db()
    assert stranger.erased_at is not None and not faces_of(stranger).filter(offset__gte=0).exists()


def test_after_someone_else_is_erased_the_subject_can_still_be_confirmed(two_men, bob, vault):
    here, stranger = people_in(two_men)
    name(stranger, "other", bob)
    erase_others(vault, bob)

    name(here, "subject", bob)

    assert faces_of(here).filter(state="kept").exists()
    assert all(crop_of(face.id).shape == (192, 192, 3) for face in faces_of(here).all())


def test_the_subject_can_be_taken_back(franck, bob, subject):
    person = person_in(franck)
    name(person, "subject", bob)

    name(person, "unknown", bob)

    assert states(person) == {("pending", "")}
    subject.refresh_from_db()
    assert not len(reference(subject))


def test_what_was_erased_cannot_be_taken_back(two_men, bob, vault):
    stranger = people_in(two_men)[1]
    name(stranger, "other", bob)
    erase_others(vault, bob)
    for answer in ("subject", "unknown", "unsure"):
        with pytest.raises(NotAllowed, match="were erased"):
            name(stranger, answer, bob)
    with pytest.raises(NotAllowed, match="cannot be taken back"):
        undo(vault, bob)


def test_saying_the_same_twice_changes_nothing(franck, bob, alice):
    person = person_in(franck)
    name(person, "subject", bob)
    kept = faces_of(person).filter(state="kept").count()

    name(person, "subject", alice)

    assert faces_of(person).filter(state="kept").count() == kept
    assert Entry.objects.filter(verb="people confirmed as subject").count() == 1


def test_who_was_named_keeps_the_name_when_the_footage_is_looked_at_again(franck, bob):
    person = person_in(franck)
    name(person, "subject", bob)
    kept = faces_of(person).filter(state="kept").count()
    before = set(person.tracks.values_list("id", flat=True))

    run(request_analysis(franck, bob))

    assert person_in(franck) == person
    assert not before & set(person.tracks.values_list("id", flat=True))
    assert faces_of(person).filter(state="kept").count() == kept


def test_an_answer_about_somebody_who_is_not_there_any_more_is_refused(franck, bob, vault):
    person = person_in(franck)
    Segment.objects.filter(footage=franck).delete()
    Person.objects.all().delete()
    with pytest.raises(NotAllowed, match="load the page anew"):
        say_who(vault, [person.id], "subject", bob)


def test_nobody_is_confirmed_without_a_consent(franck, bob, alice, subject):
    withdraw_consent(subject.consents.get(), by=alice)
    person = person_in(franck)
    with pytest.raises(NotAllowed, match="no consent in force"):
        name(person, "subject", bob)
    assert states(person) == {("pending", "")}


def test_who_is_uncertain_waits_and_is_not_proposed_again(franck, bob, look_at):
    name(person_in(franck), "subject", bob)
    later = person_in(look_at(clips.franck(1.5, first=2400), "later.mp4"))
    assert later.proposed

    name(later, "unsure", bob)

    more = person_in(look_at(clips.franck(1.5, first=3600), "more.mp4"))
    # what looks like somebody uncertain joins them
    assert more == later and (more.who, more.proposed) == ("unsure", False)
    assert states(more) == {("pending", "")}


def test_many_are_named_at_once_and_taken_back_at_once(two_men, bob, vault):
    both = people_in(two_men)

    say_who(vault, [person.id for person in both], "subject", bob)
    assert all(faces_of(person).filter(state="kept").exists() for person in both)

    undo(vault, bob)
    assert [states(person) for person in both] == [{("pending", "")}] * 2
    with pytest.raises(NotAllowed, match="nothing to take back"):
        undo(vault, bob)


def test_two_that_are_one_are_put_together_and_taken_apart_again(two_men, bob, vault):
    first, second = people_in(two_men)
    tracks = {person.id: set(person.tracks.values_list("id", flat=True)) for person in (first, second)}

    together = merge(vault, [first.id, second.id], bob)
    assert set(together.tracks.values_list("id", flat=True)) == tracks[first.id] | tracks[second.id]
    assert Person.objects.count() == 1

    undo(vault, bob)
    assert {person.id: set(person.tracks.values_list("id", flat=True)) for person in Person.objects.all()} == tracks


def test_a_person_who_is_two_is_taken_apart(two_men, bob, vault):
    first, second = people_in(two_men)
    moving = list(second.tracks.values_list("id", flat=True))
    together = merge(vault, [first.id, second.id], bob)
    name(together, "subject", bob)

    apart = split(vault, moving, bob)

    assert set(apart.tracks.values_list("id", flat=True)) == set(moving)
    assert (apart.who, states(apart)) == ("unknown", {("pending", "")})
    assert faces_of(together).filter(state="kept").exists()
    with pytest.raises(NotAllowed, match="all the scenes"):
        split(vault, moving, bob)


def test_the_subject_and_someone_else_are_not_put_together(two_men, bob, vault):
    first, second = people_in(two_men)
    name(first, "subject", bob)
    name(second, "other", bob)
    with pytest.raises(NotAllowed, match="say first who they are"):
        merge(vault, [first.id, second.id], bob)
    with pytest.raises(NotAllowed, match="two or more"):
        merge(vault, [first.id], bob)


def test_people_of_another_vault_are_not_there(franck, bob, alice):
    other = open_vault(alice, name="Other", subject_name="Olga", born=1950, stages=["adult"])
    with pytest.raises(NotAllowed, match="load the page anew"):
        say_who(other, [person_in(franck).id], "subject", alice)
