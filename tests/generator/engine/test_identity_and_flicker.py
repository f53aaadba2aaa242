import numpy as np
import pytest
from drawn_faces import ANNA, film
from skimage.data import astronaut

from generator.engine.quality import flicker, measure_identity
from processing.engine.detection import FaceDetector
from processing.engine.identity import embed
from processing.engine.mesh import FaceMesh


def test_a_face_is_its_own_subject_and_not_the_actor():
    picture = astronaut()
    landmarks = FaceMesh().landmarks(picture, FaceDetector().detect(picture)[0]).points
    own = embed(picture, landmarks)[None]
    stranger = own + np.float32(0.1)
    measured = measure_identity([picture], landmarks[None], own, stranger)
    assert measured["swap_to_subject"] == pytest.approx(0.0, abs=1e-4)
    assert measured["swap_to_actor"] == measured["subject_to_actor"] == pytest.approx(0.1 * 128**0.5, rel=0.01)


def test_restless_light_flickers_and_a_still_does_not():
    frames, landmarks = film(ANNA, 1)
    still = np.repeat(frames, 6, axis=0)
    restless = still.copy()
    restless[::2] = (restless[::2] * 0.8).astype(np.uint8)
    points = np.repeat(landmarks, 6, axis=0)
    assert flicker(still, points) == pytest.approx(0.0)
    assert flicker(restless, points) > 10
    with pytest.raises(ValueError, match="three frames"):
        flicker(still[:2], points[:2])
