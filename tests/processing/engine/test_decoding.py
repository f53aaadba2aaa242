"""Decoding in a process of its own: the same pictures, and nothing that goes wrong there goes wrong here."""

import gc
import io
import os
import signal
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from processing.engine import decoding, media
from processing.engine.decoding import Decoder, DecoderDied, Limits, open_media
from processing.engine.media import MediaError
from tests.conftest import CLIPS
from tests.processing.engine.media_kinds import encode, loop, same, scene, still, yuv
from tests.processing.engine.processes import children, is_alive, is_asleep, open_descriptors, wait_until


@pytest.fixture(scope="module")
def clip() -> bytes:
    """Some 30 seconds of a man at a desk: more than a reader asks for at once."""
    return (CLIPS / "cap13_edit2.mp4").read_bytes()


@pytest.fixture(scope="module")
def noise() -> bytes:
    """A film of noise, some 10 MB for 40 frames: it has to be read out piece by piece."""
    pictures = np.random.default_rng(0).integers(0, 255, (40, 360, 640, 3), dtype=np.uint8)
    return encode([yuv(picture) for picture in pictures], options={"crf": "8", "preset": "ultrafast"}).getvalue()


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"step": 7},
        {"max_rate": 4.0, "max_side": 100},
        {"start": 0.3, "end": 1.1},
        {"start": 50.0},
    ],
)
def test_a_film_is_the_same_in_both(noise, how):
    here = list(media.read_frames(io.BytesIO(noise), **how))
    there = list(decoding.read_frames(io.BytesIO(noise), **how))

    assert len(here) == len(there)
    assert all(same(one, other) for one, other in zip(here, there, strict=True))


def test_descriptions_and_segments_are_the_same_in_both(clip, noise):
    for source in (clip, noise, still(scene(0), "JPEG").getvalue(), loop([scene(0), scene(1)], "WEBP", [50, 70]).getvalue()):
        assert decoding.probe(io.BytesIO(source)) == media.probe(io.BytesIO(source))
        assert decoding.segments(io.BytesIO(source), 0.5) == media.segments(io.BytesIO(source), 0.5)


def test_one_process_answers_several_questions_on_several_files(clip, noise):
    with Decoder() as decoder:
        with open_media(io.BytesIO(clip), decoder=decoder) as first:
            assert first.info.frames == 765
            assert [frame.index for frame in first.frames(step=100)] == list(range(0, 765, 100))
        process = decoder.process_id
        with open_media(io.BytesIO(noise), decoder=decoder) as second:
            assert second.segments() == [(0.0, float("inf"))]
            assert len(list(second.frames())) == 40
        with open_media(io.BytesIO(b"no film"), decoder=decoder) as third:
            with pytest.raises(MediaError, match="neither a film nor a picture"):
                assert third.info
        with open_media(still(scene(0), "PNG"), decoder=decoder) as fourth:
            assert (next(fourth.frames()).image == scene(0)).all()
        assert decoder.process_id == process
    assert not is_alive(process)


def test_frames_left_off_do_not_hinder_the_next_question(noise):
    with open_media(io.BytesIO(noise)) as film:
        frames = film.frames()
        next(frames)
        assert film.info.frames == 40
        with pytest.raises(RuntimeError, match="something else"):
            next(frames)
        assert len(list(film.frames(step=10))) == 4
        for _ in film.frames():
            break
        assert len(list(film.frames(step=20))) == 2


def test_pictures_given_are_the_callers_own(noise):
    first, *rest = decoding.read_frames(io.BytesIO(noise))
    before = first.image.copy()

    first.image[:] = 0

    assert not (rest[0].image == before).all()
    assert len({frame.image.tobytes() for frame in rest}) == 39


def test_the_process_decodes_ahead_and_is_told_the_pace(make_film):
    @dataclass
    class Wanted:
        rate: float

    pace = Wanted(1.0)
    times = []
    with open_media(make_film([scene(0)] * 250)) as film:
        for frame in film.frames(pace=pace):
            times.append(frame.time)
            if len(times) == 3:
                # Nobody asks for anything now, yet it works until all the room there is holds frames to come.
                wait_until(lambda: is_asleep(film.decoder.process_id))
                pace.rate = 25.0

    steps = np.diff(times)
    assert steps[:4] == pytest.approx([1.0] * 4, abs=0.021)
    assert steps[4:] == pytest.approx([0.04] * len(steps[4:]), abs=0.001)
    assert len(times) > 80


@pytest.mark.parametrize("use", ["exhausted", "closed early", "left to the collector", "failed"])
def test_nothing_is_left_behind(clip, use):
    list(decoding.read_frames(io.BytesIO(clip), step=400))
    before = open_descriptors()
    for _ in range(3):
        if use == "exhausted":
            assert len(list(decoding.read_frames(io.BytesIO(clip), step=400))) == 2
        elif use == "failed":
            with pytest.raises(MediaError):
                decoding.probe(io.BytesIO(clip[:5000]))
        else:
            frames = decoding.read_frames(io.BytesIO(clip))
            next(frames)
            if use == "closed early":
                frames.close()
            del frames

    assert open_descriptors() == before
    assert children() == []


