"""Faces are found where they are, of any size and number, and nowhere else."""

import cv2
import numpy as np
import pytest
import skimage.data

from processing.engine import detection
from processing.engine.detection import Detection, anchor_centres, overlap, suppress
from processing.engine.mtcnn import MtcnnDetector


def centre(face: Detection) -> np.ndarray:
    return (face.box[:2] + face.box[2:]) / 2


def found_at(faces: list[Detection], x: float, y: float, within: float) -> bool:
    return any(np.linalg.norm(centre(face) - [x, y]) < within for face in faces)


# where the astronaut's face lies in her picture, by eye
FACE = (222, 115)


def test_anchors_are_as_many_as_the_networks_give_numbers():
    assert anchor_centres(128, detection.SHORT.grids).shape == (896, 2)
    assert anchor_centres(192, detection.FULL.grids).shape == (2304, 2)


def test_anchors_fill_the_picture_evenly():
    centres = anchor_centres(128, detection.SHORT.grids)

    assert np.allclose(centres.mean(axis=0), 0.5)
    assert centres.min() == pytest.approx(4 / 128)
    assert centres.max() == pytest.approx(1 - 4 / 128)


def test_overlap_is_one_with_itself_and_none_apart():
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]], np.float32)

    shared = overlap(boxes, boxes)

    assert np.allclose(np.diag(shared), 1)
    assert np.allclose(shared, shared.T)
    assert shared[0, 1] == pytest.approx(1 / 3)
    assert shared[0, 2] == 0


def test_detections_of_one_face_become_one():
    def at(x: float, score: float) -> Detection:
        return Detection(np.array([x, 0, x + 10, 10], np.float32), score, np.zeros((6, 2), np.float32))

    merged = suppress([at(0, 0.9), at(1, 0.8), at(50, 0.7)])

    assert [face.score for face in merged] == [0.9, 0.7]
    assert 0 < merged[0].box[0] < 1


