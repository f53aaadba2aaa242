"""Saying who somebody is: what is kept, what is erased, what can be taken back."""

import numpy as np
import pytest
from django.core.files.storage import storages

from processing.engine.filtering import Reason
from processing.engine.pack import decode_crop, load_descriptors
from processing.models import Face, Person
from processing.recognition import reference
from processing.services import request_analysis, say_who
from tests.processing import clips
from tests.processing.conftest import run
from twinvault.audit.models import Entry
from twinvault.audit.verify import findings
from twinvault.custody import objects
from twinvault.custody.models import StoredObject
from twinvault.vaults.services import NotAllowed, withdraw_consent

pytestmark = pytest.mark.django_db


@pytest.fixture
def subject(vault):
    return vault.subject


def states(person: Person) -> set[tuple[str, str]]:
    return set(person.faces.values_list("state", "reason"))


def crop_of(face_id: int) -> np.ndarray:
    face = Face.objects.get(id=face_id)
    return decode_crop(objects.read_range(face.person.analysis.pack, face.offset, face.length))


def test_the_subject_s_faces_are_kept_or_rejected_for_a_reason(franck, bob, subject):
    person = franck.analysis.people.get()

    say_who(person, "subject", bob)

    assert person.who == "subject"
    kept = person.faces.filter(state="kept")
    assert kept.count() >= 5
    assert set(kept.values_list("reason", flat=True)) == {""}
    rejected = set(person.faces.filter(state="rejected").values_list("reason", flat=True))
    assert rejected <= {reason.value for reason in Reason if reason}
    assert not person.faces.filter(state="pending").exists()
    entry = Entry.objects.get(verb="person confirmed as subject")
    assert (entry.actor, entry.details["kept"]) == (bob, kept.count())
    assert findings() == []


def test_the_subject_is_known_by_the_kept_faces_encrypted(franck, bob, subject):
    say_who(franck.analysis.people.get(), "subject", bob)

    subject.refresh_from_db()
    known = reference(subject)
    assert known.dtype == np.float32 and known.shape[1] == 128 and len(known) >= 2
    assert subject.reference.kind == "reference"
    assert known.tobytes()[:64] not in (storages["ciphertext"].open(subject.reference.name).read())


def test_the_same_footage_again_is_all_near_duplicates(franck, bob, look_at):
    say_who(franck.analysis.people.get(), "subject", bob)
    # a copy with another last frame is another file with the same faces
    copy = look_at(clips.film([*clips.pictures("franck", 0, 48), clips.pictures("franck", 0, 1)[0]]), "copy.mp4")

    person = copy.analysis.people.get()
    say_who(person, "subject", bob)

    repeated = person.faces.filter(reason="near_duplicate").count()
    assert repeated >= 0.8 * person.faces.count()
    assert franck.analysis.people.get().faces.filter(state="kept").exists()


def test_near_duplicates_are_counted_for_each_life_stage_by_itself(franck, bob, look_at, vault):
    say_who(franck.analysis.people.get(), "subject", bob)
    senior = vault.subject.life_stages.get(name="senior")
    copy = look_at(clips.film([*clips.pictures("franck", 0, 48), clips.pictures("franck", 0, 1)[0]]), "copy.mp4", senior)

    say_who(copy.analysis.people.get(), "subject", bob)

    assert Face.objects.filter(person__analysis=copy.analysis, state="kept").count() >= 5


def test_someone_else_is_erased_and_the_rest_stays_as_it_was(two_men, bob, django_capture_on_commit_callbacks):
    here, stranger = two_men.analysis.people.all()
    before = {face.id: crop_of(face.id) for face in here.faces.all()[:3]}
    measures = load_descriptors(objects.read(two_men.analysis.descriptors))
    old = [two_men.analysis.pack, two_men.analysis.descriptors]

    with django_capture_on_commit_callbacks(execute=True):
        say_who(stranger, "other", bob)

    assert states(stranger) == {("rejected", "someone_else")}
    assert set(stranger.faces.values_list("offset", "length")) == {(-1, 0)}
    analysis = type(two_men.analysis).objects.get(id=two_men.analysis.id)
    assert analysis.pack.size == sum(here.faces.values_list("length", flat=True))
    for face_id, picture in before.items():
        assert np.array_equal(crop_of(face_id), picture)
    table = load_descriptors(objects.read(analysis.descriptors))
    gone, staying = (list(person.faces.values_list("row", flat=True)) for person in (stranger, here))
    for column in ("landmarks", "embedding", "box", "matrix", "yaw", "red"):
        assert np.isnan(getattr(table, column)[gone]).all()
    assert not table.dhash[gone].any()
    assert np.array_equal(table.landmarks[staying], measures.landmarks[staying])
    for stored in old:
        assert not StoredObject.objects.filter(id=stored.id).exists()
        assert not storages["ciphertext"].exists(stored.name)


def test_after_someone_else_is_erased_the_subject_can_still_be_confirmed(two_men, bob):
    here, stranger = two_men.analysis.people.all()
    say_who(stranger, "other", bob)
    here.refresh_from_db()

    say_who(here, "subject", bob)

    assert here.faces.filter(state="kept").exists()
    assert all(crop_of(face.id).shape == (192, 192, 3) for face in here.faces.all())


def test_the_subject_can_be_taken_back(franck, bob, subject):
    person = franck.analysis.people.get()
    say_who(person, "subject", bob)

    say_who(person, "unknown", bob)

    assert person.who == "unknown"
    assert states(person) == {("pending", "")}
    subject.refresh_from_db()
    assert subject.reference is None
    assert not StoredObject.objects.filter(kind="reference").exists()


def test_what_was_erased_cannot_be_taken_back(two_men, bob):
    stranger = two_men.analysis.people.last()
    say_who(stranger, "other", bob)
    for answer in ("subject", "unknown"):
        with pytest.raises(NotAllowed, match="were erased"):
            say_who(stranger, answer, bob)


def test_a_subject_who_was_someone_else_after_all_is_forgotten(franck, bob, subject):
    person = franck.analysis.people.get()
    say_who(person, "subject", bob)

    say_who(person, "other", bob)

    assert states(person) == {("rejected", "someone_else")}
    subject.refresh_from_db()
    assert subject.reference is None


def test_saying_the_same_twice_changes_nothing(franck, bob, alice):
    person = franck.analysis.people.get()
    say_who(person, "subject", bob)
    kept = person.faces.filter(state="kept").count()

    say_who(person, "subject", alice)

    assert person.faces.filter(state="kept").count() == kept
    assert Entry.objects.filter(verb="person confirmed as subject").count() == 1


def test_an_answer_on_footage_that_was_looked_at_again_is_refused(franck, bob):
    person = franck.analysis.people.get()
    run(request_analysis(franck, bob))
    with pytest.raises(NotAllowed, match="load the page anew"):
        say_who(person, "unknown", bob)


def test_nobody_is_confirmed_without_a_consent(franck, bob, alice, subject):
    withdraw_consent(subject.consents.get(), by=alice)
    person = franck.analysis.people.get()
    with pytest.raises(NotAllowed, match="no consent in force"):
        say_who(person, "subject", bob)
    assert states(person) == {("pending", "")}
