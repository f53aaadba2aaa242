"""Looking for faces in footage: what the vault holds afterwards."""

import numpy as np
import pytest
import skimage.data
from django.core.files.storage import storages

from acquisition.models import Footage
from acquisition.services import remove_footage
from processing.engine.pack import decode_crop, load_descriptors
from processing.looking import analyse_footage
from processing.models import Analysis, Face, Person, Segment
from processing.services import request_analysis
from tests.processing import clips
from tests.processing.conftest import faces_of, name, people_in, person_in, run
from twinvault.audit.models import Entry
from twinvault.custody import objects
from twinvault.custody.models import StoredObject
from twinvault.jobs.services import JobStopped, claim, stop
from twinvault.vaults.consents import withdraw_consent
from worker.work import Work

pytestmark = pytest.mark.django_db


def test_one_man_in_a_film_is_one_person_whose_faces_wait(franck):
    assert (franck.state, franck.kind, franck.width, franck.height) == ("processed", "video", 360, 288)
    assert franck.seconds == pytest.approx(2.0, abs=0.05)
    person = person_in(franck)
    assert (person.who, person.proposed) == ("unknown", False)
    # two seconds, looked at as closely as he moves
    assert 24 > faces_of(person).count() == franck.analysis.frames_seen >= 5
    assert set(faces_of(person).values_list("state", flat=True)) == {"pending"}
    assert Entry.objects.filter(verb="footage analysed", vault_id=franck.vault_id).count() == 1


