"""Dates in the names of files and folders; what is ambiguous is not read."""

from datetime import date

import pytest

from acquisition.dating.names import of_folder, of_name

TODAY = date(2026, 11, 23)


def says(found) -> str:
    """`2019-07-04 15:30:00`, `2019-07`, `2019`, or nothing."""
    if not found:
        return ""
    [one] = found
    day = {"year": "%Y", "month": "%Y-%m"}.get(one.precision, "%Y-%m-%d")
    return f"{one.day:{day}} {one.at or ''}".strip()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("IMG_20190704_153000.jpg", "2019-07-04 15:30:00"),
        ("PXL_20210704_153000123.MP4", "2021-07-04 15:30:00"),
        ("VID_20190704_153000_HSR_240.mp4", "2019-07-04 15:30:00"),
        ("20190704_153000.jpg", "2019-07-04 15:30:00"),
        ("2019-07-04 15.30.00.jpg", "2019-07-04 15:30:00"),
        ("Screenshot_2019-07-04-15-30-00.png", "2019-07-04 15:30:00"),
        ("Screenshot 2019-07-04 at 15.30.00.png", "2019-07-04 15:30:00"),
        ("WhatsApp Image 2019-07-04 at 15.30.00.jpeg", "2019-07-04 15:30:00"),
        ("VID-20160504-WA0003.mp4", "2016-05-04"),
        ("IMG-20190704-WA0012(1).jpg", "2019-07-04"),
        ("2019_7_4.jpg", "2019-07-04"),
        ("20190704_256199.jpg", "2019-07-04"),
        ("1987-06 holiday.mp4", "1987-06"),
        ("June 1987.mov", "1987-06"),
        ("août 1975.jpg", "1975-08"),
        ("4. Juli 2019.mov", "2019-07-04"),
        ("July 4th, 2019.mov", "2019-07-04"),
        ("Christmas 1987.avi", "1987-12"),
        ("Noël 1999.mov", "1999-12"),
        ("scan_1962.png", "1962"),
        ("Grandpa, summer 1987, part 2.mp4", "1987"),
        ("h264 1987.mp4", "1987"),
        ("25.12.1987.jpg", "1987-12-25"),
        ("5.5.1975.jpg", "1975-05-05"),
        # which of the two is the month is not guessed
        ("04-07-2019.jpg", "2019"),
        ("2019-07-04 copy of 2019-07-05.jpg", "2019"),
        # no such day
        ("2019-13-45.jpg", "2019"),
        ("20193107.jpg", ""),
    ],
)
def test_a_name_says(name, said):
    assert says(of_name(name, TODAY)) == said


@pytest.mark.parametrize(
    "name",
    [
        "IMG_1962.jpg",
        "DSC_1987.JPG",
        "MVI_2004.AVI",
        "P1010001.JPG",
        "film 1080p.mp4",
        "1920x1080.mp4",
        "1960s.jpg",
        "1962 and 1963.jpg",
        "1987-1989.mov",
        "9999.jpg",
        "2099-01-01.jpg",
        "12345678.jpg",
        "may 12.jpg",
        "franck.mp4",
        "",
    ],
)
def test_a_name_says_nothing(name):
    assert of_name(name, TODAY) == []


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("Holiday 1987/Beach", "1987"),
        ("2019/07/04", "2019-07-04"),
        ("Pictures/2019/07", "2019-07"),
        ("Takeout/Google Photos/Photos from 2011", "2011"),
        ("1975/June 1987", "1987-06"),
        ("DCIM/100APPLE", ""),
        ("", ""),
    ],
)
def test_folders_say(folder, said):
    assert says(of_folder(folder, TODAY)) == said
