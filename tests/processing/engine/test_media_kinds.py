"""Films of every kind that families keep."""

import io
from fractions import Fraction

import av
import numpy as np
import pytest

from processing.engine.films import parity_of
from processing.engine.media import probe, read_frames
from tests.processing.engine.media_kinds import encode, flat, rgb, scene, yuv

CORNER = np.zeros((48, 64, 3), dtype=np.uint8)
CORNER[:24, :32] = 255
BT709, BT2020, PQ, HLG = 1, 9, 16, 18
LIMITED, FULL = 1, 2


def combs(image: np.ndarray) -> float:
    """How much lines differ from the mean of their neighbours, in grey levels."""
    grey = image.astype(float).mean(axis=2)
    return float(np.abs(grey[1:-1] - (grey[:-2] + grey[2:]) / 2).mean())


def woven(count: int = 12, height: int = 96, width: int = 128, first: int = 0) -> list[np.ndarray]:
    """A bar that moves between the two half pictures of each frame; `first` is that of the half picture that comes first."""
    frames = []
    for number in range(count):
        frame = np.full((height, width, 3), 30, np.uint8)
        for field in (0, 1):
            left = (10 + 8 * number + 4 * field) % (width - 12)
            frame[(field + first) % 2 :: 2, left : left + 12] = 220
        frames.append(frame)
    return frames


def test_interlaced_tape_comes_without_combs():
    film = encode(
        [yuv(frame) for frame in woven()],
        options={"x264-params": "tff=1:crf=10", "preset": "ultrafast"},
    )
    with av.open(io.BytesIO(film.getvalue())) as raw:
        decoded = list(raw.decode(video=0))
    assert all(frame.interlaced_frame for frame in decoded)

    frames = list(read_frames(film))

    assert [frame.index for frame in frames] == list(range(12))
    assert [frame.time for frame in frames] == pytest.approx([n / 25 for n in range(12)])
    before = np.mean([combs(frame.to_ndarray(format="rgb24")) for frame in decoded])
    after = np.mean([combs(frame.image) for frame in frames])
    assert before > 5
    assert after < before / 4


@pytest.mark.parametrize("first", [0, 1], ids=["top first", "bottom first"])
def test_tape_that_does_not_say_that_it_is_interlaced_comes_without_combs_too(first):
    film = encode([yuv(frame) for frame in woven(30, 480, 640, first)], options={"crf": "10", "preset": "ultrafast"})
    with av.open(io.BytesIO(film.getvalue())) as raw:
        decoded = [frame.to_ndarray(format="rgb24") for frame in raw.decode(video=0)]

    frames = list(read_frames(film))

    assert [frame.time for frame in frames] == pytest.approx([n / 25 for n in range(30)])
    before, after = (np.mean([combs(image) for image in images]) for images in (decoded, [frame.image for frame in frames]))
    assert after < before / 4
    part = list(read_frames(film, start=0.8))
    assert part[0].time == pytest.approx(0.8)
    assert np.mean([combs(frame.image) for frame in part]) < before / 4


def test_combs_are_found_behind_a_black_beginning():
    black = [np.zeros((480, 640, 3), np.uint8)] * 24
    pictures = black + woven(60, 480, 640)
    film = encode([yuv(frame) for frame in pictures], times=[800 * n for n in range(84)], options={"g": "12", "crf": "10"})

    frames = list(read_frames(film))

    assert len(frames) == 84
    assert np.mean([combs(frame.image) for frame in frames[24:]]) < np.mean([combs(image) for image in pictures[24:]]) / 4


def test_a_picture_that_moves_as_a_whole_is_no_tape():
    """The same sizes and rates as tape: a moving bar, and fine stripes that go up and down."""
    stripes = np.zeros((480, 640, 3), np.uint8)
    stripes[::2] = 200
    bars = [np.repeat(frame[::2], 2, axis=0) for frame in woven(30, 480, 640)]
    for pictures in (bars, [np.roll(stripes, number, axis=0) for number in range(30)], [stripes] * 30):
        film = encode([yuv(frame) for frame in pictures], options={"crf": "10", "preset": "ultrafast"})
        assert parity_of(film) is None


def test_progressive_films_are_not_touched_by_deinterlacing(make_film):
    stripes = np.zeros((48, 64, 3), np.uint8)
    stripes[::2] = 255

    image = next(read_frames(make_film([stripes] * 5))).image

    assert combs(image) > 200


def test_frames_of_a_variable_rate_keep_their_times():
    times = [0, 40, 80, 200, 210, 500, 533, 566, 1200]
    film = encode([yuv(scene(n)) for n in range(len(times))], times=times)

    frames = list(read_frames(film))

    assert [frame.time for frame in frames] == pytest.approx([time / 1000 for time in times], abs=0.001)
    assert [frame.index for frame in frames] == list(range(len(times)))