def test_a_film_that_was_cut_off_is_used_as_far_as_it_goes_and_says_so(look_at):
    whole = clips.film(clips.pictures("franck", 0, 96), container_format="matroska")

    footage = look_at(whole[: len(whole) // 2], "party.mkv")

    assert footage.state == "processed" and footage.analysis.frames_seen >= 4
    assert footage.note.startswith("Only the first ") and "of 4 seconds of party.mkv could be read" in footage.note


def test_a_whole_film_needs_no_note(franck):
    assert franck.note == ""


def test_every_face_has_its_crop_in_the_pack_and_its_row_in_the_table(franck):
    table = load_descriptors(objects.read(franck.segments.get().descriptors))
    faces = list(Face.objects.filter(track__segment__footage=franck))
    assert sorted(face.row for face in faces) == list(range(len(table)))
    for face in faces[::6]:
        crop = decode_crop(objects.read_range(franck.segments.get().pack, face.offset, face.length))
        assert crop.shape == (192, 192, 3)


def test_nothing_that_shows_a_face_rests_in_the_clear(franck, settings):
    crop = objects.read_range(franck.segments.get().pack, 0, 400)
    for path in settings.DATA_DIR.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert crop[100:200] not in content
            # how a film and how a picture begin: long enough not to occur by chance in what is encrypted
            assert b"ftypisom" not in content and b"\xff\xd8\xff\xe0\x00\x10JFIF" not in content


def test_two_men_beside_each_other_are_two_people_and_nobody_is_kept(two_men):
    people = people_in(two_men)
    assert len(people) == 2
    assert all(faces_of(person).count() >= 4 for person in people)
    assert not Face.objects.filter(state="kept").exists()


def test_who_was_confirmed_before_is_proposed_and_the_other_is_not(franck, look_at, bob):
    name(person_in(franck), "subject", bob)

    two_men = look_at(clips.both(), "two men.mp4")

    table = load_descriptors(objects.read(two_men.segments.get().descriptors))
    on_the_left = {person.id: table.box[faces_of(person).first().row, 0] < 360 for person in people_in(two_men)}
    assert {person.id: person.proposed for person in people_in(two_men)} == on_the_left


def test_one_man_in_two_films_is_one_person(franck, two_men):
    assert person_in(franck) in people_in(two_men)
    assert Person.objects.count() == 2


def test_new_footage_of_a_known_subject_is_proposed_at_once(franck, bob, look_at):
    name(person_in(franck), "subject", bob)
    later = look_at(clips.franck(1.5, first=2400), "later.mp4")
    assert [person.proposed for person in people_in(later)] == [True]
    assert set(Face.objects.filter(track__segment__footage=later).values_list("state", flat=True)) == {"pending"}


def test_a_second_look_takes_the_place_of_the_first(franck, bob, django_capture_on_commit_callbacks):
    before = franck.segments.get()
    old_objects = [before.pack, before.descriptors]

    with django_capture_on_commit_callbacks(execute=True):
        run(request_analysis(franck, bob))

    assert Segment.objects.get(footage=franck).id != before.id
    assert Face.objects.count() == Face.objects.filter(track__segment__footage=franck).count() > 0
    for old in old_objects:
        assert not StoredObject.objects.filter(id=old.id).exists()
        assert not storages["ciphertext"].exists(old.name)


def test_a_picture_of_no_one_is_refused_with_what_to_do(add, bob):
    footage = add(clips.nobody(), "coins.jpg")

    job = run(request_analysis(footage, bob))

    footage.refresh_from_db()
    assert footage.state == "refused"
    assert footage.refusal == job.error
    assert job.state == "failed"
    assert job.error.startswith("No face was found in coins.jpg: choose footage")
    # the sentence names the file, and the record holds no content
    assert Entry.objects.get(verb="footage refused").details == {"reason": "no face"}
    assert not Analysis.objects.exists() and not StoredObject.objects.filter(kind="pack").exists()


@pytest.mark.parametrize(
    ("filename", "content", "word"),
    [
        ("notes.mp4", b"Dear diary, this is no film.\n" * 200, "neither a film nor a picture"),
        ("cut.mp4", clips.franck()[:600], ""),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(add, bob, filename, content, word):
    footage = add(content, filename)

    job = run(request_analysis(footage, bob))

    footage.refresh_from_db()
    assert footage.state == "refused"
    assert word in footage.refusal and footage.refusal == job.error
    assert Entry.objects.get(verb="footage refused").details == {"reason": "unreadable"}
    assert "Traceback" not in job.error and job.cause


def test_a_sideways_phone_video_is_seen_upright(look_at):
    upright = clips.pictures("franck", 0, 36)
    lying = clips.film([np.rot90(image) for image in upright], turn=-90)

    footage = look_at(lying, "phone.mp4")

    assert (footage.width, footage.height) == (360, 288)
    table = load_descriptors(objects.read(footage.segments.get().descriptors))
    assert np.abs(table.roll).max() < 30


def test_a_large_photograph_gives_one_face(look_at):
    large = np.kron(skimage.data.astronaut()[:400], np.ones((9, 9, 1), np.uint8))
    footage = look_at(clips.still(large), "astronaut.jpg")
    assert (footage.kind, footage.width, footage.height) == ("image", 4608, 3600)
    assert Face.objects.filter(track__segment__footage=footage).count() == 1


def test_without_a_consent_in_force_nothing_is_looked_at(add, bob, alice, vault):
    footage = add(clips.franck(), "franck.mp4")
    withdraw_consent(vault.subject.consents.get(), by=alice)

    job = run(request_analysis(footage, bob))

    footage.refresh_from_db()
    assert (job.state, footage.state) == ("failed", "waiting")
    assert job.error.startswith("There is no consent in force for Franck")
    assert not Analysis.objects.exists()


def test_a_job_that_is_stopped_leaves_nothing_behind(add, bob):
    footage = add(clips.franck(), "franck.mp4")
    held = claim(request_analysis(footage, bob).id, worker="this test")
    stop(held)

    with pytest.raises(JobStopped):
        analyse_footage(footage.id, Work(held))

    assert not Analysis.objects.exists()
    assert not StoredObject.objects.filter(kind__in=["pack", "descriptors"]).exists()


def test_footage_that_is_gone_is_said_to_be_gone(vault, bob, add):
    footage = add(clips.nobody(), "coins.jpg")
    job = request_analysis(footage, bob)
    Footage.objects.filter(id=footage.id).delete()
    assert "removed" in run(job).error


def test_removing_footage_erases_what_was_seen_in_it(franck, alice, bob, vault, django_capture_on_commit_callbacks):
    name(person_in(franck), "subject", bob)

    with django_capture_on_commit_callbacks(execute=True):
        remove_footage(franck, by=alice)

    assert not Face.objects.exists()
    assert set(StoredObject.objects.filter(keyring=vault.keyring).values_list("kind", flat=True)) == {"statement"}
    vault.subject.refresh_from_db()
    assert vault.subject.reference is None
