"""From a film to its faces."""

import io
import itertools
from time import sleep

import cv2
import numpy as np
import pytest
import skimage.data
from PIL import Image as Pillow

from processing.engine.analysis import AnalysisSettings, analyse
from processing.engine.canonical import CROP_SIZE, apply
from processing.engine.decoding import Decoder
from processing.engine.identity import distance
from processing.engine.media import MediaError
from tests.processing.engine.media_kinds import encode, yuv


@pytest.fixture(scope="module")
def every_face(talking, make_film):
    """All faces of sixty frames of a talking man."""
    return list(analyse(make_film(talking), AnalysisSettings(every_frame=True)))


def still(image: np.ndarray) -> io.BytesIO:
    target = io.BytesIO()
    Pillow.fromarray(image).save(target, "JPEG", quality=95)
    return target


def test_every_frame_of_a_template_has_its_face_in_one_track(every_face):
    assert [face.frame_index for face in every_face] == list(range(60))
    assert {face.track for face in every_face} == {0}
    assert min(face.score for face in every_face) > 0.9


def test_an_observation_is_complete_and_agrees_with_itself(every_face):
    face = every_face[0]

    assert face.crop.shape == (CROP_SIZE, CROP_SIZE, 3)
    assert face.crop.dtype == np.uint8
    assert face.landmarks.shape == (468, 3)
    assert face.matrix.shape == (2, 3)
    in_crop = apply(face.matrix, face.landmarks)[:, :2]
    assert in_crop[4, 0] == pytest.approx(CROP_SIZE / 2, abs=15)
    assert (face.landmarks[:, :2] >= face.box[:2]).all()
    assert (face.landmarks[:, :2] <= face.box[2:]).all()


def test_crops_of_neighbouring_frames_lie_on_each_other(every_face):
    # a shift of the crop by one pixel, found by phase correlation, would be seen; the man himself moves by half a pixel
    shifts = []
    for before, after in itertools.pairwise(every_face):
        a, b = (cv2.cvtColor(face.crop, cv2.COLOR_RGB2GRAY).astype(np.float32)[20:150, 40:152] for face in (before, after))
        shift, _ = cv2.phaseCorrelate(a, b, cv2.createHanningWindow(a.shape[::-1], cv2.CV_32F))
        shifts.append(np.hypot(*shift))

    assert np.median(shifts) < 0.6
    assert np.percentile(shifts, 90) < 1.5


def test_a_few_faces_are_embedded_and_show_one_person(every_face):
    embedded = [face.embedding for face in every_face if face.embedding is not None]

    assert 1 <= len(embedded) <= 8
    assert max(distance(embedded[0], other) for other in embedded) < 0.6


def test_a_face_that_is_hardly_recognisable_is_embedded_at_two_moments(talking, make_film):
    blurred = [cv2.GaussianBlur(cv2.resize(frame, None, fx=0.4, fy=0.4), (0, 0), 1.2) for frame in talking[:45]]
    small = [
        np.pad(frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2], ((60, 60), (60, 60), (0, 0))) for frame in blurred
    ]

    clear, poor = (
        [face.time for face in analyse(make_film(film)) if face.embedding is not None] for film in (talking[:45], small)
    )

    assert len(clear) == 1
    assert len(poor) == 2 and abs(poor[1] - poor[0]) >= 0.3


def test_a_subject_is_looked_at_as_closely_as_it_moves(talking, make_film):
    swaying = [np.roll(talking[0], round(60 * np.sin(number / 3)), axis=1) for number in range(40)]

    moving = list(analyse(make_film(swaying)))
    still = list(analyse(make_film([talking[0]] * 40)))

    assert len(still) + 2 < len(moving) <= 20
    assert {face.track for face in [*still, *moving]} == {0}
    assert max(np.diff([face.time for face in still])) < 0.7


@pytest.mark.parametrize("crf", ["18", "23", "26", "29"])
def test_a_face_that_moves_by_half_its_width_between_two_looks_stays_one(talking, crf):
    swaying = [yuv(np.roll(talking[0], round(60 * np.sin(number / 3)), axis=1)) for number in range(40)]
    assert {face.track for face in analyse(encode(swaying, rate=25, options={"crf": crf}))} == {0}


def test_the_same_film_is_looked_at_in_the_same_way_every_time(talking, make_film):
    swaying = [np.roll(talking[0], round(60 * np.sin(number / 3)), axis=1) for number in range(40)]
    film = make_film(swaying)

    quickly = [(face.frame_index, face.track) for face in analyse(film)]
    slowly = [(face.frame_index, face.track) for face in analyse(film, progress=lambda *_: sleep(0.05))]

    assert quickly == slowly


def test_a_part_of_a_film_gives_the_faces_of_its_frames(talking, make_film):
    faces = list(analyse(make_film(talking), AnalysisSettings(every_frame=True), start=1.0, end=1.4))

    assert [face.frame_index for face in faces] == list(range(25, 35))
    assert [face.time for face in faces] == pytest.approx([number / 25 for number in range(25, 35)])


