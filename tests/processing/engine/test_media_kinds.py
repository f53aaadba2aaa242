"""Films and stills of every kind that families keep."""

import io
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms

from processing.engine import probe, read_frames
from tests.processing.engine.media_kinds import encode, flat, loop, rgb, scene, still, yuv

CORNER = np.zeros((48, 64, 3), dtype=np.uint8)
CORNER[:24, :32] = 255
BT709, BT2020, PQ, HLG = 1, 9, 16, 18
LIMITED, FULL = 1, 2


def combs(image: np.ndarray) -> float:
    """How much lines differ from the mean of their neighbours, in grey levels."""
    grey = image.astype(float).mean(axis=2)
    return float(np.abs(grey[1:-1] - (grey[:-2] + grey[2:]) / 2).mean())


def woven(count: int = 12) -> list[np.ndarray]:
    """A bar that moves between the two half pictures of each frame."""
    frames = []
    for number in range(count):
        frame = np.full((96, 128, 3), 30, np.uint8)
        for field in (0, 1):
            left = 10 + 8 * number + 4 * field
            frame[field::2, left : left + 12] = 220
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
        codec="libx265",
        options={"x265-params": "log-level=none"},
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
        codec="libx265",
        options={"x265-params": "log-level=none"},
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


@pytest.mark.parametrize(("kind", "options"), [("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {}), ("AVIF", {})])
def test_pictures_that_move_are_films(kind, options):
    durations = [100, 50, 200, 30, 80]
    pictures = [scene(seed) for seed in range(5)]
    film = loop(pictures, kind, durations, **options)

    info = probe(film)
    frames = list(read_frames(film))

    assert (info.kind, info.width, info.height, info.frames) == ("video", 128, 96, 5)
    assert info.seconds == pytest.approx(0.46)
    assert [frame.time for frame in frames] == pytest.approx([0.0, 0.1, 0.15, 0.35, 0.38])
    assert [frame.shot for frame in frames] == [0, 1, 2, 3, 4]
    for frame, picture in zip(frames, pictures, strict=True):
        assert np.abs(frame.image.astype(int) - picture).mean() < 12


def test_a_gif_without_times_plays_ten_a_second():
    film = loop([scene(seed) for seed in range(3)], "GIF", [0, 0, 0])

    assert [frame.time for frame in read_frames(film)] == pytest.approx([0.0, 0.1, 0.2])


def test_a_see_through_gif_that_only_stores_changes_is_whole_on_white():
    frames = []
    for number in range(3):
        picture = np.zeros((40, 40, 4), np.uint8)
        picture[5 * number : 5 * number + 10, :10] = (200, 0, 0, 255)
        frames.append(Pillow.fromarray(picture))
    film = still(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100, disposal=2)

    images = [frame.image for frame in read_frames(film)]

    assert [tuple(image[-1, -1]) for image in images] == [(255, 255, 255)] * 3
    assert tuple(images[2][12, 5]) == (200, 0, 0)
    assert tuple(images[2][2, 5]) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "WEBP", "PNG", "AVIF"])
@pytest.mark.parametrize(
    ("orientation", "corner"),
    [(1, (0, 0)), (2, (0, -1)), (3, (-1, -1)), (4, (-1, 0)), (5, (0, 0)), (6, (0, -1)), (7, (-1, -1)), (8, (-1, 0))],
)
def test_every_orientation_comes_upright(kind, orientation, corner):
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    picture = still(CORNER, kind, exif=exif)

    image = next(read_frames(picture)).image

    assert image.shape == ((48, 64, 3) if orientation < 5 else (64, 48, 3))
    assert image[corner].mean() > 200
    assert image.mean() < 80
    info = probe(picture)
    assert (info.height, info.width) == image.shape[:2]


def test_a_heic_turned_by_its_container_is_turned_once():
    pytest.importorskip("pillow_heif")
    exif = Pillow.Exif()
    exif[0x0112] = 6
    picture = still(CORNER, "HEIF", exif=exif.tobytes())

    image = next(read_frames(picture)).image

    info = probe(picture)
    assert (info.height, info.width) == image.shape[:2]
    bright = [image[0, 0].mean(), image[0, -1].mean(), image[-1, 0].mean(), image[-1, -1].mean()]
    assert image.shape == (64, 48, 3)
    assert int(np.argmax(bright)) == 1


def test_print_colours_become_screen_colours():
    paper = still(Pillow.new("CMYK", (40, 30), (0, 255, 255, 0)), "JPEG")

    r, g, b = next(read_frames(paper)).image.reshape(-1, 3).mean(axis=0)

    assert r > 200
    assert g < 60 and b < 60


def test_a_colour_profile_is_applied():
    # A profile whose red and green have changed places: what is stored as red is meant as green.
    swapped = swapped_profile()
    stored = np.zeros((30, 40, 3), np.uint8)
    stored[..., 0] = 200

    r, g, b = next(read_frames(still(stored, "PNG", icc_profile=swapped))).image.reshape(-1, 3).mean(axis=0)

    assert g == pytest.approx(200, abs=6)
    assert r < 20 and b < 20


def test_a_broken_colour_profile_counts_as_none():
    picture = still(CORNER, "PNG", icc_profile=b"no profile at all" * 20)

    assert (next(read_frames(picture)).image == CORNER).all()


def swapped_profile() -> bytes:
    """sRGB with the tags of its red and green colorants exchanged."""
    whole = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = whole.index(b"rXYZ"), whole.index(b"gXYZ")
    whole[red : red + 4], whole[green : green + 4] = b"gXYZ", b"rXYZ"
    whole[84:100] = bytes(16)  # its checksum
    at = whole.find(b"sRGB")
    while at >= 0:
        whole[at : at + 4] = b"none"
        at = whole.find(b"sRGB")
    return bytes(whole)


def test_palettes_and_bits_and_sixteen_bits():
    palette = Pillow.fromarray(CORNER).quantize(4)
    bits = Pillow.fromarray(CORNER).convert("1")
    deep = Pillow.fromarray(CORNER[..., 0].astype(np.uint16) * 257)

    for picture in (still(palette, "PNG"), still(bits, "PNG"), still(deep, "PNG"), still(deep, "TIFF")):
        assert np.abs(next(read_frames(picture)).image.astype(int) - CORNER).max() <= 2


def test_sixteen_bits_of_each_colour_become_eight():
    import tifffile

    target = io.BytesIO()
    tifffile.imwrite(target, CORNER.astype(np.uint16) * 257, photometric="rgb")

    assert np.abs(next(read_frames(target)).image.astype(int) - CORNER).max() <= 2


def test_half_see_through_stills_lie_on_white():
    glass = np.zeros((30, 40, 4), np.uint8)
    glass[..., 3] = 128

    assert next(read_frames(still(glass, "PNG"))).image.mean() == pytest.approx(127, abs=2)


def test_a_film_of_few_pixels_and_many_frames():
    film = encode([rgb(scene(n // 120, 16, 16)).reformat(format="yuv420p") for n in range(240)], rate=240)

    info = probe(film)
    frames = list(read_frames(film, max_rate=10))

    assert info.rate == pytest.approx(240)
    assert 9 <= len(frames) <= 12


def test_rotation_and_oblong_pixels_together(make_film):
    film = make_film([CORNER] * 3, turn=90, pixel_ratio=Fraction(3, 2))

    assert next(read_frames(film)).image.shape == (96, 48, 3)
