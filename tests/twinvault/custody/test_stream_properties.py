"""Encrypted streams, whatever is done to them: the exact plaintext comes out, or StreamDamaged, never wrong bytes."""

import io
import random
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from twinvault.custody.stream import FIRST_PLAIN, HEADER, NEXT_PLAIN, SEGMENT, TAG, DecryptingReader, SegmentWriter, StreamDamaged

KEY, NAME = bytes(range(32)), b"object 1"
NOISE = random.Random(2).randbytes(3 * SEGMENT + 2000)
EDGES = [0, FIRST_PLAIN, SEGMENT, FIRST_PLAIN + NEXT_PLAIN, 2 * SEGMENT, FIRST_PLAIN + 2 * NEXT_PLAIN, 3 * SEGMENT]
# the same examples every time, so that a change that breaks something is what breaks the test
the_same = settings(deadline=None, derandomize=True, database=None, max_examples=200)

near_an_edge = st.builds(lambda edge, off: max(0, edge + off), st.sampled_from(EDGES), st.integers(-TAG - 2, TAG + 2))
inside_a_segment = st.builds(lambda segment, off: segment * SEGMENT + off, st.sampled_from([3, 2, 1, 0]), st.integers(0, 1900))
places = near_an_edge | inside_a_segment | st.integers(0, 3 * SEGMENT + 1000)
steps = st.sampled_from([1, TAG, HEADER, 4096, SEGMENT - 1, SEGMENT, SEGMENT + 1]) | st.integers(0, 2 * SEGMENT)


def encrypted(plain: bytes, key: bytes = KEY, name: bytes = NAME) -> bytes:
    raw = io.BytesIO()
    writer = SegmentWriter(raw, key, name)
    writer.write(plain)
    writer.finish()
    return raw.getvalue()


def reader_of(cipher: bytes) -> DecryptingReader:
    return DecryptingReader(io.BytesIO(cipher), KEY, NAME)


@the_same
@given(length=places, sizes=st.lists(steps, max_size=8), cuts=st.lists(places, max_size=5))
@example(length=FIRST_PLAIN, sizes=[], cuts=[FIRST_PLAIN, FIRST_PLAIN])
def test_however_it_is_written_and_gone_on_with_it_comes_back(length, sizes, cuts):
    """`sizes` are the first writes; at each of `cuts` the writer goes away, with half a segment torn behind what it wrote."""
    plain, raw = memoryview(NOISE[:length]), io.BytesIO()
    writer, at, cuts = SegmentWriter(raw, KEY, NAME), 0, sorted(cuts)
    while True:
        while cuts and cuts[0] <= at:
            cuts.pop(0)
            tail = writer.tail
            assert len(tail) <= NEXT_PLAIN
            raw.seek(0, io.SEEK_END)
            raw.write(NOISE[: SEGMENT // 2 - HEADER])
            writer = SegmentWriter.resume(raw, KEY, NAME, tail)
        assert writer.size == at
        if at >= length:
            break
        step = min(sizes.pop(0) if sizes else length, (cuts[0] if cuts else length) - at, length - at)
        assert writer.write(plain[at : at + step]) == step
        at += step

    assert writer.finish() == length
    assert reader_of(raw.getvalue()).read() == plain


@the_same
@given(length=places, ranges=st.lists(st.tuples(places, steps, st.booleans()), max_size=12))
def test_any_range_is_as_in_the_plain_file(length, ranges):
    plain = NOISE[:length]
    file, reader = io.BytesIO(plain), reader_of(encrypted(plain))

    for start, wanted, into in ranges:
        assert reader.seek(start) == file.seek(start)
        if into:
            buffer = bytearray(wanted)
            given_bytes = reader.readinto(buffer)
            assert bool(given_bytes) == bool(wanted and start < length)
            assert buffer[:given_bytes] == file.read(given_bytes)
        else:
            assert reader.read(wanted) == file.read(wanted)
        assert reader.tell() == max(start, file.tell())


Deed = Callable[[list[bytes], bytes], None]


def flip(place: int, bit: int) -> Deed:
    def deed(pieces: list[bytes], _other: bytes) -> None:
        whole = bytearray(b"".join(pieces))
        whole[place % len(whole)] ^= 1 << bit
        pieces[:] = segments_of(bytes(whole))

    return deed


def cut(place: int) -> Deed:
    def deed(pieces: list[bytes], _other: bytes) -> None:
        whole = b"".join(pieces)
        pieces[:] = segments_of(whole[: place % len(whole)])

    return deed


def append(length: int) -> Deed:
    return lambda pieces, _other: pieces.append(NOISE[-length:])


def drop(index: int) -> Deed:
    return lambda pieces, _other: pieces.__delitem__(index % len(pieces))


def repeat(index: int) -> Deed:
    return lambda pieces, _other: pieces.insert(index % len(pieces), pieces[index % len(pieces)])


def swap(one: int, two: int) -> Deed:
    def deed(pieces: list[bytes], _other: bytes) -> None:
        one_, two_ = one % len(pieces), two % len(pieces)
        pieces[one_], pieces[two_] = pieces[two_], pieces[one_]

    return deed


def take_from_another(index: int) -> Deed:
    def deed(pieces: list[bytes], other: bytes) -> None:
        theirs = segments_of(other)
        pieces[index % len(pieces)] = theirs[index % len(theirs)]

    return deed


def segments_of(cipher: bytes) -> list[bytes]:
    return [cipher[at : at + SEGMENT] for at in range(0, len(cipher), SEGMENT)] or [b""]


# from the end and from the beginning
indexes = st.sampled_from([-1, 0, -2, 1])
deeds = st.one_of(
    st.builds(flip, places, st.integers(0, 7)),
    st.builds(flip, st.integers(0, HEADER + TAG), st.integers(0, 7)),
    st.builds(cut, places),
    st.builds(append, st.sampled_from([1, TAG, SEGMENT]) | st.integers(1, SEGMENT)),
    st.builds(drop, indexes),
    st.builds(repeat, indexes),
    st.builds(swap, indexes, indexes),
    st.builds(take_from_another, indexes),
)


@the_same
@given(
    length=places,
    deed=deeds,
    other=st.sampled_from([(bytes(32), NAME), (KEY, b"object 2"), (KEY, NAME)]),
    ranges=st.lists(st.tuples(places, steps), min_size=1, max_size=6),
)
@example(length=2 * SEGMENT, deed=drop(-1), other=(KEY, NAME), ranges=[(0, 1)])
def test_whatever_is_done_to_the_ciphertext_no_wrong_byte_comes_out(length, deed, other, ranges):
    plain, wrong = NOISE[:length], []
    cipher = encrypted(plain)
    pieces = segments_of(cipher)
    deed(pieces, encrypted(plain, *other))
    touched = b"".join(pieces)
    if touched == cipher:
        assert reader_of(touched).read() == plain
        return

    with pytest.raises(StreamDamaged):
        reader_of(touched).read()
    try:
        reader = reader_of(touched)
    except StreamDamaged:
        return
    # a reader that has met the damage goes on in other places, where all is well
    for start, wanted in ranges:
        reader.seek(start)
        try:
            if reader.read(wanted) != plain[start : start + wanted]:
                wrong.append((start, wanted))
        except StreamDamaged:
            continue
    assert not wrong