@pytest.mark.parametrize(
    ("codec", "container", "options"),
    [
        ("libx264", "mp4", {"preset": "ultrafast"}),
        ("libx265", "mp4", {"x265-params": "log-level=none", "preset": "ultrafast"}),
        ("libsvtav1", "webm", {"preset": "12"}),
    ],
)
def test_ten_bits_become_eight(codec, container, options):
    # 502 of 64..940 is half way
    film = encode([flat((502, 512, 512), "yuv420p10le")] * 4, codec=codec, container=container, options=options)

    frames = list(read_frames(film))

    assert len(frames) == 4
    assert all(np.abs(frame.image.astype(int) - 127).max() <= 3 for frame in frames)


def nits_to_code(nits: float) -> int:
    """Ten bits of SMPTE ST 2084, limited range."""
    power = (nits / 10000) ** 0.1593017578125
    return round(64 + 876 * ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)


def grey_of(level: int, curve: int) -> float:
    film = encode(
        [flat((level, 512, 512), "yuv420p10le")] * 2,
        color_trc=curve,
        color_primaries=BT2020,
        colorspace=BT2020,
        color_range=LIMITED,
    )
    image = next(read_frames(film)).image
    assert np.ptp(image.reshape(-1, 3).mean(axis=0)) <= 2  # grey stays grey
    return float(image.mean())


def test_pq_films_are_brought_to_an_everyday_screen():
    greys = [grey_of(nits_to_code(nits), PQ) for nits in (1, 20, 50, 100, 203, 500, 1000)]

    assert greys == sorted(greys)
    # Below the highlights a screen shows what the film asks for: 203 nits are its white.
    for grey, nits in zip(greys[1:3], (20, 50), strict=True):
        assert grey == pytest.approx(255 * (1.055 * (nits / 203) ** (1 / 2.4) - 0.055), abs=3)
    assert 205 < greys[4] < 245  # white paper is bright, and a lamp beside it is brighter
    assert greys[6] >= 253


def test_hlg_films_are_brought_to_an_everyday_screen():
    # BT.2408: white paper at 75 % of the signal, skin at 45 to 55 %
    dark, skin, paper, lamp = (grey_of(round(64 + 876 * signal), HLG) for signal in (0.1, 0.5, 0.75, 1.0))

    assert dark < 60
    assert 110 < skin < 160
    assert 205 < paper < 245
    assert lamp >= 253


def test_a_saturated_hdr_colour_keeps_its_hue():
    red = np.zeros((48, 64, 3), np.uint8)
    red[..., 0] = 150
    wide = yuv(red, "yuv420p10le", dst_colorspace="bt2020")
    film = encode(
        [wide] * 2,
        color_trc=PQ,
        color_primaries=BT2020,
        colorspace=BT2020,
        color_range=LIMITED,
    )

    r, g, b = next(read_frames(film)).image.reshape(-1, 3).mean(axis=0)

    assert r > 200
    assert g < 40 and b < 40


@pytest.mark.parametrize("matrix", [BT709, 6])
def test_the_stated_matrix_is_used(matrix):
    colour = np.zeros((48, 64, 3), np.uint8)
    colour[:] = (200, 60, 40)
    frame = yuv(colour, dst_colorspace={BT709: "itu709", 6: "itu601"}[matrix])

    film = encode([frame] * 2, colorspace=matrix)

    assert np.abs(next(read_frames(film)).image.astype(int) - colour).max() <= 4


def test_large_films_that_state_no_matrix_are_taken_for_hd():
    colour = np.zeros((720, 1280, 3), np.uint8)
    colour[:] = (200, 60, 40)

    film = encode([yuv(colour, dst_colorspace="itu709")] * 2, options={"preset": "ultrafast"})

    assert np.abs(next(read_frames(film)).image.astype(int) - colour).max() <= 4


def test_full_and_limited_range_are_told_apart():
    limited = encode([flat((235, 128, 128), "yuv420p")] * 2, color_range=LIMITED)
    full = encode([flat((235, 128, 128), "yuvj420p")] * 2, color_range=FULL)

    assert next(read_frames(limited)).image.mean() >= 253
    assert next(read_frames(full)).image.mean() == pytest.approx(235, abs=2)


def test_a_film_of_few_pixels_and_many_frames():
    film = encode([rgb(scene(n // 120, 16, 16)).reformat(format="yuv420p") for n in range(240)], rate=240)

    info = probe(film)
    frames = list(read_frames(film, max_rate=10))

    assert info.rate == pytest.approx(240)
    assert 9 <= len(frames) <= 12


def test_rotation_and_oblong_pixels_together(make_film):
    film = make_film([CORNER] * 3, turn=90, pixel_ratio=Fraction(3, 2))

    assert next(read_frames(film)).image.shape == (96, 48, 3)
