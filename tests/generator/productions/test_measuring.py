"""Which frames of a film are looked at, and what is found on them."""

import io

import av
import numpy as np
import pytest

from generator.productions.measuring import EMBEDDED_FRAMES, STRETCH, STRETCHES, Played, Touched, choose, measure_film
from processing.engine.detection import FaceDetector
from processing.engine.media import read_frames
from processing.engine.mesh import FaceMesh
from tests.story import cut

FRAMES = 24


def test_a_long_film_is_looked_at_in_stretches_spread_over_it():
    present = np.ones(7500, bool)
    present[3000:5000] = False
    chosen = choose(present)
    assert len(chosen.stretches) == STRETCHES and {len(stretch) for stretch in chosen.stretches} == {STRETCH}
    assert all(present[list(stretch)].all() for stretch in chosen.stretches)
    assert chosen.stretches[0].start < 100 and chosen.stretches[-1].stop > 7400
    assert len(chosen.embedded) == EMBEDDED_FRAMES and all(present[number] for number in chosen.embedded)
    assert sum(chosen.needs_mask(number) for number in range(7500)) <= 120 + STRETCHES * STRETCH


def test_faces_under_captions_are_left_out_where_others_are_to_be_had():
    present, captioned = np.ones(200, bool), np.arange(200) < 150
    assert all(stretch.start >= 150 for stretch in choose(present, captioned).stretches)
    assert choose(present, np.ones(200, bool)).stretches == choose(present).stretches


def test_short_appearances_are_better_than_none_and_a_template_without_a_face_has_none():
    present = np.zeros(60, bool)
    present[[5, 20, 21, 22]] = True
    assert choose(present).stretches == (range(20, 23),)
    assert choose(np.zeros(30, bool)).stretches == () and not choose(np.zeros(30, bool)).embedded


@pytest.fixture(scope="module")
def template():
    """(frames, landmarks): a real face."""
    frames = [frame.image for frame, _ in zip(read_frames(io.BytesIO(cut("cap13_edit2", 1.6))), range(FRAMES), strict=False)]
    mesh, near = FaceMesh(), FaceDetector().detect(frames[0])[0]
    landmarks = []
    for frame in frames:
        near = mesh.landmarks(frame, near).points
        landmarks.append(near)
    return np.stack(frames), np.stack(landmarks)


def encoded(frames: np.ndarray) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as film:
        stream = film.add_stream("libx264", rate=25, options={"crf": "8", "preset": "veryfast"})
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv420p"
        for number, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts = number
            film.mux(stream.encode(picture))
        film.mux(stream.encode())
    return target.getvalue()


def measured(template, change) -> dict:
    """Of a film whose face is `change`d: a function of (frame, number)."""
    frames, landmarks = template
    touched = Touched(choose(np.ones(FRAMES, bool)))
    film = frames.copy()
    for number, points in enumerate(landmarks):
        mask = np.zeros(frames.shape[1:3], bool)
        left, top = points[:, :2].min(0).astype(int)
        right, bottom = points[:, :2].max(0).astype(int)
        mask[top:bottom, left:right] = True
        film[number] = np.where(mask[..., None], change(frames[number], number), frames[number])
        touched.add(number, mask.astype(np.uint8))
    nobody = np.zeros((0, 128), np.float32)
    clear = np.ones(frames.shape[1:3], bool)
    role = Played(landmarks, touched, subject=nobody, actor=nobody)
    common, (of_role,) = measure_film(encoded(film), lambda: iter(frames), [role], clear=clear, title=0)
    return common | of_role


def test_a_film_that_is_its_template_is_measured_as_such(template):
    same = measured(template, lambda frame, _: frame)
    assert same["film_frames"] == FRAMES and same["background_psnr_db"] > 38
    assert same["landmark_error"] < 0.015 and same["faces_lost"] == 0.0
    assert same["flicker_ratio"] == pytest.approx(1.0, abs=0.25)
    assert same["seam_gradient"] == pytest.approx(1.0, abs=0.1) and same["detail_ratio"] == pytest.approx(1.0, abs=0.1)
    assert same["swap_to_subject"] is None


def test_unrest_and_a_seam_are_found_on_the_encoded_film(template):
    bad = measured(template, lambda frame, number: (frame * (0.7 if number % 2 else 0.75)).astype(np.uint8))
    assert bad["flicker_ratio"] > 2 and bad["seam_gradient"] > 1.4


def test_a_face_that_is_no_face_any_more_is_lost(template):
    gone = measured(template, lambda frame, _: np.full_like(frame, 128))
    assert gone["faces_lost"] > 0.5 and gone["detail_ratio"] < 0.4
