"""A player asks for parts of a film; every part it gets is the right one, and the reader is closed after it."""

import io

import pytest
from django.test import RequestFactory

from twinvault.web.ranges import PIECE, Unsatisfiable, ranged_response, wanted_range

CONTENT = bytes(range(256)) * 4 * 1024


def ask(header: str | None = None, content: bytes = CONTENT, method: str = "get", **more):
    headers = {"Range": header} if header else {}
    reader = io.BytesIO(content)
    request = getattr(RequestFactory(), method)("/", headers=headers)
    return ranged_response(request, reader, len(content), "video/mp4", **more), reader


def body(response) -> bytes:
    return b"".join(response.streaming_content)


def test_without_a_range_everything_comes_in_pieces():
    response, _ = ask()

    pieces = list(response.streaming_content)

    assert response.status_code == 200
    assert response["Accept-Ranges"] == "bytes"
    assert response["Content-Length"] == str(len(CONTENT))
    assert b"".join(pieces) == CONTENT
    assert max(map(len, pieces)) <= PIECE


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-", 0, len(CONTENT) - 1),
        ("bytes=1000-70000", 1000, 70000),
        ("bytes=-500", len(CONTENT) - 500, len(CONTENT) - 1),
        ("bytes=5-99999999999", 5, len(CONTENT) - 1),
        ("bytes=-99999999999", 0, len(CONTENT) - 1),
        (f"bytes={len(CONTENT) - 1}-", len(CONTENT) - 1, len(CONTENT) - 1),
        (" Bytes = 3 - 4 ", 3, 4),
    ],
)
def test_a_range_comes_as_it_was_asked_for(header, first, last):
    response, _ = ask(header)

    assert response.status_code == 206
    assert response["Content-Range"] == f"bytes {first}-{last}/{len(CONTENT)}"
    assert response["Content-Length"] == str(last - first + 1)
    assert body(response) == CONTENT[first : last + 1]


@pytest.mark.parametrize("header", ["bytes=0-1,5-6", "bytes=-", "bytes=9-3", "bytes=a-b", "lines=1-2", "bytes=²-"])
def test_what_is_no_single_range_of_bytes_gets_everything(header):
    assert wanted_range(header, len(CONTENT)) is None


@pytest.mark.parametrize("header", [f"bytes={len(CONTENT)}-", "bytes=-0", "bytes=99999999999-"])
def test_a_range_outside_is_told_the_size(header):
    response, reader = ask(header)

    assert response.status_code == 416
    assert response["Content-Range"] == f"bytes */{len(CONTENT)}"
    assert reader.closed


def test_nothing_of_an_empty_file_can_be_asked_for_in_parts():
    with pytest.raises(Unsatisfiable):
        wanted_range("bytes=0-", 0)
    assert body(ask(content=b"")[0]) == b""


def test_a_head_request_gets_the_length_and_no_body():
    response, reader = ask("bytes=0-9", method="head")

    assert response.status_code == 206
    assert response["Content-Length"] == "10"
    assert response.content == b""
    assert reader.closed


def test_the_reader_is_closed_when_the_answer_is_broken_off(db):
    response, reader = ask()
    next(iter(response.streaming_content))

    response.close()

    assert reader.closed


def test_a_download_carries_its_name():
    response, _ = ask(filename="Großvater.mp4", download=True)

    assert response["Content-Disposition"].startswith("attachment; filename*=utf-8''Gro")
    assert ask(filename="film.mp4")[0]["Content-Disposition"] == 'inline; filename="film.mp4"'
