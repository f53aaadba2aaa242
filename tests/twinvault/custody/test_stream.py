"""The encrypted stream: whatever goes in comes out, from anywhere in it, and nothing that was touched comes out at all."""

import io
import os
import random

import pytest

from twinvault.custody.stream import (
    FIRST_PLAIN,
    HEADER,
    NEXT_PLAIN,
    SEGMENT,
    TAG,
    DecryptingReader,
    SegmentWriter,
    StreamDamaged,
    plain_before,
    plain_size,
    segments_before,
)

KEY = bytes(range(32))
NAME = b"object 1"
EDGES = [0, 1, FIRST_PLAIN - 1, FIRST_PLAIN, FIRST_PLAIN + 1, SEGMENT, FIRST_PLAIN + NEXT_PLAIN, FIRST_PLAIN + NEXT_PLAIN + 1]
LENGTHS = [*EDGES, 3 * SEGMENT + 12345]


def some_bytes(length: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(length)


def encrypted(plain: bytes, key: bytes = KEY, name: bytes = NAME) -> bytes:
    raw = io.BytesIO()
    writer = SegmentWriter(raw, key, name)
    writer.write(plain)
    writer.finish()
    return raw.getvalue()


def decrypted(cipher: bytes, key: bytes = KEY, name: bytes = NAME) -> bytes:
    return DecryptingReader(io.BytesIO(cipher), key, name).read()


@pytest.mark.parametrize("length", LENGTHS)
def test_what_goes_in_comes_out(length):
    plain = some_bytes(length)

    cipher = encrypted(plain)

    assert decrypted(cipher) == plain
    assert plain_size(len(cipher)) == length


@pytest.mark.parametrize("length", LENGTHS)
def test_the_size_is_header_and_a_tag_a_segment(length):
    cipher = encrypted(some_bytes(length))

    segments = max(1, -(-len(cipher) // SEGMENT))
    assert len(cipher) == HEADER + length + segments * TAG


def test_pieces_of_any_size_give_the_same_stream():
    plain, dice = some_bytes(2 * SEGMENT + 99), random.Random(3)
    raw = io.BytesIO()
    writer = SegmentWriter(raw, KEY, NAME)

    at = 0
    while at < len(plain):
        step = dice.choice([1, 17, 4096, 300_000])
        writer.write(plain[at : at + step])
        at += step
        assert writer.size == min(at, len(plain))
    assert writer.finish() == len(plain)

    assert decrypted(raw.getvalue()) == plain


def test_two_streams_of_the_same_bytes_share_nothing():
    first, second = encrypted(b"the same" * 100), encrypted(b"the same" * 100)

    assert first[1:HEADER] != second[1:HEADER]
    assert first[HEADER:] != second[HEADER:]


@pytest.mark.parametrize("length", LENGTHS)
def test_any_range_can_be_read(length):
    plain, dice = some_bytes(length), random.Random(length)
    reader = DecryptingReader(io.BytesIO(encrypted(plain)), KEY, NAME)
    assert reader.size == length

    for _ in range(40):
        start = dice.randint(0, length + 2)
        wanted = dice.choice([0, 1, 100, SEGMENT, 2 * SEGMENT])
        reader.seek(start)
        assert reader.read(wanted) == plain[start : start + wanted]
        assert reader.tell() == max(start, min(start + wanted, length))


def test_seeking_is_as_in_any_file():
    plain = some_bytes(SEGMENT + 500)
    reader = DecryptingReader(io.BytesIO(encrypted(plain)), KEY, NAME)

    assert reader.seek(-10, io.SEEK_END) == len(plain) - 10
    assert reader.read() == plain[-10:]
    reader.seek(5)
    assert reader.seek(5, io.SEEK_CUR) == 10
    assert reader.read(3) == plain[10:13]
    with pytest.raises(ValueError, match="before the beginning"):
        reader.seek(-1)


def test_a_buffered_reader_works_on_top():
    plain = some_bytes(2 * SEGMENT + 7)

    with io.BufferedReader(DecryptingReader(io.BytesIO(encrypted(plain)), KEY, NAME), 10_000) as reader:
        assert reader.peek(4)[:4] == plain[:4]
        assert reader.read() == plain


def test_closing_closes_what_lies_below():
    raw = io.BytesIO(encrypted(b"abc"))

    DecryptingReader(raw, KEY, NAME).close()

    assert raw.closed


@pytest.mark.parametrize("length", [0, 1, FIRST_PLAIN + 1, 2 * SEGMENT])
def test_a_truncated_stream_is_noticed_before_a_byte_is_given(length):
    cipher, dice = encrypted(some_bytes(length)), random.Random(7)
    cuts = {0, 1, HEADER - 1, HEADER, HEADER + TAG - 1, len(cipher) - 1, len(cipher) - TAG}
    cuts |= {dice.randrange(len(cipher)) for _ in range(20)} | set(range(SEGMENT, len(cipher), SEGMENT))

    for cut in sorted(cut for cut in cuts if cut < len(cipher)):
        with pytest.raises(StreamDamaged):
            DecryptingReader(io.BytesIO(cipher[:cut]), KEY, NAME)


def test_appended_bytes_are_noticed():
    cipher = encrypted(some_bytes(SEGMENT))

    for more in (b"\0", os.urandom(TAG), os.urandom(SEGMENT), cipher):
        with pytest.raises(StreamDamaged):
            DecryptingReader(io.BytesIO(cipher + more), KEY, NAME)


def test_any_flipped_bit_is_noticed():
    plain, dice = some_bytes(2 * SEGMENT), random.Random(11)
    cipher = encrypted(plain)
    places = [0, 1, 32, 33, 39, 40, SEGMENT - 1, SEGMENT, len(cipher) - 1] + [dice.randrange(len(cipher)) for _ in range(20)]

    for place in places:
        touched = bytearray(cipher)
        touched[place] ^= 1 << dice.randrange(8)
        with pytest.raises(StreamDamaged):
            decrypted(bytes(touched))


def test_damage_in_one_segment_leaves_the_others_readable():
    plain = some_bytes(3 * SEGMENT)
    touched = bytearray(encrypted(plain))
    touched[SEGMENT + 5] ^= 1
    reader = DecryptingReader(io.BytesIO(bytes(touched)), KEY, NAME)

    assert reader.read(100) == plain[:100]
    reader.seek(FIRST_PLAIN)
    with pytest.raises(StreamDamaged, match="segment 1"):
        reader.read(1)


def test_exchanged_repeated_and_dropped_segments_are_noticed():
    cipher = encrypted(some_bytes(4 * SEGMENT))
    first, second, third, rest = (cipher[at * SEGMENT : (at + 1) * SEGMENT if at < 3 else None] for at in range(4))

    for touched in (first + third + second + rest, first + second + second + rest, first + third + rest):
        with pytest.raises(StreamDamaged):
            decrypted(touched)


def test_a_segment_of_another_stream_is_noticed():
    one, other = encrypted(some_bytes(2 * SEGMENT, seed=1)), encrypted(some_bytes(2 * SEGMENT, seed=2))

    with pytest.raises(StreamDamaged):
        decrypted(one[:SEGMENT] + other[SEGMENT : 2 * SEGMENT] + one[2 * SEGMENT :])


@pytest.mark.parametrize(("key", "name"), [(bytes(32), NAME), (KEY, b"object 2"), (KEY, b"")])
def test_another_key_or_another_object_does_not_open_it(key, name):
    with pytest.raises(StreamDamaged):
        decrypted(encrypted(b"a face"), key, name)


@pytest.mark.parametrize("length", [0, 1, FIRST_PLAIN, FIRST_PLAIN + 1, 3 * SEGMENT])
def test_a_writer_can_go_on_at_any_cut(length, tmp_path):
    """Each process takes a part, keeps the tail, and goes away; the last one ends the stream."""
    plain, dice = some_bytes(length), random.Random(length)
    cuts = sorted({0, length, *(min(length, edge) for edge in EDGES), *(dice.randint(0, length) for _ in range(4))})
    path = tmp_path / "growing"
    with path.open("xb") as raw:
        tail = SegmentWriter(raw, KEY, NAME).tail

    for start, end in zip(cuts, [*cuts[1:], length], strict=True):
        with path.open("r+b") as raw:
            writer = SegmentWriter.resume(raw, KEY, NAME, tail)
            assert writer.size == start
            writer.write(plain[start:end])
            tail = writer.tail
    with path.open("r+b") as raw:
        assert SegmentWriter.resume(raw, KEY, NAME, tail).finish() == length

    assert decrypted(path.read_bytes()) == plain


def test_a_torn_segment_is_cut_off_when_a_writer_goes_on(tmp_path):
    plain, path = some_bytes(3 * SEGMENT), tmp_path / "growing"
    with path.open("xb") as raw:
        writer = SegmentWriter(raw, KEY, NAME)
        writer.write(plain[: 2 * SEGMENT])
    with path.open("ab") as raw:
        raw.write(os.urandom(777))

    with path.open("r+b") as raw:
        whole = plain_before(segments_before(path.stat().st_size))
        writer = SegmentWriter.resume(raw, KEY, NAME, tail=b"")
        assert writer.size == whole
        writer.write(plain[whole:])
        writer.finish()

    assert decrypted(path.read_bytes()) == plain


def test_the_tail_is_never_more_than_a_segment():
    writer = SegmentWriter(io.BytesIO(), KEY, NAME)

    for _ in range(9):
        writer.write(bytes(300_000))
        assert len(writer.tail) <= NEXT_PLAIN


class Dribbling(io.BytesIO):
    """Gives at most 1000 bytes at once, as a socket may."""

    def readinto(self, buffer) -> int:
        return super().readinto(memoryview(buffer)[:1000])


class OnlyRead:
    """A file that knows no more than `read` and `seek`, and gives at most 1000 bytes at once."""

    def __init__(self, content: bytes):
        self._file = io.BytesIO(content)
        self.seek = self._file.seek

    def read(self, size: int) -> bytes:
        return self._file.read(min(size, 1000))


class Counting(io.BytesIO):
    """Knows how many bytes were read from it."""

    taken = 0

    def readinto(self, buffer) -> int:
        came = super().readinto(buffer)
        self.taken += came
        return came

    def read(self, size: int | None = -1) -> bytes:
        piece = super().read(size)
        self.taken += len(piece)
        return piece


@pytest.mark.parametrize("kind", [Dribbling, OnlyRead])
def test_a_file_that_gives_little_at_once_is_not_taken_for_a_damaged_one(kind):
    plain = some_bytes(SEGMENT + 500)

    assert DecryptingReader(kind(encrypted(plain)), KEY, NAME).read() == plain


def test_a_file_that_shrinks_while_it_is_read_is_damaged():
    raw = io.BytesIO(encrypted(some_bytes(3 * SEGMENT)))
    reader = DecryptingReader(raw, KEY, NAME)
    raw.truncate(SEGMENT + 100)

    reader.seek(FIRST_PLAIN)
    with pytest.raises(StreamDamaged, match="segment 1 of the encrypted stream is truncated"):
        reader.read(1)


def test_a_look_at_the_end_reads_the_header_and_the_last_segment_once():
    plain = some_bytes(5 * SEGMENT - 1000)
    raw = Counting(encrypted(plain))
    reader = DecryptingReader(raw, KEY, NAME)

    for start in (-1, -1000, -SEGMENT // 2):
        reader.seek(start, io.SEEK_END)
        assert reader.read() == plain[start:]
    assert raw.taken <= HEADER + SEGMENT

    for start in (-SEGMENT - 5, -SEGMENT + 20, -SEGMENT - 9):
        reader.seek(start, io.SEEK_END)
        assert reader.read() == plain[start:]
    assert raw.taken <= HEADER + 2 * SEGMENT


def test_a_read_reads_no_segment_that_it_does_not_need():
    plain = some_bytes(5 * SEGMENT)
    raw = Counting(encrypted(plain))
    reader = DecryptingReader(raw, KEY, NAME)
    before = raw.taken

    reader.seek(FIRST_PLAIN - 10)
    assert reader.read(20) == plain[FIRST_PLAIN - 10 : FIRST_PLAIN + 10]
    assert reader.read(NEXT_PLAIN - 10) == plain[FIRST_PLAIN + 10 : FIRST_PLAIN + NEXT_PLAIN]

    assert raw.taken - before == 2 * SEGMENT - HEADER


def test_a_finished_stream_takes_no_more():
    """A second last segment would be encrypted under the same nonce."""
    raw = io.BytesIO()
    writer = SegmentWriter(raw, KEY, NAME)
    writer.write(b"a face")
    writer.finish()

    with pytest.raises(ValueError, match="finished"):
        writer.write(b"more")
    assert writer.finish() == 6
    assert decrypted(raw.getvalue()) == b"a face"


def test_a_write_that_fails_can_be_gone_on_with(tmp_path):
    """The raw file fills up in the middle; what the writer says it has taken is what is there, and the rest can follow."""
    plain, path = some_bytes(3 * SEGMENT), tmp_path / "growing"

    class Full(io.FileIO):
        room = SEGMENT + 100

        def write(self, data) -> int:
            self.room -= super().write(data[: self.room])
            if not self.room:
                raise OSError("no space left")
            return len(data)

    with Full(path, "w") as raw:
        writer = SegmentWriter(raw, KEY, NAME)
        with pytest.raises(OSError, match="no space"):
            writer.write(plain)
        size, tail = writer.size, writer.tail
    with path.open("r+b") as raw:
        writer = SegmentWriter.resume(raw, KEY, NAME, tail)
        assert writer.size == size
        writer.write(plain[size:])
        writer.finish()

    assert decrypted(path.read_bytes()) == plain


def test_the_error_names_the_stream_and_the_segment():
    cipher = bytearray(encrypted(some_bytes(2 * SEGMENT)))
    cipher[SEGMENT + 5] ^= 1

    with pytest.raises(StreamDamaged, match=r"^object 1234: segment 1 is damaged$"):
        DecryptingReader(io.BytesIO(cipher), KEY, NAME, name="object 1234").read()
    with pytest.raises(StreamDamaged, match=r"^segment 1 of the encrypted stream is damaged$"):
        decrypted(bytes(cipher))
    with pytest.raises(StreamDamaged, match=r"^object 1234 is truncated$"):
        DecryptingReader(io.BytesIO(cipher[: HEADER + 3]), KEY, NAME, name="object 1234")
    with pytest.raises(StreamDamaged, match=r"^object 1234: the header is damaged$"):
        DecryptingReader(io.BytesIO(b"no stream"), KEY, NAME, name="object 1234")
