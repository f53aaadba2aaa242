"""What is there is counted where it belongs, and what is lacking is asked for, most useful first."""

from dataclasses import replace

import numpy as np
import pytest

from processing.engine.analysis import AnalysisSettings, analyse
from processing.engine.categories import AXES
from processing.engine.coverage import (
    FACES_FOR_OWN_MODEL,
    MOST_ADVICE,
    NEEDED,
    NEEDED_OF,
    PITCHES,
    YAWS,
    advice,
    cells,
    cover,
    wanted,
    wanted_of,
)
from processing.engine.pack import tabulate


@pytest.fixture(scope="module")
def face(talking, make_film):
    return tabulate(analyse(make_film(talking[:1]), AnalysisSettings(every_frame=True, max_embeddings=1, use_mtcnn=False)))


def faces(face, count, **columns):
    """`count` faces that differ in some columns; the others are those of a calm face from the front in even daylight."""
    plain = {"yaw": 0, "pitch": 0, "smile": 0, "mouth_open": 0, "eyes_closed": 0, "brows": 0}
    plain |= {"lab_b": 0, "lightness": 60, "light_strength": 0.1, "light_azimuth": 0, "light_elevation": 0}
    values = {name: np.broadcast_to(np.float32(value), count) for name, value in {**plain, **columns}.items()}
    return replace(face.rows(np.zeros(count, int)), **values)


def everything(face):
    """All that is needed, from ten pieces of footage."""
    grid = np.meshgrid(YAWS, PITCHES, indexing="ij")
    yaw, pitch = (np.repeat(axis.ravel(), NEEDED.ravel()) for axis in grid)
    order = np.arange(len(yaw))
    table = faces(
        face,
        len(yaw),
        yaw=yaw,
        pitch=pitch,
        mouth_open=np.where(order % 5 == 1, 0.5, 0),
        smile=np.where(order % 5 == 2, 1, 0),
        eyes_closed=np.where(order % 5 == 3, 1, 0),
        brows=np.where(order % 5 == 4, 1, 0),
        lab_b=np.where(order % 2, 0, 25),
        light_strength=0.5,
        light_azimuth=np.where(order % 3 == 0, -80, np.where(order % 3 == 1, 80, 0)),
    )
    return table, order % 10


def test_every_face_is_in_one_cell_of_the_map(face):
    random = np.random.default_rng(0)
    table = faces(face, 500, yaw=random.uniform(-90, 90, 500), pitch=random.uniform(-60, 60, 500))

    looks = cover(table, np.zeros(500, int)).looks

    assert looks.sum() == 500
    assert looks.shape == NEEDED.shape == (len(YAWS), len(PITCHES))


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (-60, -30), (45, 15), (-15, 30)])
def test_a_cell_reaches_half_its_width_to_every_side(yaw, pitch):
    row, column = cells(np.array([yaw, yaw - 7.4, yaw + 7.4]), np.array([pitch, pitch + 7.4, pitch - 7.4]))

    assert YAWS[row].tolist() == [yaw] * 3
    assert PITCHES[column].tolist() == [pitch] * 3


def test_what_lies_beyond_the_map_counts_to_its_edge():
    row, column = cells(np.array([-85.0, 85.0]), np.array([50.0, -50.0]))

    assert YAWS[row].tolist() == [-60, 60]
    assert PITCHES[column].tolist() == [30, -30]


def test_both_sides_are_needed_alike_and_the_front_most():
    assert np.array_equal(NEEDED, NEEDED[::-1])
    assert np.array_equal(NEEDED, NEEDED[:, ::-1])
    assert NEEDED.max() == NEEDED[4, 2]
    assert NEEDED.min() > 0
    assert 0.5 * NEEDED.sum() < FACES_FOR_OWN_MODEL < NEEDED.sum()


def test_what_is_counted_and_asked_for_are_categories_of_the_one_table():
    for axis, kinds in NEEDED_OF.items():
        assert set(kinds) <= {category.name for category in AXES[axis]}


def test_kinds_footage_and_years_are_counted(face):
    table = faces(face, 6, smile=[1, 1, 0, 0, 0, 0], mouth_open=[0, 0, 0.5, 0, 0, 0], lab_b=[30, 0, 0, 0, 0, -30])

    seen = cover(table, np.array([7, 7, 3, 3, 3, 9]), np.array([1968, 1968, 0, 0, 0, 1971]))

    assert seen.faces == 6
    assert seen.kinds["expression"] | {"smiling": 2, "speaking": 1, "neutral": 3} == seen.kinds["expression"]
    assert seen.kinds["ambient"] == {"warm": 1, "neutral": 4, "cool": 1}
    assert seen.footage == (3, 2, 1)
    assert seen.years == {0: 3, 1968: 2, 1971: 1}
    assert sum(seen.kinds["light"].values()) == sum(seen.kinds["brightness"].values()) == 6


