"""Whatever a file holds: frames, or one sentence, and the worker goes on."""

import io
import re
import resource

import pytest

from processing.engine.decoding import Decoder, Limits, open_media
from processing.engine.media import MediaError
from tests.processing.engine import broken_media
from tests.processing.engine.processes import children

NO_WORD_FOR_PEOPLE = re.compile(r"Traceback|Error|Exception|Errno|NoneType|0x|<|>|\n|\b[a-z]+_[a-z]+\b")


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return broken_media.whole()


@pytest.fixture(scope="module")
def unusual() -> dict[str, bytes]:
    return broken_media.unusual()


@pytest.fixture(scope="module")
def decoder():
    with Decoder(Limits(seconds=20)) as decoder:
        yield decoder
    assert children() == []


def outcome(data: bytes, decoder: Decoder) -> str:
    """ "" if it could be described, and read to its end; otherwise what the person is told."""
    with open_media(io.BytesIO(data), decoder=decoder) as media:
        try:
            info = media.info
            assert info.width > 0 and info.height > 0 and info.seconds >= 0
            assert media.segments()[0][0] == 0.0
            frames = list(media.frames(max_side=64))
        except MediaError as error:
            said = str(error)
            assert said.endswith(".") and ". " not in said and said[0].isupper() and len(said) < 300
            assert not NO_WORD_FOR_PEOPLE.search(said)
            assert error.__cause__ is not None
            return said
    assert frames
    assert all(frame.image.ndim == 3 and frame.image.shape[2] == 3 for frame in frames)
    assert [frame.index for frame in frames] == sorted({frame.index for frame in frames})
    return ""


@pytest.mark.parametrize("kind", ["mp4", "mov", "webm", "jpeg", "png", "heic"])
def test_files_cut_off_anywhere(kind, files, decoder):
    assert outcome(files[kind], decoder) == ""

    told = [outcome(data, decoder) for data in broken_media.truncated(files[kind])]

    assert "empty" in told[0]
    if kind == "webm":
        assert "" in told  # such films can be read up to where they were cut off
    else:
        assert all(told)


def test_files_with_flipped_bytes(files, decoder):
    told = [outcome(data, decoder) for _, data in broken_media.flipped(files)]

    assert len(told) == 200
    assert "" in told
    assert any(told)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a bomb of a gigapixel", "far more than the 100 megapixels"),
        ("16k x 16k", "far more than the 100 megapixels"),
        ("just within the limit", ""),
        ("a bomb of text", "damaged"),
        ("a header that lies", "neither a film nor a picture"),
        ("1 x 1", ""),
        ("a film of 2 x 2", ""),
        ("zero duration", ""),
        ("no picture in it", "no moving picture"),
        ("audio only", "only sound"),
        ("240 frames a second", ""),
        ("no keyframes", "Nothing of this file"),
        ("intra refresh", ""),
        ("empty", "empty"),
        ("one byte", "neither a film nor a picture"),
        ("text called film.mp4", "neither a film nor a picture"),
        ("noise", "neither a film nor a picture"),
        ("zeros", "neither a film nor a picture"),
    ],
)
def test_unusual_files(name, says, unusual, decoder):
    told = outcome(unusual[name], decoder)

    assert re.search(says, told) if says else told == ""


def test_the_parent_holds_little_of_it(files, unusual, decoder):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for data in unusual.values():
        outcome(data, decoder)
    for _, data in broken_media.flipped(files, count=60, seed=5):
        outcome(data, decoder)

    # KiB; the corpus and its making come on top of the pictures
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 700 * 1024
