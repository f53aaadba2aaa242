"""Dates in the tags of pictures and films, and garbage in their place."""

import io
import random
from datetime import date, datetime, time

import pytest

from acquisition.dating import Precision, Source, best, read
from tests.acquisition.dating import media

TODAY = date(2026, 11, 23)
ORIGINAL = media.exif(original="2019:07:04 15:30:05", digitised="2020:01:01 10:00:00", modified="2021:01:01 10:00:00")


def says(data: bytes):
    """(source, day, clock) of each dating in a file."""
    return [(found.source, str(found.day), str(found.at or "")) for found in read(io.BytesIO(data), TODAY)]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_a_picture_says_when_its_shutter_opened(kind):
    assert says(media.picture(kind, ORIGINAL)) == [(Source.EXIF, "2019-07-04", "15:30:05")]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_a_picture_says_what_a_photo_program_wrote(kind):
    assert says(media.picture(kind, xmp=media.XMP.format(day="1987-06"))) == [(Source.XMP, "1987-06-01", "")]


def test_both_orders_of_bytes_are_read():
    assert b"Exif\0\0MM" in media.picture("JPEG", ORIGINAL)
    # by hand, in the order that Pillow does not write
    entry = b"\x03\x90\2\0\x14\0\0\0\x2c\0\0\0"
    block = b"Exif\0\0II*\0\x08\0\0\0\1\0\x69\x87\4\0\1\0\0\0\x1a\0\0\0" + bytes(4) + b"\1\0" + entry + bytes(4)
    block += b"1965:08:01 12:00:00\0"
    assert says(b"\xff\xd8\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + b"\xff\xda\0\2") == [
        (Source.EXIF, "1965-08-01", "12:00:00")
    ]


def test_a_scanner_only_says_when_it_was_digitised():
    assert says(media.picture("JPEG", media.exif(digitised="2005:03:01 09:00:00"))) == [
        (Source.DIGITISED, "2005-03-01", "09:00:00")
    ]
    assert says(media.picture("JPEG", media.exif(modified="2005:03:01 09:00:00"))) == []


@pytest.mark.parametrize(
    "text",
    [
        "0000:00:00 00:00:00",
        "    :  :     :  :  ",
        "1970:01:01 00:00:00",
        "1980:01:01 00:00:00",
        "2087:01:01 00:00:00",
        "2019:02:30 10:00:00",
        "yesterday, I think",
    ],
)
def test_what_no_clock_can_have_said_is_refused(text):
    assert says(media.picture("JPEG", media.exif(original=text))) == []


def test_a_part_of_a_date_is_as_exact_as_it_is():
    [found] = read(io.BytesIO(media.picture("JPEG", media.exif(original="1965:08:00 00:00:00"))), TODAY)

    assert (found.day, found.last, found.precision) == (date(1965, 8, 1), date(1965, 8, 31), Precision.MONTH)


SECONDS_TO_2019 = int((datetime(2019, 7, 4, 13, 30, 5) - datetime(1904, 1, 1)).total_seconds())


def test_a_telephones_film_says_the_clock_on_the_wall():
    found = read(io.BytesIO(media.mov(SECONDS_TO_2019, "2019-07-04T23:30:05+0200")), TODAY)

    assert best(found).source is Source.QUICKTIME
    assert (best(found).day, best(found).at) == (date(2019, 7, 4), time(23, 30, 5))


@pytest.mark.parametrize("made", [0, 2082844800, 10, 2**32 - 1])
def test_a_film_whose_clock_was_never_set_says_nothing(made):
    assert says(media.mov(made)) == []


@pytest.mark.parametrize("container", ["mp4", "mov", "matroska", "webm"])
def test_what_ffmpeg_writes_is_read(container):
    [found] = read(io.BytesIO(media.film(container, creation_time="2019-07-04T13:30:05Z")), TODAY)

    assert (found.source, found.day, found.at, found.utc) == (Source.CONTAINER, date(2019, 7, 4), time(13, 30, 5), True)


def test_the_zone_that_ffmpeg_keeps_is_read():
    data = media.film("mov", **{"com.apple.quicktime.creationdate": "2019-07-04T23:30:05+0200"})

    assert (Source.QUICKTIME, "2019-07-04", "23:30:05") in says(data)


def test_a_tagged_day_in_mp4_is_read():
    assert (Source.QUICKTIME, "1987-01-01", "") in says(media.film("mp4", date="1987"))


@pytest.mark.parametrize("text", [b"Thu Jul 04 15:30:05 2019\n\0", b"2019:07:04 15:30:05\0", b"2019-07-04 15:30:05"])
def test_an_old_cameras_avi_is_read(text):
    assert says(media.avi(text)) == [(Source.AVI, "2019-07-04", "15:30:05")]


def test_other_files_say_nothing():
    for data in (b"", b"x", b"just a text of some length", bytes(5000), b"GIF89a" + bytes(100)):
        assert says(data) == []


FILES = {
    "jpeg": media.picture("JPEG", ORIGINAL, media.XMP.format(day="1987-06")),
    "png": media.picture("PNG", ORIGINAL, media.XMP.format(day="1987-06")),
    "webp": media.picture("WEBP", ORIGINAL),
    "heic": media.picture("HEIF", ORIGINAL),
    "mov": media.mov(SECONDS_TO_2019, "2019-07-04T23:30:05+0200"),
    "mp4": media.film("mp4", creation_time="2019-07-04T13:30:05Z"),
    "mkv": media.film("matroska", creation_time="2019-07-04T13:30:05Z"),
    "avi": media.avi(b"Thu Jul 04 15:30:05 2019"),
}


@pytest.mark.parametrize("name", FILES)
def test_no_flipped_bit_and_no_truncation_is_more_than_a_missing_date(name):
    random_ = random.Random(4)
    for _ in range(400):
        data = bytearray(FILES[name])
        for _ in range(random_.randint(1, 12)):
            # tags lie near both ends
            place = random_.choice([random_.randrange(len(data)), random_.randrange(min(400, len(data)))])
            data[place] = random_.randrange(256)
        cut = random_.choice([len(data), random_.randrange(len(data))])
        for found in read(io.BytesIO(bytes(data[:cut])), TODAY):
            assert date(1826, 1, 1) <= found.day <= TODAY


class Counting(io.BytesIO):
    """A file that says how much of it was read."""

    taken = 0

    def read(self, size=-1):
        piece = super().read(size)
        self.taken += len(piece)
        return piece


def test_a_large_film_is_not_read_through():
    media_data = media.box(b"ftyp", b"isom" + bytes(4)) + media.box(b"mdat", bytes(30_000_000))
    source = Counting(media_data + media.mov(SECONDS_TO_2019)[16 + 1008 :])

    assert [found.source for found in read(source, TODAY)] == [Source.CONTAINER]
    assert source.taken < 1000


def test_boxes_that_never_end_are_given_up():
    source = Counting(media.box(b"ftyp", b"isom" + bytes(4)) + media.box(b"free", b"") * 500_000)

    assert read(source, TODAY) == []
    assert source.taken < 100_000
