"""Real faces from the packages that the project installs anyway, and films made of them in memory."""

import io
from collections.abc import Callable, Iterable
from fractions import Fraction

import av
import numpy as np
import pytest
import skimage.data

from processing.engine.canonical import canonical_face
from processing.engine.detection import FaceDetector
from processing.engine.media import read_frames
from processing.engine.mesh import FaceMesh
from tests.conftest import CLIPS


@pytest.fixture(scope="session")
def astronaut():
    """A woman in a space suit, smiling: uint8 (512, 512, 3), one face about 100 pixels wide."""
    return skimage.data.astronaut()


@pytest.fixture(scope="session")
def talking():
    """Sixty frames of a man at a desk: uint8 (300, 400, 3) each."""
    with open(CLIPS / "cap13_edit2.mp4", "rb") as clip:
        return [frame.image for frame, _ in zip(read_frames(clip), range(60), strict=False)]


@pytest.fixture(scope="session")
def other_man():
    """One frame of another man: uint8 (288, 360, 3)."""
    with open(CLIPS / "franck.mp4", "rb") as clip:
        return next(read_frames(clip)).image


@pytest.fixture(scope="session")
def detector():
    return FaceDetector()


@pytest.fixture(scope="session")
def mesh():
    return FaceMesh()


@pytest.fixture(scope="session")
def face_points(astronaut, detector, mesh):
    """The astronaut's landmarks: float32 (468, 3)."""
    return mesh.landmarks(astronaut, detector.detect(astronaut)[0]).points


@pytest.fixture(scope="session")
def mirrored() -> Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    def mirror(image: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A picture in the mirror, and its landmarks there."""
        turned = points.copy()
        turned[:, 0] = image.shape[1] - 1 - turned[:, 0]
        return np.ascontiguousarray(image[:, ::-1]), turned[canonical_face().mirror]

    return mirror


@pytest.fixture(scope="session")
def make_film() -> Callable[..., io.BytesIO]:
    def make(
        images: Iterable[np.ndarray],
        rate: int = 25,
        container: str = "mp4",
        codec: str = "libx264",
        turn: int = 0,
        pixel_ratio: Fraction = Fraction(1),
        sound: bool = False,
        options: dict[str, str] | None = None,
    ) -> io.BytesIO:
        """A film of `images`; `turn` is stored as a display matrix, degrees counter-clockwise."""
        pictures = list(images)
        target = io.BytesIO()
        with av.open(target, "w", format=container, options=options or {}) as film:
            stream = film.add_stream(codec, rate=rate)
            stream.height, stream.width = pictures[0].shape[:2]
            stream.pix_fmt = "yuv420p"
            # one thread here and in the conversion: with several the bytes depend on how busy the machine is
            stream.codec_context.thread_count = 1
            stream.codec_context.sample_aspect_ratio = pixel_ratio
            if turn:
                stream.set_display_rotation(turn)
            voice = film.add_stream("aac", rate=16000) if sound else None
            for image in pictures:
                picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24")
                film.mux(stream.encode(picture.reformat(format=stream.pix_fmt, threads=1)))
            film.mux(stream.encode())
            if voice is not None:
                silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
                silence.rate = 16000
                film.mux(voice.encode(silence))
                film.mux(voice.encode())
        target.seek(0)
        return target

    return make
