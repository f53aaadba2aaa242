"""Whose a sidecar is, and what it says."""

import json
from datetime import date, time

import pytest

from acquisition.dating import Precision, Source
from acquisition.dating.sidecars import beginning_of, belongs, name_of, read_sidecar
from tests.acquisition.dating import media

TODAY = date(2026, 11, 23)
LONG = "A day at the sea with everybody and the old dog.jpg"


def clipped(filename: str) -> str:
    return (filename + ".supplemental-metadata")[:46] + ".json"


@pytest.mark.parametrize(
    ("sidecar", "filename"),
    [
        ("X.jpg.json", "X.jpg"),
        ("X.jpg.supplemental-metadata.json", "X.jpg"),
        ("X.jpg.supple.json", "X.jpg"),
        (clipped("b" * 30 + ".jpg"), "b" * 30 + ".jpg"),
        (clipped("b" * 40 + ".jpg"), "b" * 40 + ".jpg"),
        (clipped("b" * 41 + ".jpg"), "b" * 41 + ".jpg"),
        (clipped("b" * 43 + ".jpg"), "b" * 43 + ".jpg"),
        (clipped(LONG), LONG),
        ("Scan35.jpg.supplemental-metadata(1).json", "Scan35(1).jpg"),
        ("Scan35.jpg(1).json", "Scan35(1).jpg"),
        ("X(1).jpg.json", "X(1).jpg"),
        ("X.jpg.json", "X-edited.jpg"),
        ("X.jpg.json", "X-bearbeitet.jpg"),
        ("Scan35.jpg.supplemental-metadata(1).json", "Scan35-edited(1).jpg"),
        ("IMG_1.HEIC.supplemental-metadata.json", "IMG_1.MP4"),
        ("IMG_1.xmp", "IMG_1.jpg"),
        ("IMG_1.jpg.xmp", "IMG_1.jpg"),
    ],
)
def test_it_belongs_to(sidecar, filename):
    assert belongs(name_of(sidecar), filename)
    # by these it is found among many
    assert sidecar.startswith(beginning_of(filename)) and filename.startswith(name_of(sidecar).beginning)


@pytest.mark.parametrize(
    ("sidecar", "filename"),
    [
        ("Scan35.jpg.supplemental-metadata(1).json", "Scan35.jpg"),
        ("Scan35.jpg.supplemental-metadata.json", "Scan35(1).jpg"),
        ("X.jpg.json", "X.png"),
        ("X.jpg.json", "XY.jpg"),
        (clipped(LONG), "A day at the sea.jpg"),
        ("metadata.json", "metadata.jpg"),
        ("IMG_1.xmp", "IMG_12.jpg"),
    ],
)
def test_it_does_not_belong_to(sidecar, filename):
    assert not belongs(name_of(sidecar), filename)


def takeout(timestamp="1562247005", **more) -> bytes:
    return json.dumps({"title": "X.jpg", "photoTakenTime": {"timestamp": timestamp, "formatted": "..."}} | more).encode()


def test_google_says_it_in_utc():
    said = read_sidecar(takeout(), ".json", TODAY)

    assert (said.source, said.day, said.at, said.utc) == (Source.TAKEOUT, date(2019, 7, 4), time(13, 30, 5), True)


def test_pictures_are_older_than_unix():
    assert read_sidecar(takeout("-157766400"), ".json", TODAY).day == date(1965, 1, 1)


@pytest.mark.parametrize(
    "content",
    [
        takeout("0"),
        takeout("99999999999"),
        takeout("9" * 400),
        takeout("soon"),
        takeout(None),
        b'{"title": "an album"}',
        b'{"photoTakenTime": 5}',
        b"[]",
        b"5",
        b"",
        b"\xff\xfe",
        b"[" * 200_000,
        takeout()[:-5],
    ],
    ids=range(13),
)
def test_what_is_no_sidecar_says_nothing(content):
    assert read_sidecar(content, ".json", TODAY) is None


def test_a_photo_program_says_it_as_exactly_as_it_was_told():
    said = read_sidecar(media.XMP.format(day="1987-06").encode(), ".xmp", TODAY)

    assert (said.source, said.day, said.precision) == (Source.XMP_SIDECAR, date(1987, 6, 1), Precision.MONTH)
    assert read_sidecar(b"<x:xmpmeta/>", ".xmp", TODAY) is None
