"""The ZIP that is not there: an independent reader takes it for one, at any size."""

import io
import zipfile
import zlib
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinvault.safe.zip_layout import Entry, ZipLayout, ZipReader

MOMENT = datetime(2026, 11, 24, 15, 30, 42, tzinfo=UTC)
NAMES = st.text(st.characters(blacklist_characters="\0\\", blacklist_categories=["Cs"]), min_size=1, max_size=40)


def entry(path: str, content: bytes) -> Entry:
    return Entry(path, len(content), zlib.crc32(content), path)


def reader_of(files: dict[str, bytes]) -> ZipReader:
    layout = ZipLayout([entry(path, content) for path, content in files.items()], MOMENT)
    return ZipReader(layout, lambda one: io.BytesIO(files[one.source]))


class Zeros(io.RawIOBase):
    """As many zeros as one likes, without holding them."""

    def __init__(self, size: int):
        self.size, self.at = size, 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.at = offset
        return offset

    def read(self, size: int = -1) -> bytes:
        given_out = min(size, self.size - self.at)
        self.at += given_out
        return bytes(given_out)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.dictionaries(NAMES, st.binary(max_size=3000), max_size=8))
def test_pythons_own_reader_finds_every_file(files):
    with reader_of(files) as reader:
        whole = reader.read()
        assert len(whole) == reader.seek(0, io.SEEK_END)
    archive = zipfile.ZipFile(io.BytesIO(whole))

    assert archive.testzip() is None
    assert {info.filename: archive.read(info) for info in archive.infolist()} == {
        # Python turns a slash at the start into none
        info.filename: files[path]
        for info, path in zip(archive.infolist(), files, strict=True)
    }
    assert all(info.date_time == (2026, 11, 24, 15, 30, 42) for info in archive.infolist())


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.dictionaries(NAMES, st.binary(max_size=500), max_size=5), st.data())
def test_any_range_is_what_the_whole_has_there(files, data):
    whole = reader_of(files).read()
    start = data.draw(st.integers(0, len(whole)))
    length = data.draw(st.integers(0, len(whole) + 5))

    with reader_of(files) as reader:
        reader.seek(start)
        assert reader.read(length) == whole[start : start + length]


@pytest.mark.parametrize("sizes", [[5 * 2**30], [3 * 2**30, 3 * 2**30, 2**20], [2**32 - 1], [2**32 - 2]])
def test_files_and_whole_over_four_gigabytes_are_found(sizes):
    entries = [Entry(f"film {number}.mp4", size, 0, str(number)) for number, size in enumerate(sizes)]
    layout = ZipLayout(entries, MOMENT)
    reader = ZipReader(layout, lambda one: Zeros(one.size))

    archive = zipfile.ZipFile(io.BufferedReader(reader))

    assert [info.file_size for info in archive.infolist()] == sizes
    with archive.open(archive.infolist()[-1]) as last:
        assert last.read(5) == bytes(5)


def test_more_files_than_an_old_zip_can_count():
    layout = ZipLayout([Entry(f"{number}", 0, 0, "") for number in range(70_000)], MOMENT)

    archive = zipfile.ZipFile(io.BufferedReader(ZipReader(layout, lambda one: io.BytesIO())))

    assert len(archive.infolist()) == 70_000


def test_a_file_that_has_shrunk_breaks_off_instead_of_sending_something_else():
    layout = ZipLayout([Entry("a", 100, 0, "a")], MOMENT)

    with pytest.raises(OSError, match="shorter than it was"):
        ZipReader(layout, lambda one: io.BytesIO(b"only this")).read()


def test_one_entry_at_a_time_is_open():
    opened = []

    class Watched(io.BytesIO):
        pass

    def open_entry(one: Entry) -> Watched:
        assert all(earlier.closed for earlier in opened)
        opened.append(Watched(bytes(10)))
        return opened[-1]

    with ZipReader(ZipLayout([Entry(name, 10, 0, name) for name in "abc"], MOMENT), open_entry) as reader:
        reader.read()
    assert len(opened) == 3 and all(one.closed for one in opened)
