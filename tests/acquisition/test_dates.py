"""Footage that arrives is dated, placed and, where nothing dates it, guessed; a person's word stays."""

import io
import json
from datetime import date, time
from uuid import uuid4

import pytest

from acquisition.dates import date_footage, note_when
from acquisition.dating import Precision
from acquisition.models import Footage, Sidecar
from acquisition.queries import undecided
from acquisition.services import add_footage, remove_footage
from acquisition.sidecars import SidecarRefused, keep_sidecar
from acquisition.timeline import services as timeline
from tests.acquisition.conftest import some_bytes
from tests.acquisition.dating import media
from tests.consenting import consent_in_person
from twinvault.custody.objects import open_object
from twinvault.vaults.models import LifeStage
from twinvault.vaults.services import open_vault

TAKEOUT = json.dumps({"title": "X.jpg", "photoTakenTime": {"timestamp": "1562247005"}}).encode()
EXIF_2019 = media.picture("JPEG", media.exif("2019:07:04 15:30:05"))


@pytest.fixture
def life(alice):
    """A vault with the usual stages of somebody who was born in 1940."""
    stages = ["Childhood", "Youth", "Adult years", "Later years"]
    vault = open_vault(alice, name="Grandpa", subject_name="Franck", born_on=date(1940, 6, 15), stages=stages)
    consent_in_person(vault.subject, given_by="Franck", statement="I agree.", by=alice)
    return vault


@pytest.fixture
def add(life, alice):
    """Adds footage of a name; without bytes of its own, of some that say nothing."""
    made = []

    def put(filename: str, data: bytes = b"", stage=None, **more) -> Footage:
        made.append(filename)
        data = data or some_bytes(50, len(made))
        footage = add_footage(life, stage, filename, io.BytesIO(data), by=alice, **more)
        with open_object(footage.content) as source:
            date_footage(footage, source)
            assert source.read() == data
        return footage

    return put


def state(footage: Footage) -> tuple:
    footage = Footage.objects.select_related("life_stage").get(id=footage.id)
    return footage.filmed_in_words, footage.filmed_source, footage.life_stage.name, footage.stage_source


def test_it_goes_to_the_stage_of_life_of_its_date(add):
    assert state(add("a.jpg", EXIF_2019)) == ("4 July 2019, 15:30", "exif", "Later years", "date")
    assert state(add("1950-06 holiday.mp4")) == ("June 1950", "name", "Childhood", "date")


def test_a_year_in_which_a_stage_ends_is_placed_as_a_guess(add):
    footage = add("scan 1953.jpg")

    assert state(footage) == ("1953", "name", "Youth", "guess")
    assert footage.guessed_because == "Its date is not exact enough to tell two stages of life apart."


def test_a_chosen_stage_stays_whatever_the_date_says(add, life):
    childhood = life.subject.life_stages.first()

    assert state(add("a.jpg", EXIF_2019, childhood)) == ("4 July 2019, 15:30", "exif", "Childhood", "person")


def test_before_birth_there_is_no_stage(add):
    footage = add("1935.jpg")

    assert state(footage) == ("1935", "name", "Childhood", "guess")
    assert footage.guessed_because == "Its date lies in no stage of life."


def test_tags_make_a_name_more_exact_and_do_not_contradict_it(add):
    within = media.mov(int((date(1999, 12, 24) - date(1904, 1, 1)).total_seconds()) + 3600)
    digitised = media.mov(int((date(2005, 3, 1) - date(1904, 1, 1)).total_seconds()) + 3600)

    assert state(add("Christmas 1999.mov", within))[:2] == ("24 December 1999, 01:00", "container")
    assert state(add("Christmas 1987.mov", digitised))[:2] == ("December 1987", "name")


def test_looking_again_changes_nothing(add):
    footage = add("Christmas 1987.jpg", EXIF_2019)
    before = state(footage)
    note_when(footage)

    assert before == state(footage) == ("4 July 2019, 15:30", "exif", "Later years", "date")