def test_the_astronaut_has_one_face_with_eyes_nose_and_mouth_in_it(astronaut, detector):
    (face,) = detector.detect(astronaut)

    assert found_at([face], *FACE, within=15)
    left_eye, right_eye, nose, mouth = face.keypoints[:4]
    assert left_eye[0] < nose[0] < right_eye[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < mouth[1]
    assert (face.keypoints[:4] > face.box[:2]).all()
    assert (face.keypoints[:4] < face.box[2:]).all()


def test_a_picture_of_no_one_has_no_face(detector):
    assert detector.detect(skimage.data.coffee()) == []
    assert detector.detect(np.zeros((240, 320, 3), np.uint8), thorough=True) == []


@pytest.mark.parametrize("shape", [(1, 1), (16, 16), (2, 900), (1200, 8)])
def test_the_smallest_and_the_narrowest_pictures_are_searched_in_vain(detector, shape):
    assert detector.detect(np.full((*shape, 3), 90, np.uint8), thorough=True) == []


def test_two_people_are_two_faces(talking, other_man, detector):
    side_by_side = np.hstack([talking[0][:288], other_man])

    faces = detector.detect(side_by_side)

    assert len(faces) == 2
    assert sorted(centre(face)[0] > 400 for face in faces) == [False, True]


def test_moving_the_picture_moves_the_detection(astronaut, detector):
    moved = cv2.copyMakeBorder(astronaut, 0, 128, 128, 0, cv2.BORDER_CONSTANT)

    before, after = detector.detect(astronaut)[0], detector.detect(moved)[0]

    assert np.allclose(centre(after) - centre(before), [128, 0], atol=5)


def test_a_small_face_in_a_large_picture_is_found_by_a_thorough_search(astronaut, detector):
    wide = np.full((1080, 1920, 3), 120, np.uint8)
    wide[700:860, 1500:1660] = cv2.resize(astronaut, (160, 160), interpolation=cv2.INTER_AREA)

    faces = detector.detect(wide, thorough=True)

    assert found_at(faces, 1500 + FACE[0] * 160 / 512, 700 + FACE[1] * 160 / 512, within=10)


def test_a_twenty_megapixel_picture_is_searched_whole(astronaut, detector):
    large = cv2.resize(astronaut, (4500, 4500), interpolation=cv2.INTER_LINEAR)

    faces = detector.detect(large, thorough=True)

    assert found_at(faces, FACE[0] * 4500 / 512, FACE[1] * 4500 / 512, within=140)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_picture_on_its_side_is_found_by_a_thorough_search(astronaut, detector, turns):
    turned = np.ascontiguousarray(np.rot90(astronaut, turns))
    spot = np.zeros((512, 512), bool)
    spot[FACE[1], FACE[0]] = True
    y, x = np.argwhere(np.rot90(spot, turns))[0]

    faces = detector.detect(turned, thorough=True)

    assert found_at(faces, x, y, within=20)


def test_mtcnn_finds_the_same_face(astronaut):
    faces = MtcnnDetector().detect(astronaut)

    assert found_at(faces, *FACE, within=20)
    assert faces[0].keypoints.shape == (6, 2)
    assert faces[0].keypoints[0, 0] < faces[0].keypoints[1, 0]


def test_mtcnn_finds_nobody_in_a_cup_of_coffee():
    assert MtcnnDetector().detect(skimage.data.coffee()) == []


def test_the_search_of_a_key_frame_finds_a_small_face_and_gives_mtcnns_box_for_it(astronaut, detector):
    wide = np.full((720, 1280, 3), 120, np.uint8)
    wide[400:560, 900:1060] = cv2.resize(astronaut, (160, 160), interpolation=cv2.INTER_AREA)

    (face,) = detector.search(wide)

    assert face.exact
    assert found_at([face], 900 + FACE[0] * 160 / 512, 400 + FACE[1] * 160 / 512, within=10)


def test_a_face_that_has_moved_on_is_found_near_where_it_was(astronaut, detector):
    (face,) = detector.search(astronaut)
    size = float((face.box[2:] - face.box[:2]).max())

    beside = detector.search_near(astronaut, face.box + np.float32(0.7 * size))
    elsewhere = detector.search_near(astronaut, face.box + np.float32([2.7 * size, 2.7 * size] * 2))

    assert found_at(beside, *FACE, within=20)
    assert not found_at(elsewhere, *FACE, within=60)


def test_without_mtcnn_nothing_is_exact(astronaut):
    plain = detection.FaceDetector(use_mtcnn=False)

    assert [face.exact for face in plain.search(astronaut)] == [False]
    assert plain.search_near(astronaut, np.array([180, 60, 270, 170], np.float32)) == []


def test_a_large_picture_is_shrunk_to_whole_parts_without_moving_its_faces(astronaut, detector):
    # 1543 is no multiple of anything: the last rows and columns are left out, and nothing else may change
    large = cv2.resize(astronaut, (1543, 1543), interpolation=cv2.INTER_AREA)

    (small_face,), (large_face,) = detector.detect(astronaut), detector.detect(large)

    assert np.allclose(large_face.box * 512 / 1543, small_face.box, atol=4)


def test_what_mtcnn_and_the_quick_detector_both_see_is_agreed_on(astronaut, detector):
    wide = np.full((720, 1280, 3), 120, np.uint8)
    # too small for the quick one
    wide[400:490, 900:990] = cv2.resize(astronaut[20:230, 120:330], (90, 90), interpolation=cv2.INTER_AREA)

    (near_by,), (far,) = detector.search(astronaut), detector.search(wide)

    assert near_by.exact and near_by.agreed
    assert far.exact and not far.agreed


def test_a_face_in_the_dark_is_found_in_a_brightened_copy(astronaut, detector):
    room = np.full((360, 640, 3), 120.0)
    room[80:280, 220:420] = cv2.resize(astronaut, (200, 200), interpolation=cv2.INTER_AREA)
    dark = np.clip(0.08 * room + np.random.default_rng(0).normal(3, 0.6, room.shape), 0, 255).astype(np.uint8)
    where = 220 + FACE[0] * 200 / 512, 80 + FACE[1] * 200 / 512
    assert not MtcnnDetector().detect(dark)

    (face,) = [face for face in detector.search(dark) if face.exact]

    assert found_at([face], *where, within=10)
    assert found_at(detector.search_near(dark, face.box), *where, within=10)


def test_a_picture_between_black_bars_is_not_dark(astronaut):
    between = np.zeros((512, 2000, 3), np.uint8)
    between[:, 744:1256] = astronaut

    assert not detection.is_dark(between)
    assert not detection.is_dark(np.zeros((40, 40, 3), np.uint8))
    assert detection.is_dark(between // 8)
