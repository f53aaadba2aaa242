"""Pictures out of films and stills, whole or damaged."""

import io
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image as Pillow

from processing.engine import media
from processing.engine.media import MediaError, probe, read_frames
from tests.conftest import CLIPS

CORNER = np.zeros((48, 64, 3), dtype=np.uint8)
CORNER[:24, :32] = 255  # white at the top left: tells every way of turning apart


def still(image: np.ndarray, kind: str, **options) -> io.BytesIO:
    target = io.BytesIO()
    Pillow.fromarray(image).save(target, kind, **options)
    return target


def white_corner(image: np.ndarray) -> tuple[str, str]:
    height, width = image.shape[:2]
    quarter = image.mean(axis=-1)
    bright = np.array(
        [
            [quarter[: height // 2, : width // 2].mean(), quarter[: height // 2, width // 2 :].mean()],
            [quarter[height // 2 :, : width // 2].mean(), quarter[height // 2 :, width // 2 :].mean()],
        ]
    )
    row, column = np.unravel_index(bright.argmax(), bright.shape)
    return ("top", "bottom")[row], ("left", "right")[column]


def test_a_film_says_what_it_is():
    with open(CLIPS / "cap13_edit2.mp4", "rb") as clip:
        info = probe(clip)

    assert (info.kind, info.width, info.height, info.rate, info.frames) == ("video", 400, 300, 25.0, 765)
    assert info.seconds == pytest.approx(30.6)
    assert not info.has_audio


def test_every_frame_comes_once_and_in_time(make_film):
    film = make_film([np.full((48, 64, 3), 4 * n, np.uint8) for n in range(50)])

    frames = list(read_frames(film))

    assert [frame.index for frame in frames] == list(range(50))
    assert [frame.time for frame in frames] == pytest.approx([n / 25 for n in range(50)])
    assert all(abs(float(frame.image.mean()) - 4 * frame.index) < 4 for frame in frames)


def test_frames_can_be_skipped_by_number_or_by_rate(make_film):
    film = make_film([CORNER] * 50)

    assert [frame.index for frame in read_frames(film, step=10)] == [0, 10, 20, 30, 40]
    sampled = [frame.time for frame in read_frames(film, max_rate=6)]
    assert 11 <= len(sampled) <= 13
    assert np.diff(sampled).min() > 0.11


def test_a_film_made_by_a_browser_has_no_length_and_is_counted(make_film):
    # "live" writes Matroska as MediaRecorder does: no duration, no index
    film = make_film([CORNER] * 30, container="webm", codec="libvpx", sound=False, options={"live": "1"})

    info = probe(film)

    assert info.frames == 30
    assert info.seconds == pytest.approx(1.2, abs=0.05)
    assert info.rate == pytest.approx(25, abs=0.5)


@pytest.mark.parametrize(("turn", "corner"), [(90, ("bottom", "left")), (180, ("bottom", "right")), (270, ("top", "right"))])
def test_a_phone_held_sideways_gives_an_upright_film(make_film, turn, corner):
    film = make_film([CORNER] * 3, turn=turn)

    image = next(read_frames(film)).image

    assert image.shape[:2] == ((48, 64) if turn == 180 else (64, 48))
    assert white_corner(image) == corner
    info = probe(film)
    assert (info.height, info.width) == image.shape[:2]


def test_a_still_taken_sideways_comes_upright():
    exif = Pillow.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to show

    picture = still(CORNER, "JPEG", exif=exif)

    image = next(read_frames(picture)).image
    assert image.shape == (64, 48, 3)
    assert white_corner(image) == ("top", "right")
    assert (probe(picture).width, probe(picture).height) == (48, 64)


def test_tape_with_oblong_pixels_is_stretched_to_square_ones(make_film):
    film = make_film([CORNER] * 3, pixel_ratio=Fraction(3, 2))

    assert next(read_frames(film)).image.shape == (48, 96, 3)
    assert (probe(film).width, probe(film).height) == (96, 48)


def test_sound_is_noticed(make_film):
    assert probe(make_film([CORNER] * 5, sound=True)).has_audio


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_stills_of_every_usual_kind_are_read(kind):
    picture = still(CORNER, kind)

    info = probe(picture)

    assert (info.kind, info.width, info.height, info.frames) == ("image", 64, 48, 1)
    assert white_corner(next(read_frames(picture)).image) == ("top", "left")


def test_heic_stills_of_phones_are_read():
    pytest.importorskip("pillow_heif")
    picture = still(CORNER, "HEIF")

    assert next(read_frames(picture)).image.shape == (48, 64, 3)


def test_see_through_grey_and_16_bit_stills_become_plain_pictures():
    clear = np.dstack([CORNER, np.full(CORNER.shape[:2], 0, np.uint8)])
    deep = (CORNER[..., 0].astype(np.uint16)) * 257

    assert next(read_frames(still(clear, "PNG"))).image.min() == 255
    assert white_corner(next(read_frames(still(CORNER[..., 0], "PNG"))).image) == ("top", "left")
    assert next(read_frames(still(deep, "PNG"))).image.max() == 255


def test_large_stills_can_be_had_small():
    picture = still(np.zeros((1500, 2000, 3), np.uint8), "JPEG")

    assert next(read_frames(picture, max_side=500)).image.shape == (375, 500, 3)


def test_a_film_cut_off_gives_what_there_is(make_film):
    noise = np.random.default_rng(0).integers(0, 255, (40, 48, 64, 3), dtype=np.uint8)
    whole = make_film(noise, container="mpegts").getvalue()

    frames = list(read_frames(io.BytesIO(whole[: len(whole) // 2])))

    assert 5 < len(frames) < 40
    assert [frame.index for frame in frames] == list(range(len(frames)))


def test_a_film_damaged_in_the_middle_does_not_raise(make_film):
    noise = np.random.default_rng(0).integers(0, 255, (40, 48, 64, 3), dtype=np.uint8)
    data = bytearray(make_film(noise, container="mpegts").getvalue())
    data[len(data) // 2 : len(data) // 2 + 4000] = bytes(4000)

    assert len(list(read_frames(io.BytesIO(bytes(data))))) > 5


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"I am a text called film.mp4\n" * 100, "neither a film nor a picture"),
        (bytes(range(256)) * 64, "neither a film nor a picture"),
    ],
)
def test_what_is_no_picture_is_refused_in_one_sentence(content, says):
    for use in (probe, lambda source: list(read_frames(source))):
        with pytest.raises(MediaError, match=says):
            use(io.BytesIO(content))


def test_a_playlist_reaches_no_other_file(monkeypatch):
    monkeypatch.chdir(CLIPS)
    playlist = b"ffconcat version 1.0\nfile 'cap13_edit2.mp4'\n"

    with pytest.raises(MediaError, match="neither a film nor a picture"):
        probe(io.BytesIO(playlist))


def test_a_film_whose_index_was_cut_off_is_refused():
    whole = (CLIPS / "cap13_edit2.mp4").read_bytes()
    at = whole.index(b"moov")

    with pytest.raises(MediaError):
        probe(io.BytesIO(whole[: at + 100]))


def test_a_still_cut_off_is_refused():
    data = still(np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8), "JPEG").getvalue()

    with pytest.raises(MediaError, match="damaged"):
        probe(io.BytesIO(data[: len(data) // 2]))


def test_pictures_too_large_to_hold_are_refused_before_they_are_decoded():
    # 16384 x 16384 in a few kilobytes
    target = io.BytesIO()
    Pillow.new("1", (16384, 16384)).save(target, "PNG")

    with pytest.raises(MediaError, match="megapixels"):
        probe(target)


def test_a_song_is_refused():
    import av

    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as song:
        voice = song.add_stream("aac", rate=16000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        sound.rate = 16000
        song.mux(voice.encode(sound))
        song.mux(voice.encode())

    with pytest.raises(MediaError, match="only sound"):
        probe(target)


def test_any_seekable_reader_will_do():
    class Stream:
        """As a decrypting stream is: read, seek and tell, nothing else."""

        def __init__(self, data: bytes) -> None:
            self._inner = io.BytesIO(data)

        def read(self, size: int = -1) -> bytes:
            return self._inner.read(size)

        def seek(self, offset: int, whence: int = 0) -> int:
            return self._inner.seek(offset, whence)

        def tell(self) -> int:
            return self._inner.tell()

    film = Stream((CLIPS / "cap13_edit2.mp4").read_bytes())
    picture = Stream(still(CORNER, "PNG").getvalue())

    assert probe(film).frames == 765
    assert next(read_frames(film)).image.shape == (300, 400, 3)
    assert probe(picture).kind == "image"


def test_limits_let_phone_stills_through():
    assert media.MAX_STILL_PIXELS > 50_000_000
