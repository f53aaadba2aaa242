"""Expression and shape come from the mesh alone, from whichever side it is seen."""

import numpy as np
import pytest

from processing.engine.canonical import canonical_face
from processing.engine.expression import expression, shape
from processing.engine.pose import head
from tests.processing import clips
from tests.processing.engine.test_descriptors import seen_from

BROWS = [70, 63, 105, 66, 107, 46, 53, 52, 65, 55]


def acted(change, *pose) -> np.ndarray:
    """The canonical face with its points moved by `change`, centimetres, seen from a side."""
    points = seen_from(*pose)
    plain = seen_from()
    moved = canonical_face().points.copy()
    change(moved)
    linear, *_ = np.linalg.lstsq(plain - plain.mean(axis=0), points - points.mean(axis=0), rcond=None)
    picture = moved * np.array([10, -10, -10]) + np.array([300, 200, 0])
    return ((picture - plain.mean(axis=0)) @ linear + points.mean(axis=0)).astype(np.float32)


def smiling(points: np.ndarray) -> None:
    points[61] += [-0.8, 0.3, -0.2]
    points[291] += [0.8, 0.3, -0.2]


def shouting(points: np.ndarray) -> None:
    points[[61, 291], 1] -= 1.2
    points[61, 0] -= 0.8
    points[291, 0] += 0.8


def brows_moved(by: float):
    def change(points: np.ndarray) -> None:
        points[BROWS + [int(canonical_face().mirror[point]) for point in BROWS], 1] += by

    return change


@pytest.mark.parametrize("pose", [(0, 0, 0), (35, 0, 0), (-30, 10, 0), (0, -20, 15), (10, 15, -40)])
def test_a_smile_is_a_smile_from_every_side(pose):
    assert expression(head(acted(smiling, *pose)).points).smile > 0.8
    assert expression(head(acted(lambda points: None, *pose)).points).smile < 0.1
    assert expression(head(acted(shouting, *pose)).points).smile < 0.2


@pytest.mark.parametrize("pose", [(0, 0, 0), (35, 0, 0), (0, -20, 15)])
def test_brows_go_up_and_down(pose):
    lowered, resting, raised = (expression(head(acted(brows_moved(by), *pose)).points).brows for by in (-0.5, 0, 0.5))

    assert lowered < -0.4
    assert abs(resting) < 0.35
    assert raised > 0.6


def test_a_head_turned_back_is_the_canonical_face():
    for pose in ((0, 0, 0), (40, 0, 0), (-20, 15, 30)):
        seen = head(seen_from(*pose))

        assert np.allclose(seen.points, canonical_face().points, atol=0.02)


@pytest.mark.parametrize("pose", [(30, 0, 0), (0, 20, 0), (-20, 10, 45)])
@pytest.mark.parametrize("scale", [0.3, 2.0])
def test_the_shape_of_a_face_does_not_depend_on_where_it_is_seen_from(pose, scale):
    assert vars(shape(seen_from(*pose) * scale)) == pytest.approx(vars(shape(seen_from())), rel=1e-3)


def test_a_mirrored_face_has_the_same_shape_and_expression(astronaut, face_points, mirrored):
    _, points = mirrored(astronaut, face_points)

    assert vars(shape(points)) == pytest.approx(vars(shape(face_points)), rel=1e-3)
    assert vars(expression(head(points).points)) == pytest.approx(vars(expression(head(face_points).points)), abs=0.02)


def test_an_open_mouth_does_not_make_the_face_longer():
    def opened(points: np.ndarray) -> None:
        points[[14, 17, 152, 200, 18], 1] -= 2

    assert shape(acted(opened)).face == pytest.approx(shape(seen_from()).face, rel=0.01)


def test_the_shape_tells_people_apart_more_than_frames(detector, mesh):
    def shapes(name: str) -> np.ndarray:
        found = []
        for picture in clips.pictures(name, 0, 40)[::8]:
            seen = mesh.landmarks(picture, detector.detect(picture)[0]).points
            found.append(list(vars(shape(seen)).values())[:4])
        return np.array(found)

    one, other = shapes("franck")[1:], shapes("cap13_edit2")[1:]

    assert np.abs(one.mean(axis=0) - other.mean(axis=0)).max() > 2 * max(one.std(axis=0).max(), other.std(axis=0).max())


def test_people_who_smile_are_seen_smiling(face_points, other_man, detector, mesh):
    calm = mesh.landmarks(other_man, detector.detect(other_man)[0]).points

    assert expression(head(face_points).points).smile > 0.8
    assert expression(head(calm).points).smile < 0.5
