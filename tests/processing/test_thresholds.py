"""A family moves the bounds; its faces are judged again by what was measured of them."""

import pytest

from acquisition.services import remove_footage
from processing import judging
from processing.engine.filtering import Thresholds
from processing.judging import set_thresholds, thresholds_of
from processing.models import Face, Judging
from processing.people import decide
from tests.processing import clips
from tests.processing.conftest import faces_of, name, person_in
from twinvault.audit.models import Entry
from twinvault.custody import objects
from twinvault.custody.models import StoredObject
from twinvault.jobs.models import Job
from twinvault.vaults.services import NotAllowed

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(franck, bob):
    seen = person_in(franck)
    name(seen, "subject", bob)
    return seen


def kept(person) -> set[int]:
    return set(faces_of(person).filter(state="kept").values_list("id", flat=True))


def test_the_usual_bounds_hold_until_somebody_moves_one(vault, bob):
    assert thresholds_of(vault) == Thresholds()
    assert set_thresholds(vault, {"min_size": 60}, bob) == thresholds_of(vault) == Thresholds(min_size=60)
    assert Judging.objects.get().thresholds == {"min_size": 60}
    assert set_thresholds(vault, {"min_size": None}, bob) == Thresholds()


def test_faces_are_judged_again_by_a_new_bound_and_come_back_with_the_old_one(person, vault, bob):
    before = kept(person)

    set_thresholds(vault, {"min_size": 400}, bob)
    assert not kept(person)
    assert set(faces_of(person).values_list("reason", flat=True)) == {"too_small"}

    set_thresholds(vault, {"min_size": None}, bob)
    assert kept(person) == before


def test_what_was_decided_by_hand_stays_whatever_the_bounds(person, vault, bob):
    wanted, unwanted = sorted(kept(person))[:2]
    decide(vault, [wanted], True, bob)
    decide(vault, [unwanted], False, bob)

    set_thresholds(vault, {"min_size": 400}, bob)

    assert kept(person) == {wanted}
    assert Face.objects.get(id=unwanted).reason == "by_hand"


def test_no_footage_is_read_and_no_picture_or_measure_written_for_it(person, franck, vault, bob, monkeypatch):
    sources = {franck.content_id, *franck.segments.values_list("pack_id", flat=True)}
    measures = set(franck.segments.values_list("descriptors_id", flat=True))
    before = set(StoredObject.objects.values_list("id", flat=True))
    opened = []
    read = objects.open_object
    monkeypatch.setattr(objects, "open_object", lambda stored, *more: opened.append(stored.id) or read(stored, *more))

    set_thresholds(vault, {"min_size": 400}, bob)

    assert measures <= set(opened) and not sources & set(opened)
    written = StoredObject.objects.exclude(id__in=before)
    assert [stored.id for stored in written] == [vault.subject.life_stages.first().dataset.count_id]
    assert set(franck.segments.values_list("descriptors_id", flat=True)) == measures
    assert not Job.objects.filter(kind="analyse_footage", state__in=["queued", "running"]).exists()


@pytest.mark.parametrize("changes", [{"min_size": 5000}, {"beauty": 1}, {"max_yaw": "wide"}, {"min_size": float("inf")}])
def test_nonsense_is_refused_and_changes_nothing(person, vault, bob, changes):
    before = kept(person)
    with pytest.raises(NotAllowed, match=r"\.$"):
        set_thresholds(vault, {"max_pitch": 20} | changes, bob)
    assert thresholds_of(vault) == Thresholds() and kept(person) == before


def test_the_record_tells_numbers_only_and_nothing_where_nothing_changed(vault, bob):
    set_thresholds(vault, {"min_size": Thresholds().min_size}, bob)
    assert not Entry.objects.filter(verb="thresholds changed").exists()
    set_thresholds(vault, {"min_size": 60}, bob)
    assert Entry.objects.get(verb="thresholds changed").details == {"min_size": 60}


def test_many_faces_are_judged_by_a_worker(person, vault, stage, bob, monkeypatch):
    monkeypatch.setattr(judging, "AT_ONCE", 3)
    before = kept(person)
    set_thresholds(vault, {"min_size": 400}, bob)
    assert kept(person) == before
    assert Job.objects.get(kind="judge_faces").target_id == stage.id


def test_removed_footage_makes_room_for_what_looked_like_it(franck, person, look_at, bob):
    copy = look_at(clips.film([*clips.pictures("franck", 0, 48), clips.pictures("franck", 0, 1)[0]]), "copy.mp4")
    name(person_in(copy), "subject", bob)

    def kept_in(footage) -> int:
        return Face.objects.filter(track__segment__footage=footage, state="kept").count()

    least, most = sorted((franck, copy), key=kept_in)
    before = kept_in(least)

    remove_footage(most, by=bob)

    assert kept_in(least) > before
