"""Names and types of what people bring."""

import pytest

from acquisition.files import LONGEST_NAME, UNSHOWN, clean_filename, content_type_for, may_be_shown


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Franck.mp4", "Franck.mp4"),
        ("Oma im Garten 1987.MOV", "Oma im Garten 1987.MOV"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\bob\\clip.mp4", "clip.mp4"),
        ("a\nb\tc\x00.mp4", "a b c .mp4"),
        ("evil\u202e4pm.exe", "evil 4pm.exe"),
        ("  spaced   out  .mp4  ", "spaced out .mp4"),
        ("e\u0301te\u0301.mp4", "été.mp4"),
        ("...", "footage"),
        ("", "footage"),
        ("/", "footage"),
        ("おばあちゃん.mp4", "おばあちゃん.mp4"),
    ],
)
def test_names_are_cleaned(given, kept):
    assert clean_filename(given) == kept


def test_a_long_name_keeps_its_ending():
    name = clean_filename("x" * 400 + ".mp4")

    assert len(name) == LONGEST_NAME
    assert name.endswith("x.mp4")


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.mp4", "video/mp4"),
        ("a.MOV", "video/quicktime"),
        ("a.jpeg", "image/jpeg"),
        ("a.html", UNSHOWN),
        ("a.svg", UNSHOWN),
        ("a.mp4.html", UNSHOWN),
        ("a", UNSHOWN),
    ],
)
def test_only_types_on_the_list_are_named(name, content_type):
    assert content_type_for(name) == content_type
    assert may_be_shown(content_type) == (content_type != UNSHOWN)
