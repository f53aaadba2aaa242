"""The faces chosen are the most different ones, and what is tried on is chosen apart from what is learned from."""

from dataclasses import replace

import numpy as np
import pytest

from processing.engine.analysis import AnalysisSettings, analyse
from processing.engine.holding import name_shot
from processing.engine.pack import tabulate
from processing.engine.selection import choose, farthest, features, pick, quality, without_gaps
from tests.processing.engine.faces import drawn_table


@pytest.fixture(scope="module")
def table(talking, make_film):
    return tabulate(analyse(make_film(talking), AnalysisSettings(every_frame=True, max_embeddings=4, use_mtcnn=False)))


def repeated(table, count, **columns):
    """A table of `count` rows, with other values in some columns."""
    changed = {name: np.asarray(values, dtype=np.float32) for name, values in columns.items()}
    return replace(table.rows(np.arange(count) % len(table)), **changed)


def alike(table, count, **columns):
    """The same face `count` times but for some columns."""
    changed = {name: np.asarray(values, dtype=np.float32) for name, values in columns.items()}
    return replace(table.rows(np.zeros(count, dtype=int)), **changed)


def named(shots):
    return np.array([name_shot(number) for number in shots.tolist()], np.uint64)


def reach(points, chosen):
    """How far the point that is worst off is from the nearest chosen one."""
    return np.linalg.norm(points[:, None] - points[chosen][None], axis=-1).min(axis=1).max()


@pytest.mark.parametrize("budget", [1, 2, 7, 20])
def test_no_other_choice_covers_more_than_twice_as_well(budget):
    random = np.random.default_rng(budget)
    points = (random.random((120, 5)) ** 3 * 10).astype(np.float32)

    ours = reach(points, farthest(points, budget))

    others = min(reach(points, random.choice(120, budget, replace=False)) for _ in range(300))
    assert ours <= 2 * others


def test_each_next_point_is_the_farthest_from_those_before():
    points = np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32)

    chosen = farthest(points, 80, first=5)

    assert chosen[0] == 5
    assert sorted(chosen) == list(range(80))
    for place in range(1, 80):
        apart = np.linalg.norm(points[:, None] - points[chosen[:place]][None], axis=-1).min(axis=1)
        assert apart[chosen[place]] == pytest.approx(apart.max(), abs=1e-3)


def test_equal_points_are_all_taken_once():
    assert sorted(farthest(np.ones((6, 2), np.float32), 10)) == list(range(6))


def test_a_smaller_budget_is_the_beginning_of_a_larger_one(table):
    assert choose(table, 30)[:10].tolist() == choose(table, 10).tolist()
    assert len(set(choose(table, 1000).tolist())) == len(table)


def test_nothing_is_chosen_of_nothing(table):
    assert choose(table.rows([]), 5).tolist() == []
    assert choose(table, 0).tolist() == []
    assert features(table.rows([])).shape == (0, features(table).shape[1])


def test_the_first_face_looks_at_the_camera(table):
    turned = repeated(table, 50, yaw=np.linspace(-60, 60, 50), pitch=np.full(50, 3.0))

    assert abs(turned.yaw[choose(turned, 1)[0]]) < 15


@pytest.mark.parametrize(
    ("column", "usual", "rare"),
    [
        ("yaw", 0.0, -50.0),
        ("pitch", 0.0, 30.0),
        ("mouth_open", 0.0, 0.8),
        ("smile", 0.0, 1.0),
        ("eyes_closed", 0.0, 1.0),
        ("brows", 0.0, 1.0),
        ("lightness", 60.0, 25.0),
        ("lab_b", 0.0, 35.0),
        ("light_azimuth", -70.0, 70.0),
    ],
)
def test_the_one_face_that_differs_is_among_the_first(table, column, usual, rare):
    values = np.full(200, usual)
    values[137] = rare
    faces = alike(table, 200, **{column: values, "light_strength": np.full(200, 0.6)})

    assert 137 in choose(faces, 2).tolist()


def test_a_look_that_only_the_identity_network_tells_apart_counts(table):
    other = np.tile(np.full(128, 0.05, np.float32), (100, 1))
    other[61] += 0.05
    faces = replace(alike(table, 100), embedding=other)

    assert 61 in choose(faces, 2).tolist()


def test_of_equal_looks_the_better_picture_is_chosen(table):
    sharpness = np.full(40, 0.22)
    sharpness[9] = 0.6

    assert choose(alike(table, 40, sharpness=sharpness), 1).tolist() == [9]
    worse = quality(alike(table, 40, sharpness=sharpness, noise=np.full(40, 6.0)))
    assert (worse <= quality(alike(table, 40, sharpness=sharpness))).all()


def test_a_choice_covers_the_poses_better_than_the_first_faces_seen(table):
    random = np.random.default_rng(2)
    # mostly from the front, as families film
    faces = repeated(table, 600, yaw=random.normal(0, 12, 600), pitch=random.normal(0, 8, 600))
    points = features(faces)

    assert reach(points, choose(faces, 60)) < 0.8 * reach(points, np.arange(60))


def test_faces_without_an_embedding_stand_where_their_track_does(table):
    embedding = np.full((4, 128), np.nan, np.float32)
    embedding[0], embedding[2] = 0.1, 0.2
    faces = replace(alike(table, 4), embedding=embedding, track=np.array([1, 1, 2, 3], np.int32))

    points = features(faces)

    assert np.isfinite(points).all()
    assert np.array_equal(points[0], points[1])
    assert np.linalg.norm(points[3] - points[0]) == pytest.approx(np.linalg.norm(points[3] - points[2]), rel=1e-4)
    assert np.isfinite(features(replace(faces, embedding=np.full((4, 128), np.nan, np.float32)))).all()


def test_what_is_picked_is_within_the_budget_the_same_each_time_and_no_shot_is_in_both_parts():
    yaw = np.random.default_rng(1).uniform(-60, 60, 400).astype(np.float32)
    table = drawn_table(400, yaw=yaw, time=np.arange(400) % 10 / 6)
    shots = named(np.arange(400) // 10)

    rows, held = pick(table, shots, 150)
    again, held_again = pick(table, shots, 150)

    assert 0 < held.sum() <= 15 and len(rows) == 150 and (np.diff(rows) > 0).all()
    assert not set(shots[rows[held]]) & set(shots[rows[~held]])
    assert rows.tolist() == again.tolist() and held.tolist() == held_again.tolist()


def test_faces_whose_measures_are_not_known_are_picked_too():
    brows = np.where(np.arange(40) < 20, np.nan, 0.5).astype(np.float32)
    table = drawn_table(40, smile=np.full(40, np.nan, np.float32), brows=brows)

    rows, _ = pick(table, named(np.arange(40) // 4), 30)

    assert len(rows) == 30 and {row < 20 for row in rows.tolist()} == {True, False}
    assert without_gaps(table).smile.tolist() == [0.0] * 40 and set(without_gaps(table).brows.tolist()) == {0.5}


def test_of_one_light_the_same_is_held_back_as_of_all_and_where_nothing_is_any_light_does():
    table, shots = drawn_table(600), named(np.arange(600) // 10)
    rows, held = pick(table, shots, 600)
    of_all = set(rows[held].tolist())
    right = np.arange(600) % 2 == 0

    some, held_of_some = pick(table, shots, 600, right)
    none, held_of_none = pick(table, shots, 600, right & ~np.isin(np.arange(600), rows[held]))

    assert set(some[held_of_some].tolist()) == {row for row in of_all if right[row]}
    assert right[some].all()
    assert set(none[held_of_none].tolist()) == of_all
    assert right[none[~held_of_none]].all()
