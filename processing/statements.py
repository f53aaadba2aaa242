"""Whether a recorded statement shows somebody who speaks. What is said, and by whom, whoever records it answers for."""

import io

from processing.engine.decoding import open_media
from processing.engine.decoding.isolated import Media
from processing.engine.detection import FaceDetector
from processing.engine.media import MediaError
from twinvault.vaults.services import NotAllowed

SHORTEST_S, LONGEST_S = 3.0, 300.0
HEARD_S = 1.0
SEEN_SHARE = 0.5
SMALLEST_FACE = 0.1  # of the picture's shorter side
_RATE, _SIDE = 2.0, 640


def check_statement(recording: bytes) -> None:
    """NotAllowed, with what is wrong, unless it is a film of 3 seconds to 5 minutes in which a face is seen and somebody heard.

    A face is to be seen in half of two pictures a second. Takes a second or two.
    """
    try:
        with open_media(io.BytesIO(recording)) as media:
            if media.info.kind != "video":
                raise NotAllowed("This is a picture: record a film, with sound.")
            seconds, seen = _look(media)
            heard = media.heard_seconds()
    except MediaError as error:
        raise NotAllowed(str(error)) from error
    if seconds < SHORTEST_S:
        raise NotAllowed("The recording is too short for the words and the phrase: record it again.")
    if seconds > LONGEST_S:
        raise NotAllowed("The recording is longer than five minutes: record the words and the phrase alone.")
    if seen < SEEN_SHARE:
        raise NotAllowed("Hardly any face is seen in the recording: look into the camera, in good light, and record it again.")
    if heard < HEARD_S:
        raise NotAllowed("Nobody is heard in the recording: check the microphone, and record it again.")


def _look(media: Media) -> tuple[float, float]:
    """How long it is, in seconds, and in which share of the pictures a face is seen."""
    detector = FaceDetector(use_mtcnn=False)
    looked = seen = 0
    last = 0.0
    for frame in media.frames(max_side=_SIDE, max_rate=_RATE):
        looked, last = looked + 1, frame.time
        least = SMALLEST_FACE * min(frame.image.shape[:2])
        seen += any(face.box[3] - face.box[1] >= least for face in detector.detect(frame.image))
        if last > LONGEST_S:
            break
    return last + 1 / _RATE, seen / max(looked, 1)