@pytest.mark.parametrize("how", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT, signal.SIGXCPU, signal.SIGTERM])
def test_a_process_that_is_killed_is_one_sentence(noise, how):
    with open_media(io.BytesIO(noise)) as film:
        frames = film.frames()
        next(frames)
        process = film.decoder.process_id

        os.kill(process, how)

        with pytest.raises(MediaError) as failure:
            list(frames)
        assert str(failure.value).endswith(".") and str(failure.value).count(".") == 1
        assert how.name in str(failure.value.__cause__)
        assert isinstance(failure.value.__cause__, DecoderDied)
        assert not is_alive(process)
        # The file may be asked again: another process is started.
        assert film.info.frames == 40


def test_a_process_that_hangs_is_ended(noise):
    with open_media(io.BytesIO(noise), limits=Limits(seconds=5)) as film:
        frames = film.frames()
        next(frames)
        process = film.decoder.process_id

        os.kill(process, signal.SIGSTOP)

        with pytest.raises(MediaError, match="too long"):
            list(frames)
        assert not is_alive(process)


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage",
        b"[" * 5000,
        b"{}",
        b'["frame", 0, 0, 0.0, 0, 100, 100]',
        b'["frame", 0, "x"]',
        b'["slots", 1000, 1000000000000]',
        b'["need", 999999999, 0]',
        b'["need", 0, 99]',
        b'["info", {"kind": "video", "width": "wide"}]',
        b'["bounds", [[]]]',
        b'["end"]',
    ],
)
def test_a_process_that_answers_garbage_is_ended(monkeypatch, tmp_path, answer):
    program = tmp_path / "child.py"
    program.write_text(
        "import socket, sys, time\n"
        "line = socket.socket(fileno=int(sys.argv[1]))\n"
        "line.recv(100000)\n"
        f"line.send({answer!r})\n"
        "time.sleep(60)\n"
    )
    monkeypatch.setattr("processing.engine.decoding.decoder._CHILD", program)

    asked = (lambda media: media.info, lambda media: media.segments(), lambda media: next(media.frames(), None))
    for number, ask in enumerate(asked):
        if answer == b'["end"]' and number == 2:
            continue  # a file without frames
        with open_media(io.BytesIO(b"a file")) as film:
            with pytest.raises(MediaError, match="break off") as failure:
                ask(film)
            assert isinstance(failure.value.__cause__, DecoderDied)
    assert children() == []


def test_a_process_that_reads_for_ever_is_ended(monkeypatch, tmp_path):
    program = tmp_path / "child.py"
    program.write_text(
        "import socket, sys\n"
        "line = socket.socket(fileno=int(sys.argv[1]))\n"
        "while line.recv(100000):\n"
        "    line.send(b'[\"need\", 0, 0]')\n"
    )
    monkeypatch.setattr("processing.engine.decoding.decoder._CHILD", program)

    with pytest.raises(MediaError, match="too long") as failure:
        decoding.probe(io.BytesIO(b"a file"))
    assert "again and again" in str(failure.value.__cause__)


def test_too_little_memory_is_one_sentence():
    white = still(np.full((9000, 9000, 3), 255, np.uint8), "PNG", compress_level=1)

    with open_media(white, limits=Limits(memory=1 << 28)) as picture:
        with pytest.raises(MediaError, match="memory"):
            assert picture.info
    assert decoding.probe(white).width == 9000


class Damaged(Exception):
    """What a reader of the vault may raise."""


@pytest.mark.parametrize("at", [0, 3_000_000])
def test_what_the_source_raises_comes_through(noise, at):
    class Source(io.BytesIO):
        def read(self, size=-1):
            if self.tell() >= at:
                raise Damaged("a segment of the stream does not verify")
            return super().read(size)

    with pytest.raises(Damaged):
        list(decoding.read_frames(Source(noise)))
    assert children() == []


def test_what_the_caller_raises_ends_the_process(noise):
    with pytest.raises(Damaged):
        for _ in decoding.read_frames(io.BytesIO(noise)):
            raise Damaged
    gc.collect()
    assert children() == []


def test_the_process_ends_with_its_parent(tmp_path):
    film = tmp_path / "film.mp4"
    film.write_bytes((CLIPS / "franck.mp4").read_bytes())
    program = (
        "import os, sys\n"
        "from processing.engine.decoding import open_media\n"
        "media = open_media(open(sys.argv[1], 'rb'))\n"
        "next(media.frames())\n"
        "print(media.decoder.process_id, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(film)], stdout=subprocess.PIPE, text=True, check=False)

    assert ended.returncode == -signal.SIGKILL
    wait_until(lambda: not is_alive(int(ended.stdout)))
