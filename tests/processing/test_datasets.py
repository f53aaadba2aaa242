"""Confirmed faces as arrays for learning."""

import io
import json
from dataclasses import asdict

import numpy as np
import pytest

from processing import counting, datasets, queries, scenes, tables
from processing.engine import coverage
from processing.engine.categories import CONDITIONS, condition_of
from processing.engine.corrections import NONE, Corrections
from processing.engine.corrections import apply as correct
from processing.engine.pack import load_descriptors
from processing.engine.segmentation import encode_mask
from processing.judging import judge_now, set_thresholds
from processing.models import Dataset, Face
from processing.people import decide, say_who
from tests.processing import clips
from tests.processing.conftest import name, person_in, run
from twinvault.custody import objects
from twinvault.custody.models import SOURCE_KINDS, StoredObject
from twinvault.jobs.models import Job
from twinvault.safe import services as safe

pytestmark = pytest.mark.django_db


def test_a_life_stage_gives_its_kept_faces_in_the_order_they_were_seen(franck, bob, stage, look_at):
    later = look_at(clips.franck(1.5, first=2400), "later.mp4")
    for footage in (franck, later):
        name(person_in(footage), "subject", bob)

    faces = datasets.face_set(stage)

    kept = len(datasets.dataset(stage))
    assert 10 <= kept <= queries.kept_faces(stage).count()
    assert faces.images.shape == (kept, 192, 192, 3) and faces.images.dtype == np.uint8
    assert faces.masks.shape == (kept, 192, 192)
    assert faces.landmarks.shape == (kept, 468, 2) and faces.landmarks.dtype == np.float32
    gaps = np.diff(faces.moments)
    assert (gaps > 0).all() and (gaps >= datasets.APART).sum() == 1


def test_masks_and_landmarks_lie_on_the_faces(franck, bob, stage):
    name(person_in(franck), "subject", bob)

    faces = datasets.face_set(stage)

    for mask, points in zip(faces.masks, faces.landmarks, strict=True):
        nose = points[4].round().astype(int)
        assert mask[nose[1], nose[0]] == 255
        assert 0.1 < (mask > 127).mean() < 0.7


def test_nothing_is_learned_from_before_somebody_says_who_it_is(franck, stage):
    assert len(datasets.face_set(stage)) == 0
    assert datasets.subject_embeddings(stage).shape == (0, 128)


def test_embeddings_of_the_subject_are_near_each_other(franck, bob, stage, look_at):
    for footage in (franck, look_at(clips.franck(1.5, first=2400), "later.mp4")):
        name(person_in(footage), "subject", bob)
    known = datasets.subject_embeddings(stage)
    assert len(known) >= 2 and np.isfinite(known).all()
    assert np.linalg.norm(known - known.mean(axis=0), axis=1).max() < 0.5


def test_too_few_faces_are_refused_with_what_to_do(franck, bob, stage, vault):
    with pytest.raises(datasets.NotEnoughFaces, match=r"There are 0 faces of Franck .* and 60 are needed. Add footage"):
        datasets.require_enough(stage)
    name(person_in(franck), "subject", bob)
    assert queries.kept_faces(stage).exists()


def test_faces_that_wait_are_pointed_at_when_they_would_be_enough(franck, stage, monkeypatch):
    monkeypatch.setattr(datasets, "MINIMUM_FACES", 5)
    with pytest.raises(datasets.NotEnoughFaces, match="wait until somebody says"):
        datasets.require_enough(stage)


def test_enough_faces_are_counted(franck, bob, stage, monkeypatch):
    monkeypatch.setattr(datasets, "MINIMUM_FACES", 5)
    name(person_in(franck), "subject", bob)
    assert datasets.require_enough(stage) == queries.kept_faces(stage).count()


@pytest.fixture
def named(franck, bob):
    """Two seconds of the subject that may be learned from."""
    name(person_in(franck), "subject", bob)
    return franck


def rewrite(footage, **columns) -> None:
    """Writes the measures of one piece of footage anew, as if it had looked otherwise; None takes a column away."""
    segment = footage.segments.get()
    table = load_descriptors(objects.read(segment.descriptors))
    made = {field: getattr(table, field) for field in table.__dataclass_fields__}
    made |= {field: np.full(len(table), value, np.float32) for field, value in columns.items() if value is not None}
    target = io.BytesIO()
    np.savez_compressed(target, **{field: column for field, column in made.items() if columns.get(field, 0) is not None})
    segment.descriptors = objects.store(footage.vault.keyring, "descriptors", target.getvalue())
    segment.save()


def ids_of(chosen) -> list[int]:
    return chosen.faces.ids.tolist()


