"""Every face is in one category of each axis, and moves with its measures."""

from dataclasses import fields, replace

import numpy as np
import pytest

from processing.engine.canonical import apply, crop_matrix, warp
from processing.engine.categories import AXES, CONDITIONS, SHOWN, UNKNOWN, Bound, categorise, condition_of, sort
from processing.engine.descriptors import HASHES, Descriptors, Measures, describe
from tests.processing import clips
from tests.processing.engine.test_light import relit

CALM = {name.name: 0.5 for name in fields(Descriptors) if name.name not in HASHES} | {
    "yaw": 0,
    "pitch": 0,
    "roll": 0,
    "size": 200,
    "noise": 1,
    "exposure": 120,
    "contrast": 30,
    "occlusion": 0,
    "red": 150,
    "green": 120,
    "blue": 110,
    "light_side": 0,
    "lightness": 60,
    "lab_a": 0,
    "lab_b": 0,
    "ita": 30,
    "light_azimuth": 0,
    "light_elevation": 10,
    "mouth_open": 0,
    "eyes_closed": 0,
    "smile": 0,
    "brows": 0,
}


def columns(**changes) -> Measures:
    """A face from the front, calm, sharp and well lit, but for these columns; as many faces as a column has rows."""
    rows = max((len(np.atleast_1d(values)) for values in changes.values()), default=1)
    known = {name: np.full(rows, value, np.float32) for name, value in CALM.items()}
    known |= {name: np.zeros(rows, np.uint64) for name in HASHES}
    return Measures(**(known | {name: np.atleast_1d(np.asarray(values, np.float32)) for name, values in changes.items()}))


def table_of(seen: list[Descriptors]) -> Measures:
    return Measures(
        **{
            field.name: np.array(
                [getattr(one, field.name) for one in seen], dtype=np.uint64 if field.name in HASHES else np.float32
            )
            for field in fields(Descriptors)
        }
    )


def names(axis: str, table: Measures) -> list[str]:
    return [AXES[axis][number].name for number in categorise(table)[axis]]


@pytest.fixture(scope="module")
def look(detector, mesh):
    def look(picture: np.ndarray) -> Descriptors:
        points = mesh.landmarks(picture, detector.detect(picture)[0]).points
        return describe(picture, points, warp(picture, crop_matrix(points), 192))

    return look


def test_every_face_is_in_exactly_one_category_of_each_axis():
    rng = np.random.default_rng(0)
    spread = {name: rng.normal(value, 60 if abs(value) > 1 or value == 0 else 1, 3000) for name, value in CALM.items()}

    for axis, numbers in categorise(columns(**spread)).items():
        assert numbers.dtype == np.int8
        assert set(np.unique(numbers)) <= set(range(len(AXES[axis])))


def test_each_category_can_be_reached():
    wide = {"yaw": 120, "pitch": 90, "lab_b": 80, "lightness": 100, "light_azimuth": 180, "light_elevation": 90, "ita": 90}
    wide |= {"size": 400, "noise": 20}
    rng = np.random.default_rng(1)
    spread = {
        name: rng.uniform(-wide.get(name, 1), wide.get(name, 1), 20000)
        for name in {bound.column for axis in AXES.values() for category in axis for bound in category.bounds}
    }
    for axis, numbers in categorise(columns(**spread)).items():
        assert set(numbers) == set(range(len(AXES[axis]))), axis
    assert set(condition_of(columns(**spread))) == set(range(len(CONDITIONS)))