def test_one_process_decodes_several_films(talking, make_film):
    with Decoder() as decoder:
        first = list(analyse(make_film(talking[:5]), decoder=decoder))
        process = decoder.process_id
        second = list(analyse(make_film(talking[:5]), decoder=decoder))

        assert decoder.process_id == process is not None
    assert [face.frame_index for face in first] == [face.frame_index for face in second]


def test_two_people_are_two_tracks(talking, other_man, make_film):
    film = make_film([np.hstack([frame[:288], other_man]) for frame in talking[:15]])

    faces = list(analyse(film, AnalysisSettings(every_frame=True)))

    assert len(faces) == 30
    sides = {(face.track, bool(face.box[0] > 380)) for face in faces}
    assert sides == {(0, False), (1, True)} or sides == {(0, True), (1, False)}
    people = {face.track: face.embedding for face in faces if face.embedding is not None}
    assert distance(people[0], people[1]) > 0.6


def test_a_cut_to_another_person_in_the_same_place_starts_a_track(talking, other_man, make_film):
    other = cv2.resize(other_man, (400, 300))
    film = make_film(talking[:10] + [other] * 10)

    faces = list(analyse(film, AnalysisSettings(every_frame=True)))

    assert [face.track for face in faces] == [0] * 10 + [1] * 10
    assert [face.shot for face in faces] == [0] * 10 + [1] * 10


def test_a_face_that_cannot_be_read_is_given_all_the_same_but_not_trusted(talking, make_film):
    # pixels as large as an eye: a face to whoever knows faces, but none to measure
    coarse = [cv2.resize(cv2.resize(frame, (36, 27), interpolation=cv2.INTER_AREA), (400, 300)) for frame in talking[:20]]

    glimpsed = list(analyse(make_film(coarse)))
    trusted = list(analyse(make_film(coarse), AnalysisSettings(every_frame=True)))

    assert all(face.score >= AnalysisSettings().min_score for face in trusted)
    assert all(face.score <= 0.5 or face.score >= AnalysisSettings().min_score for face in glimpsed)


def test_a_still_of_twenty_megapixels_is_one_face_in_its_own_pixels(astronaut, face_points):
    large = cv2.resize(astronaut, (4500, 4500), interpolation=cv2.INTER_CUBIC)

    faces = [face for face in analyse(still(large)) if face.descriptors.size > 500]

    assert len(faces) == 1
    scale = 4500 / 512
    away = np.linalg.norm(faces[0].landmarks[:, :2] - face_points[:, :2] * scale, axis=1).mean()
    assert away < 0.03 * faces[0].descriptors.size
    assert faces[0].embedding is not None


def test_a_phone_film_that_lies_on_its_side_gives_upright_faces(talking, make_film):
    lying = [np.ascontiguousarray(np.rot90(frame, -1)) for frame in talking[:5]]

    told = list(analyse(make_film(lying, turn=90), AnalysisSettings(every_frame=True)))
    untold = list(analyse(make_film(lying), AnalysisSettings(every_frame=True)))

    assert len(told) == len(untold) == 5
    assert abs(told[0].descriptors.roll) < 10
    assert abs(untold[0].descriptors.roll) == pytest.approx(90, abs=10)
    assert np.abs(told[0].crop.astype(int) - untold[0].crop).mean() < 8


def test_a_picture_of_no_one_gives_nothing():
    assert list(analyse(still(skimage.data.coffee()))) == []


def test_progress_rises_to_the_end_and_may_stop_the_work(talking, make_film):
    film = make_film(talking[:20])
    seen: list[tuple[float, float]] = []
    list(analyse(film, AnalysisSettings(every_frame=True), lambda seconds, share: seen.append((seconds, share))))

    assert len(seen) == 20 and seen == sorted(seen)
    assert seen[-1] == pytest.approx((19 / 25, 0.95), abs=0.01)

    class Stopped(Exception):
        pass

    def stop(seconds: float, share: float) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        list(analyse(film, progress=stop))


def test_what_cannot_be_read_is_refused():
    with pytest.raises(MediaError):
        list(analyse(io.BytesIO(b"no film at all" * 50)))


def test_masks_come_with_faces_that_may_be_learned_from_unless_none_are_wanted(talking, make_film):
    tiny = [np.pad(picture[::6, ::6], ((0, 240), (0, 300), (0, 0)))[:240, :320] for picture in talking[:3]]
    (with_mask, *_) = analyse(make_film(talking[:3]))
    (without, *_) = analyse(make_film(talking[:3]), AnalysisSettings(masks=False))

    assert without.mask is None
    assert all(face.mask is None for face in analyse(make_film(tiny), AnalysisSettings(min_size=8)))
    assert with_mask.mask.dtype == np.uint8 and with_mask.mask.ndim == 2
    # his face is in the middle, a corner is wall
    middle = len(with_mask.mask) // 2
    assert with_mask.mask[middle, middle] > 200 > 100 > with_mask.mask[0, 0]