def test_a_budget_chooses_the_same_faces_each_time_and_holds_some_back(named, stage):
    kept = queries.kept_faces(stage).count()
    some = datasets.dataset(stage, budget=kept // 2)
    assert len(some) <= kept // 2 and 0 < some.held_out.sum() < len(some) / 2
    assert ids_of(some) == ids_of(datasets.dataset(stage, budget=kept // 2))
    assert set(ids_of(some)) <= set(queries.kept_faces(stage).values_list("id", flat=True))


def test_shots_of_two_films_are_two_shots_though_both_are_number_0(named, stage, look_at, bob):
    for number, first in enumerate((200, 900, 1500)):
        name(person_in(look_at(clips.franck(1.0, first=first), f"{number}.mp4")), "subject", bob)

    faces = datasets.dataset(stage).faces

    assert len(set(faces.scenes.tolist())) == len(faces.segments) == 4 and set(faces.shots.tolist()) == {0}


def test_a_shot_keeps_its_name_when_more_footage_comes_and_no_other_has_it(named, stage, look_at, bob):
    def names():
        kept = tables.seen(queries.kept_faces(stage))
        return dict(zip(kept.ids.tolist(), kept.shot_names.tolist(), strict=True))

    before = names()
    name(person_in(look_at(clips.franck(1.0, first=900), "more.mp4")), "subject", bob)

    after = names()

    assert before.items() <= after.items() and len(set(before.values())) == 1 and len(set(after.values())) == 2


def test_a_condition_has_its_own_faces(named, stage, look_at, bob):
    warm = look_at(clips.franck(1.0, first=900), "lamp.mp4")
    name(person_in(warm), "subject", bob)
    rewrite(warm, lab_b=25.0, lightness=50.0)
    rewrite(named, lab_b=0.0, lightness=50.0)

    of_lamp, of_day = datasets.dataset(stage, "warm"), datasets.dataset(stage, "neutral")

    def learned(of_light):
        return {segment.footage_id for segment in of_light.faces.take(~of_light.held_out).segments}

    assert learned(of_lamp) <= {warm.id} and learned(of_day) <= {named.id} and (learned(of_lamp) or learned(of_day))
    whole = datasets.dataset(stage)
    for of_light in (of_lamp, of_day):
        tried = set(of_light.faces.take(of_light.held_out).ids.tolist())
        assert tried and tried <= set(whole.faces.take(whole.held_out).ids.tolist()), "what all light is tried on, too"
    assert len(datasets.face_set(stage, "warm")) == len(of_lamp) > 0
    assert len(datasets.dataset(stage, "cool_dark")) == 0


def test_faces_whose_light_is_not_known_are_in_no_condition_but_in_the_whole(named, stage):
    rewrite(named, lab_b=None, light_azimuth=None)
    assert len(datasets.dataset(stage)) > 0
    assert all(len(datasets.dataset(stage, condition.name)) == 0 for condition in CONDITIONS)
    judge_now(stage)
    assert counting.counted(stage).old == [str(named.id)]


def test_pictures_are_corrected_in_the_copy_and_stay_as_they_are_in_the_vault(named, stage):
    segment = named.segments.get()
    before = objects.read(segment.pack)
    plain = datasets.face_set(stage, corrected=False)
    helps = Corrections(red=0.8, blue=1.3, exposure=1.2)
    measured = scenes.corrections_of(stage, tables.seen(queries.kept_faces(stage)))
    assert measured == {(segment.id, 0): NONE}
    written = json.loads(objects.read(stage.dataset.corrections))
    written[0][3] = asdict(helps)
    counting.keep(stage, "corrections", json.dumps(written).encode())

    faces = datasets.face_set(stage)

    np.testing.assert_array_equal(faces.images, np.stack([correct(image, helps) for image in plain.images]))
    assert objects.read(segment.pack) == before


def test_a_warm_scene_is_measured_and_only_new_scenes_are_measured_later(look_at, named, stage, bob, monkeypatch):
    scenes.corrections_of(stage, tables.seen(queries.kept_faces(stage)))
    lamp = look_at(clips.film([clips.lamplight(image) for image in clips.pictures("franck", 900, 24)]), "lamp.mp4")
    name(person_in(lamp), "subject", bob)
    calls = []
    measure = scenes.measure
    monkeypatch.setattr(scenes, "measure", lambda crops, table: calls.append(len(crops)) or measure(crops, table))

    run(Job.objects.filter(kind=scenes.MEASURE, state="queued").latest("created_at"))

    assert len(calls) == 1
    (help_,) = scenes.helps(stage)
    assert (help_.label, help_.why, help_.films) == ("White balance", "warm light, as of a lamp", 1)
    assert help_.face.track.segment.footage_id == lamp.id
    run(Job.objects.create(kind=scenes.MEASURE, target_id=stage.id, queue="cpu", title="again", vault=stage.subject.vault))
    assert len(calls) == 1


def test_the_masks_of_the_person_come_where_they_are_asked_for(named, stage):
    assert datasets.face_set(stage).persons is None
    persons = datasets.face_set(stage, with_persons=True).persons
    assert persons[:, 96, 96].min() > 200 and persons.min() == 0, "as stored when it was looked at"
    Face.objects.update(mask_length=0)
    segment = named.segments.get()
    mask = np.zeros((96, 96), np.uint8)
    mask[:48] = 255
    data, added = objects.read(segment.pack), encode_mask(mask)
    face = queries.kept_faces(stage).first()
    Face.objects.filter(id=face.id).update(offset=len(data), mask_length=len(added))
    crop = data[face.offset : face.offset + face.length]
    segment.pack = objects.store(named.vault.keyring, "pack", data + crop + added)
    segment.save()

    faces = datasets.face_set(stage, with_persons=True)

    place = ids_of(datasets.dataset(stage)).index(face.id)
    assert faces.persons[place, :90].min() == 255 and faces.persons[place, 102:].max() == 0
    others = np.arange(len(faces)) != place
    assert faces.persons[others].min() == 255


def test_what_was_counted_is_kept_encrypted_with_the_sources(named, stage):
    dataset = stage.dataset
    assert dataset.count.kind in SOURCE_KINDS
    found = counting.counted(stage)
    assert found.kept == queries.kept_faces(stage).count() == found.coverage.faces
    assert found.learned + found.held_out == len(datasets.dataset(stage))
    assert sum(found.conditions.values()) == found.kept
    assert counting.Counted.load(found.dump()).dump() == found.dump()


def test_counting_again_leaves_one_object_and_nothing_where_no_face_is_left(named, stage, vault, bob):
    before = StoredObject.objects.count()
    set_thresholds(vault, {"min_size": 400}, bob)
    assert StoredObject.objects.count() == before and counting.counted(stage).kept == 0
    say_who(vault, [person_in(named).id], "unsure", bob)
    assert not Dataset.objects.exists() and StoredObject.objects.count() == before - 1


def test_what_is_wanted_is_what_the_kept_faces_lack(named, stage):
    lack = datasets.wanted(stage)
    assert lack.shape == (9, 5) and lack.dtype == np.float32 and lack[0, 0] == 1.0 and lack.min() < 1.0
    assert datasets.wanted(stage.subject.life_stages.last()) is None


def test_no_near_duplicates_are_left_over_two_films_and_after_each_judging(named, stage, vault, look_at, bob):
    again = look_at(clips.film(clips.pictures("franck", 0, 48), rate=25), "copy.mp4")
    name(person_in(again), "subject", bob)
    assert Face.objects.filter(track__segment__footage=again, reason="near_duplicate").exists()
    assert datasets.duplicates_left(stage) == 0
    set_thresholds(vault, {"duplicate_shape": 0.006, "duplicate_bits": 8}, bob)
    assert datasets.duplicates_left(stage) == 0
    set_thresholds(vault, {"duplicate_shape": 0.001}, bob)
    assert datasets.duplicates_left(stage) == 0


def test_pairs_that_a_person_wants_both_of_are_not_counted_and_others_give_way_to_each(named, stage, vault, bob):
    set_thresholds(vault, {"duplicate_shape": 0.02, "duplicate_bits": 32}, bob)
    alike = list(Face.objects.filter(track__person__who="subject").order_by("row").values_list("id", flat=True)[:2])

    decide(vault, alike, True, bob)

    assert set(alike) <= set(queries.kept_faces(stage).values_list("id", flat=True))
    assert datasets.duplicates_left(stage) == 0


def test_a_wanted_face_that_is_not_good_enough_still_displaces_those_that_look_like_it(named, stage, vault, look_at, bob):
    again = look_at(clips.film(clips.pictures("franck", 0, 48), rate=25), "copy.mp4")
    name(person_in(again), "subject", bob)
    rewrite(again, size=20.0)
    judge_now(stage)
    copies = Face.objects.filter(track__segment__footage=again)
    assert set(copies.values_list("reason", flat=True)) == {"too_small"}
    before = queries.kept_faces(stage).count()

    decide(vault, copies.values_list("id", flat=True), True, bob)

    assert queries.kept_faces(stage).filter(track__segment__footage=named).count() < before
    assert datasets.duplicates_left(stage) == 0


def test_too_few_faces_of_a_light_are_refused_with_the_number_that_is_missing(named, stage, monkeypatch):
    light = CONDITIONS[int(condition_of(tables.joined(tables.seen(queries.kept_faces(stage))))[0])]
    count = counting.counted(stage).conditions[light.name]
    with pytest.raises(
        datasets.NotEnoughFaces, match=rf"{count} faces of Franck in {light.label} .*: {392 - count} more\. Add a clip"
    ):
        datasets.require_enough(stage, light.name)
    monkeypatch.setattr(coverage, "FACES_FOR_OWN_MODEL", 5)
    assert datasets.require_enough(stage, light.name) == count


def test_a_safe_can_be_sealed_while_pictures_wait_to_be_measured(named, vault, stage, alice):
    (job,) = Job.objects.filter(kind=scenes.MEASURE, state="queued")
    safe.set_password(vault, "a long secondary password", by=alice)
    safe.seal(vault, by=alice, password="a long secondary password")
    assert run(job).state == "done" and Dataset.objects.get(life_stage=stage).corrections is None