@pytest.mark.parametrize(
    ("axis", "column", "values", "order"),
    [
        ("view", "yaw", (-60, -25, 0, 25, 60), ["left", "half_left", "frontal", "half_right", "right"]),
        ("view", "pitch", (-40, 0, 40), ["down", "frontal", "up"]),
        ("ambient", "lab_b", (-30, 0, 30), ["cool", "neutral", "warm"]),
        ("brightness", "lightness", (10, 60, 95), ["dark", "normal", "bright"]),
        ("light", "light_azimuth", (-70, 0, 70), ["left", "front", "right"]),
        ("light", "light_elevation", (-60, 0, 75), ["below", "front", "top"]),
        ("sharpness", "sharpness", (0.1, 0.3, 0.6), ["blurred", "soft", "sharp"]),
        ("noise", "noise", (1, 4, 12), ["clean", "grainy", "noisy"]),
        ("size", "size", (50, 120, 300), ["small", "medium", "large"]),
        ("occlusion", "occlusion", (0, 0.15, 0.5), ["free", "partly", "hidden"]),
        ("expression", "smile", (0, 1), ["neutral", "smiling"]),
        ("expression", "mouth_open", (0, 0.6), ["neutral", "speaking"]),
        ("expression", "brows", (0, 1), ["neutral", "brows_raised"]),
        ("expression", "eyes_closed", (0, 1), ["neutral", "eyes_closed"]),
        ("tone", "ita", (-60, 0, 20, 35, 50, 70), ["dark", "brown", "tan", "intermediate", "light", "very_light"]),
    ],
)
def test_categories_follow_their_measure_in_order(axis, column, values, order):
    steps = np.linspace(values[0], values[-1], 400)
    passed = names(axis, columns(**{column: steps}))

    assert names(axis, columns(**{column: values})) == order
    assert [name for at, name in enumerate(passed) if at == 0 or passed[at - 1] != name] == order


def test_a_changed_threshold_needs_the_table_alone():
    table = columns(smile=[0.3, 0.6])
    stricter = tuple(
        replace(category, bounds=(Bound("smile", over=0.2),)) if category.name == "smiling" else category
        for category in AXES["expression"]
    )

    assert names("expression", table) == ["neutral", "smiling"]
    assert [stricter[number].name for number in sort(table, stricter)] == ["smiling", "smiling"]


def test_an_erased_face_is_in_no_category():
    table = columns(**{name: [np.nan, value] for name, value in CALM.items()})

    assert all(numbers[0] == UNKNOWN and numbers[1] != UNKNOWN for numbers in categorise(table).values())
    assert condition_of(table)[0] == UNKNOWN
    assert condition_of(table)[1] != UNKNOWN


def test_an_empty_table_has_empty_categories():
    none = Measures(**{field.name: np.zeros(0, np.float32) for field in fields(Descriptors)})

    assert all(len(numbers) == 0 for numbers in categorise(none).values())
    assert len(condition_of(none)) == 0


def test_pages_say_nothing_of_the_tone_of_a_skin():
    assert set(AXES) - set(SHOWN) == {"tone"}


def test_names_are_plain_and_differ():
    for categories in (*AXES.values(), CONDITIONS):
        assert len({category.name for category in categories}) == len(categories)
        assert len({category.label for category in categories}) == len(categories)


def test_a_condition_is_the_colour_of_the_light_and_whether_there_is_enough():
    table = columns(lab_b=[30, 30, 0, 0, -30, -30], lightness=[60, 20, 60, 20, 60, 20])

    found = [CONDITIONS[number].name for number in condition_of(table)]

    assert found == ["warm", "warm_dark", "neutral", "neutral_dark", "cool", "cool_dark"]


def test_lamplight_is_warmer_than_the_studio(look):
    studio = table_of([look(picture) for picture in clips.pictures("franck", 0, 40)[::13]])
    at_a_desk = table_of([look(picture) for picture in clips.pictures("cap13_edit2", 60, 40)[::13]])

    assert set(names("ambient", studio)) == {"neutral"}
    assert set(names("ambient", at_a_desk)) == {"warm"}


def test_drawn_casts_and_darkness_move_the_categories(look):
    (picture,) = clips.pictures("franck", 0, 1)
    lamp, usual, shade, night = (look(relit(picture, gain)) for gain in ([1, 0.6, 0.25], 1, [0.5, 0.7, 1], 0.12))
    table = table_of([lamp, usual, shade, night])

    assert names("ambient", table)[:3] == ["warm", "neutral", "cool"]
    assert names("brightness", table) == ["normal", "normal", "normal", "dark"]
    assert CONDITIONS[condition_of(table)[3]].name.endswith("_dark")


def test_a_smile_is_called_one_and_a_tilt_is_no_turn(astronaut, face_points, look):
    matrix = np.array([[0.9, -0.44, 200], [0.44, 0.9, -60]], np.float32)
    picture, points = warp(astronaut, matrix, 512), apply(matrix, face_points)

    table = table_of([look(astronaut), describe(picture, points, warp(picture, crop_matrix(points), 192))])

    assert names("expression", table) == ["smiling", "smiling"]
    assert names("view", table) == ["frontal", "frontal"]