def test_what_nothing_dates_waits_in_the_first_stage(add, life):
    footage = add("clip.mov")

    assert state(footage) == ("", "", "Childhood", "guess")
    assert list(undecided(life)) == [footage]


def test_between_two_of_a_day_it_is_guessed_whichever_comes_first(add):
    batch = uuid4()
    first = add("IMG_0012.mov", batch=batch)
    add("IMG_0010.jpg", EXIF_2019, batch=batch)
    add("IMG_0014.jpg", media.picture("JPEG", media.exif("2019:07:04 18:00:00")), batch=batch)
    last = add("IMG_0013.mov", batch=batch)

    for footage in (first, last):
        assert state(footage) == ("4 July 2019", "guess", "Later years", "guess")
    last.refresh_from_db()
    assert last.guessed_because == "It is counted between IMG_0010.jpg and IMG_0014.jpg."


def test_a_guess_does_not_contradict_the_stage_that_was_chosen(add, life):
    batch, childhood = uuid4(), life.subject.life_stages.first()
    add("a.jpg", EXIF_2019, batch=batch)
    add("b.jpg", media.picture("JPEG", media.exif("2019:07:05 18:00:00")), batch=batch)

    assert state(add("c.jpg", stage=childhood, batch=batch)) == ("", "", "Childhood", "person")


def test_beside_footage_of_one_stage_that_stage_is_proposed(add, life):
    youth = life.subject.life_stages.get(name="Youth")
    add("a.mov", stage=youth, folder="At school")

    footage = add("b.mov", folder="At school")
    assert state(footage) == ("", "", "Youth", "guess")


def test_a_guess_goes_with_what_it_was_made_from(add, alice):
    batch = uuid4()
    block = media.exif("2019:07:04 18:00:00")
    ends = [add(f"IMG_00{number}.jpg", media.picture("JPEG", block, xmp=number), batch=batch) for number in ("10", "14")]
    footage = add("IMG_0012.mov", batch=batch)

    for end in ends:
        remove_footage(end, by=alice)
    footage.refresh_from_db()
    assert (footage.filmed_on, footage.guessed_because) == (None, "Nothing says when it was filmed.")


def test_a_persons_word_is_not_overwritten(add, life, alice):
    footage = add("a.jpg", EXIF_2019)
    timeline.set_date(life, Footage.objects.filter(id=footage.id), date(1950, 1, 1), Precision.YEAR, by=alice)
    with open_object(footage.content) as source:
        date_footage(footage, source)
    keep_sidecar(life, "a.jpg.json", io.BytesIO(TAKEOUT))

    assert state(footage) == ("1950", "person", "Childhood", "date")


# --- sidecars ---


def test_a_sidecar_dates_what_is_here(add, life):
    footage = add("X.jpg")

    assert keep_sidecar(life, "X.jpg.json", io.BytesIO(TAKEOUT)) == "X.jpg.json dates X.jpg: 4 July 2019, 13:30."
    assert state(footage) == ("4 July 2019, 13:30", "takeout", "Later years", "date")


def test_a_sidecar_waits_for_what_is_not_here_yet(add, life):
    said = keep_sidecar(life, "X.jpg.json", io.BytesIO(TAKEOUT))
    assert said == "X.jpg.json dates X.jpg: 4 July 2019, 13:30. It is not here yet; the date is kept until it comes."

    assert state(add("X.jpg"))[:2] == ("4 July 2019, 13:30", "takeout")
    assert state(add("X-edited.jpg"))[:2] == ("4 July 2019, 13:30", "takeout")


def test_the_cameras_own_clock_is_trusted_more(add, life):
    footage = add("X.jpg", EXIF_2019)

    assert "A better date is known already." in keep_sidecar(life, "X.jpg.json", io.BytesIO(TAKEOUT))
    assert state(footage)[1] == "exif"


def test_a_photo_programs_word_is_trusted_more_than_the_camera(add, life):
    footage = add("X.jpg", EXIF_2019)
    keep_sidecar(life, "X.xmp", io.BytesIO(media.XMP.format(day="1987-06").encode()))

    assert state(footage)[:2] == ("June 1987", "xmp sidecar")


