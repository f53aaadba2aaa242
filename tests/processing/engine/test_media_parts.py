"""Parts of films: where shots and segments begin, which frames are chosen."""

import io
import math
from dataclasses import dataclass

import numpy as np
import pytest

from processing.engine.media import read_frames, segments
from processing.engine.shots import CutFinder
from tests.conftest import CLIPS
from tests.processing.engine.media_kinds import encode, loop, scene, still, yuv


def film_of(count: int, *, every: int = 10, container: str = "mp4", rate: int = 25, bframes: int = 2) -> io.BytesIO:
    """A film whose every frame is of one brightness, its number, with a keyframe every `every` frames."""
    frames = [yuv(np.full((48, 64, 3), 2 * n % 250, np.uint8)) for n in range(count)]
    options = {"x264-params": f"keyint={every}:min-keyint={every}:scenecut=0:bframes={bframes}:crf=10"}
    return encode(frames, container=container, rate=rate, options=options)


@dataclass
class Wanted:
    rate: float


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts", "avi"])
@pytest.mark.parametrize("length", [0.4, 1.0, 1.3])
def test_segments_together_are_the_whole(container, length):
    film = film_of(100, container=container, bframes=0 if container == "avi" else 2)
    whole = list(read_frames(film))

    parts = segments(film, length)

    assert len(whole) == 100
    assert parts[0][0] == 0.0 and parts[-1][1] == math.inf
    assert [end for _, end in parts[:-1]] == [start for start, _ in parts[1:]]
    assert len(parts) > 2
    assert all(end - start > length - 1e-6 for start, end in parts[:-1])
    pieces = [frame for start, end in parts for frame in read_frames(film, start=start, end=end)]
    assert [frame.time for frame in pieces] == [frame.time for frame in whole]
    assert [frame.index for frame in pieces] == [frame.index for frame in whole]
    assert all((piece.image == frame.image).all() for piece, frame in zip(pieces, whole, strict=True))


def test_a_part_may_begin_between_keyframes():
    film = film_of(60)

    frames = list(read_frames(film, start=0.5, end=1.0))

    assert [frame.index for frame in frames] == list(range(13, 25))
    assert frames[0].time == pytest.approx(0.52)
    assert all(abs(float(frame.image.mean()) - 2 * frame.index) < 4 for frame in frames)


@pytest.mark.parametrize("container", ["mp4", "avi"])  # the time stamps of an avi count frames
def test_a_part_begins_and_ends_with_the_frames_between_whose_times_its_bounds_lie(container):
    film = film_of(60, container=container, bframes=0)
    whole = list(read_frames(film))

    for first, last in ((12, 25), (13, 26), (20, 21), (39, 60)):
        bounds = ((whole[first - 1].time + whole[first].time) / 2, whole[min(last, 59)].time + (0.02 if last == 60 else -0.02))
        frames = list(read_frames(film, start=bounds[0], end=bounds[1]))
        assert [frame.index for frame in frames] == list(range(first, last))
        assert all((frame.image == whole[frame.index].image).all() for frame in frames)


@pytest.mark.parametrize("container", ["mp4", "avi"])
def test_a_part_that_begins_at_the_time_of_a_frame_begins_with_it(container):
    film = film_of(60, container=container, bframes=0)
    times = [frame.time for frame in read_frames(film)]

    begins = [next(read_frames(film, start=time, end=time + 0.03)).index for time in times[1:]]

    assert begins == list(range(1, 60))


def test_a_part_behind_the_end_is_empty():
    assert list(read_frames(film_of(20), start=100.0)) == []


def test_a_film_recorded_by_a_browser_can_be_read_in_parts(make_film):
    pictures = [np.full((48, 64, 3), 2 * n, np.uint8) for n in range(60)]
    film = make_film(pictures, container="webm", codec="libvpx", options={"live": "1"})

    frames = list(read_frames(film, start=1.0))

    assert [frame.index for frame in frames] == list(range(25, 60))
    assert segments(film)[0][0] == 0.0


def test_short_films_stills_and_loops_are_one_segment(make_film):
    for source in (
        make_film([scene(0)] * 30),
        still(scene(0), "JPEG"),
        loop([scene(0), scene(1)], "GIF", [100, 100]),
    ):
        assert segments(source) == [(0.0, math.inf)]


def test_a_cut_between_two_chosen_frames_is_not_overlooked(make_film):
    film = make_film([scene(0)] * 13 + [scene(1)] * 2 + [scene(2)] * 15)

    frames = list(read_frames(film, max_rate=2))

    assert [(frame.index, frame.shot) for frame in frames] == [(0, 0), (12, 0), (13, 1), (15, 2), (27, 2)]


def test_shots_are_found_in_every_kind_of_picture():
    for pixel_format in ("yuv420p", "yuv422p10le", "yuv444p"):
        film = encode([yuv(scene(n // 5), pixel_format) for n in range(15)], options={"preset": "ultrafast"})

        assert [frame.shot for frame in read_frames(film)] == [0] * 5 + [1] * 5 + [2] * 5


def test_a_person_who_moves_makes_no_shots():
    with open(CLIPS / "franck.mp4", "rb") as clip:
        shots = [frame.shot for frame in read_frames(clip, max_rate=4, end=10.0)]

    assert len(shots) > 35
    assert set(shots) == {0}


def test_cuts_are_seen_in_pictures_of_any_size():
    for height, width in ((1, 1), (1, 500), (500, 1), (7, 13), (1080, 1920)):
        cuts = CutFinder()
        dark, bright = np.zeros((height, width), np.uint8), np.full((height, width), 255, np.uint8)

        assert [cuts.is_cut(picture) for picture in (dark, dark, bright, bright)] == [True, False, True, False]


def test_the_pace_can_change_while_frames_come(make_film):
    film = make_film([scene(0)] * 100)
    pace = Wanted(5.0)

    times = []
    for frame in read_frames(film, pace=pace):
        times.append(frame.time)
        if len(times) == 6:
            pace.rate = 25.0
        if len(times) == 20:
            pace.rate = 2.0

    steps = np.diff(times)
    assert steps[:5] == pytest.approx([0.2] * 5, abs=0.021)
    assert steps[5:19] == pytest.approx([0.04] * 14, abs=0.001)
    assert steps[19:] == pytest.approx([0.5] * len(steps[19:]), abs=0.021)


def test_the_slower_of_pace_and_rate_holds(make_film):
    film = make_film([scene(0)] * 50)

    assert len(list(read_frames(film, pace=Wanted(100.0), max_rate=5))) == 10
    assert len(list(read_frames(film, pace=Wanted(0.0)))) == 1


def test_frames_not_chosen_cost_no_conversion(make_film):
    # A pace that counts how often it is asked sees every frame; only the chosen ones become pictures.
    class Counting:
        asked = 0

        @property
        def rate(self) -> float:
            Counting.asked += 1
            return 1.0

    frames = list(read_frames(make_film([scene(0)] * 50), pace=Counting()))

    assert Counting.asked == 50
    assert len(frames) == 2