def test_where_nothing_is_lacking_nothing_is_said(face):
    seen = cover(*everything(face))

    assert advice(seen) == []
    assert seen.share == 1.0
    assert wanted(seen).max() == 0
    assert all(lack == 0 for axis in NEEDED_OF for lack in wanted_of(seen, axis).values())


def test_forty_more_looking_left_are_asked_for_where_forty_lack(face):
    table, footage = everything(face)
    left = np.flatnonzero(table.yaw <= -30)
    kept = np.setdiff1d(np.arange(len(table)), left[:40])

    said = advice(cover(table.rows(kept), footage[kept]))

    assert said == ["You need 40 more faces looking left."]


@pytest.mark.parametrize(
    ("without", "sentence"),
    [
        (lambda t: t.yaw >= 30, "faces of Ida looking right."),
        (lambda t: (np.abs(t.yaw) <= 15) & (t.pitch > 0), "faces of Ida looking up."),
        (lambda t: (np.abs(t.yaw) <= 15) & (t.pitch < 0), "faces of Ida looking down."),
        (lambda t: (np.abs(t.yaw) <= 15) & (t.pitch == 0), "faces of Ida looking straight at the camera."),
        (lambda t: t.smile > 0.5, "faces of Ida smiling."),
        (lambda t: t.mouth_open > 0.2, "faces of Ida with the mouth open, as in talking or laughing."),
        (lambda t: t.eyes_closed > 0.7, "faces of Ida with the eyes closed."),
        (lambda t: t.lab_b == 0, "One clip in daylight would help."),
        (lambda t: t.light_azimuth < 0, "One clip with the light from the left would help."),
        (lambda t: t.light_azimuth > 0, "One clip with the light from the right would help."),
    ],
)
def test_what_is_missing_is_asked_for(face, without, sentence):
    table, footage = everything(face)
    kept = ~without(table)

    assert any(said.endswith(sentence) for said in advice(cover(table.rows(kept), footage[kept]), "Ida"))


def test_light_that_is_never_seen_is_asked_for(face):
    table, footage = everything(face)

    assert advice(cover(replace(table, lab_b=np.zeros_like(table.lab_b)), footage)) == [
        "One clip in the warm light of a lamp would help."
    ]
    assert advice(cover(replace(table, lightness=np.full_like(table.lightness, 20)), footage)) == [
        "One clip in good light would help."
    ]


def test_another_day_is_asked_for_where_most_is_of_one(face):
    table, footage = everything(face)

    said = advice(cover(table, np.where(footage < 8, 0, footage)))

    assert said == ["Most faces are from one scene: add another day."]


@pytest.mark.parametrize("seed", range(5))
def test_advice_is_short_and_what_follows_it_is_covered_better(face, seed):
    random = np.random.default_rng(seed)
    table, footage = everything(face)
    few = random.choice(len(table), 60, replace=False)
    seen = cover(table.rows(few), footage[few])

    said = advice(seen)

    assert 1 <= len(said) <= MOST_ADVICE
    assert len(set(said)) == len(said)
    assert cover(table.rows(np.union1d(few, np.arange(200))), footage[np.union1d(few, np.arange(200))]).share > seen.share


def test_without_a_face_there_is_one_thing_to_say(face):
    nobody = cover(face.rows([]), np.zeros(0, int))

    assert advice(nobody, "Ida") == ["Add footage in which Ida is seen from near, sharp and well lit."]
    assert wanted(nobody).min() == 1
    assert (nobody.share, nobody.footage, nobody.years) == (0.0, (), {})


def test_a_look_that_is_half_there_is_half_wanted(face):
    table = faces(face, 20, yaw=0, pitch=0)

    lack = wanted(cover(table, np.zeros(20, int)))

    assert lack.dtype == np.float32
    assert lack[4, 2] == pytest.approx(0.5)
    assert np.delete(lack.ravel(), 4 * len(PITCHES) + 2).min() == 1
    assert wanted_of(cover(table, np.zeros(20, int)), "expression")["neutral"] == pytest.approx(1 - 20 / 60)