def test_a_sidecar_is_of_its_own_folder(add, life):
    here, there = add("X.jpg", folder="1"), add("X.jpg", folder="2")
    keep_sidecar(life, "X.jpg.json", io.BytesIO(TAKEOUT), folder="2")

    assert (state(here)[1], state(there)[1]) == ("", "takeout")


def test_of_two_that_are_called_alike_none_is_guessed(add, life):
    first, second = add("X.jpg", batch=uuid4()), add("X.jpg", batch=uuid4())

    assert "Several pieces of footage are called so" in keep_sidecar(life, "X.jpg.json", io.BytesIO(TAKEOUT))
    assert (state(first)[1], state(second)[1]) == ("", "")
    keep_sidecar(life, "X.jpg.json", io.BytesIO(TAKEOUT), batch=second.batch)
    assert (state(first)[1], state(second)[1]) == ("", "takeout")


def test_what_is_no_sidecar_is_refused(life):
    for content in (b"{}", TAKEOUT + b" " * 2**20):
        with pytest.raises(SidecarRefused, match=r"^album\.json does not say when footage was filmed"):
            keep_sidecar(life, "album.json", io.BytesIO(content))
    assert not Sidecar.objects.exists()


def test_what_was_said_goes_with_the_last_that_it_was_said_of(add, life, alice):
    keep_sidecar(life, "X.jpg.json", io.BytesIO(TAKEOUT))
    first, second = add("X.jpg"), add("X-edited.jpg")

    remove_footage(first, by=alice)
    assert Sidecar.objects.exists()
    remove_footage(second, by=alice)
    assert not Sidecar.objects.exists()


# --- sidecars and stages by way of tus ---


def test_a_sent_sidecar_is_read_and_not_kept(sender, vault, stage, alice):
    footage = add_footage(vault, stage, "X.jpg", io.BytesIO(b"a picture"), by=alice)
    address = sender.begin(len(TAKEOUT), "X.jpg.json")
    answer = sender.patch(address, TAKEOUT, 0)

    assert answer["TwinVault-Said"] == "X.jpg.json dates X.jpg: 4 July 2019, 13:30."
    # the sender may ask again, if it lost the answer
    assert sender.head(address)["TwinVault-Said"] == answer["TwinVault-Said"]
    assert sender.head(address)["Upload-Offset"] == str(len(TAKEOUT))
    footage.refresh_from_db()
    assert (Footage.objects.count(), footage.filmed_on, footage.filmed_time) == (1, date(2019, 7, 4), time(13, 30, 5))


def test_a_json_that_is_none_is_refused_and_remembered(sender):
    address = sender.begin(2, "album.json")
    answer = sender.patch(address, b"{}", 0)

    assert (answer.status_code, sender.head(address).status_code) == (422, 422)
    assert b"does not say when footage was filmed" in answer.content
    assert not Footage.objects.exists()


def test_a_sidecar_of_many_megabytes_is_not_begun(sender):
    assert sender.announce(2**20 + 1, "X.jpg.json").status_code == 413


def test_a_file_is_sent_for_the_stage_of_its_date(sender, vault):
    LifeStage.objects.filter(subject__vault=vault, name="senior").update(from_year=2000)
    batch = uuid4()
    answer = sender.announce(len(EXIF_2019), "2019-07-04.jpg", life_stage="by-date", folder="../Sea//1", batch=batch)
    sender.patch(answer["Location"], EXIF_2019, 0)

    footage = Footage.objects.get()
    assert state(footage)[2:] == ("senior", "date")
    assert (footage.folder, footage.batch) == ("Sea/1", batch)


@pytest.mark.parametrize("metadata", [{"life_stage": "soon"}, {"batch": "mine"}])
def test_what_is_no_id_is_refused(sender, metadata):
    assert sender.announce(10, **metadata).status_code == 400
