"""Stills of every kind, and the loops that are kept as pictures."""

import io

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms

from processing.engine.media import probe, read_frames
from tests.processing.engine.media_kinds import loop, scene, still

CORNER = np.zeros((48, 64, 3), dtype=np.uint8)
CORNER[:24, :32] = 255


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
