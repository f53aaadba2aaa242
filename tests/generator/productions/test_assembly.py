import io
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest

from generator.productions.assembly import AssemblyError, assemble, film_frames, film_piece, join, nominal_rate, title_frames
from generator.productions.storyboard import Caption, Card, Storyboard
from generator.protection.visible_mark import VisibleMark
from tests.conftest import CLIPS
from tests.generator.productions.films import (
    RATE,
    SOUND_RATE,
    drawn_frames,
    heard,
    pictures,
    psnr,
    template,
    tone,
)

BARE = Storyboard("memorial")
WITH_CARDS = Storyboard(
    "memorial",
    title=Card("Margarete Schönhuber", "1931 – 2024", "Sie las uns jeden Abend vor.", seconds=0.8),
    captions=[Caption(0.2, 0.6, "Guten Abend.")],
    closing=Card("Danke", seconds=0.52),
)


def mark_for(frames) -> VisibleMark:
    height, width = frames[0].shape[:2]
    return VisibleMark(width, height)


def outside(mark: VisibleMark) -> np.ndarray:
    x0, y0, x1, y1 = mark.region
    where = np.ones((mark.height, mark.width), bool)
    where[y0:y1, x0:x1] = False
    return where


def test_a_bare_film_runs_frame_by_frame_with_real_footage_above_40_db():
    with av.open(str(CLIPS / "cap13_edit2.mp4")) as clip:
        frames = [frame.to_ndarray(format="rgb24") for frame, _ in zip(clip.decode(video=0), range(40), strict=False)]
    mark = mark_for(frames)

    with open(CLIPS / "cap13_edit2.mp4", "rb") as reader:
        film = assemble(BARE, reader, iter(frames), 25.0, mark)

    shown = list(pictures(film))
    assert len(shown) == 40
    assert min(psnr(a, b, outside(mark)) for a, b in zip(frames, shown, strict=True)) >= 40
    with av.open(io.BytesIO(film)) as container:
        assert not container.streams.audio
        assert container.streams.video[0].average_rate == 25
        assert container.streams.video[0].codec_context.name == "h264"


def test_every_frame_stands_where_the_storyboard_puts_it():
    frames = drawn_frames(30)
    mark = mark_for(frames)

    film = assemble(WITH_CARDS, template(frames), iter(frames), RATE, mark)

    shown = list(pictures(film))
    first = title_frames(WITH_CARDS, RATE)
    assert first == 20
    assert len(shown) == film_frames(WITH_CARDS, RATE, 30) == 20 + 30 + 13
    for number, frame in enumerate(frames):
        likeness = [psnr(frame[: 120 * 2 // 3], other[: 120 * 2 // 3], outside(mark)[:80]) for other in shown]
        assert np.argmax(likeness) == first + number


def test_captions_appear_at_their_time_and_only_in_the_lower_third():
    frames = [np.full((120, 160, 3), 200, np.uint8)] * 20
    mark = mark_for(frames)

    film = assemble(Storyboard("memorial", captions=[Caption(0.2, 0.6, "Hello")]), template(frames), iter(frames), RATE, mark)

    changed = [np.abs(image.astype(int) - 200).max(axis=2) > 40 for image in pictures(film)]
    assert [bool(image[80:].any()) for image in changed] == [5 <= number < 15 for number in range(20)]
    assert not any((image[:78] & outside(mark)[:78]).any() for image in changed)


def test_every_frame_bears_the_mark_the_cards_too():
    frames = [np.full((120, 160, 3), 240, np.uint8)] * 4
    mark = mark_for(frames)

    film = assemble(WITH_CARDS, template(frames), iter(frames), RATE, mark)

    x0, y0, x1, y1 = mark.region
    assert all(image[y0:y1, x0:x1].max() > 200 for image in pictures(film))
    assert all(image[y0:y1, x0:x1].min() < 130 for image in pictures(film))


def test_cards_fade_in_from_black_and_out_again():
    frames = drawn_frames(2)
    mark = mark_for(frames)

    film = assemble(WITH_CARDS, template(frames), iter(frames), RATE, mark)

    light = [image[60:].mean() for image in list(pictures(film))[:20]]
    assert light[0] < 0.2 * light[10]
    assert light[19] < 0.2 * light[10]
    assert all(a <= b + 0.5 for a, b in pairwise(light[:7]))


@pytest.mark.parametrize("begins", [Fraction(0), Fraction(6, 25)])
@pytest.mark.parametrize("storyboard", [BARE, WITH_CARDS])
def test_the_sound_starts_with_the_first_template_frame(storyboard, begins):
    frames, sound = drawn_frames(30), tone(1.6)

    film = assemble(storyboard, template(frames, sound, begins), iter(frames), RATE, mark_for(frames))

    wave, starts = heard(film), round(title_frames(storyboard, RATE) / RATE * SOUND_RATE)
    skipped = round(begins * SOUND_RATE)
    part = sound[0, skipped + 10000 : skipped + 20000]
    offsets = range(-60, 61)
    likeness = [np.corrcoef(part, wave[starts + 10000 + o : starts + 20000 + o])[0, 1] for o in offsets]
    assert abs(offsets[int(np.argmax(likeness))]) <= 2
    assert max(likeness) > 0.98


def test_cards_are_silent_and_the_sound_ends_with_the_picture():
    frames, sound = drawn_frames(25), tone(3)

    film = assemble(WITH_CARDS, template(frames, sound), iter(frames), RATE, mark_for(frames))

    wave = heard(film)
    title, closing = round(0.8 * SOUND_RATE), round(1.8 * SOUND_RATE)
    assert np.abs(wave[: title - 1100]).max() < 0.02
    assert np.abs(wave[title + 1100 : closing - 1100]).max() > 0.3
    assert np.abs(wave[closing + 1100 :]).max() < 0.02
    assert abs(len(wave) - 2.32 * SOUND_RATE) <= 2048


def test_a_short_sound_track_is_followed_by_silence():
    frames = drawn_frames(25)

    film = assemble(WITH_CARDS, template(frames, tone(0.4)), iter(frames), RATE, mark_for(frames))

    wave = heard(film)
    assert len(wave) >= 2.3 * SOUND_RATE
    assert np.abs(wave[round(1.3 * SOUND_RATE) :]).max() < 0.02


def packets(film: bytes) -> list[bytes]:
    with av.open(io.BytesIO(film)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def test_without_cards_the_sound_is_copied_bit_by_bit_and_ends_with_the_picture():
    frames, sound = drawn_frames(25), tone(2)
    original = template(frames, sound)

    film = assemble(BARE, original, iter(frames), RATE, mark_for(frames))

    copied, all_of_it = packets(film), packets(original.getvalue())
    assert copied == all_of_it[: len(copied)]
    assert abs(len(heard(film)) - SOUND_RATE) <= 2048
    with av.open(io.BytesIO(film)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]


def test_pieces_that_several_workers_encoded_are_one_film():
    frames, sound = drawn_frames(30), tone(1.6)
    mark = mark_for(frames)
    whole = assemble(WITH_CARDS, template(frames, sound), iter(frames), RATE, mark)

    bounds = [(0, 11), (11, 12), (12, 30)]
    pieces = [film_piece(WITH_CARDS, iter(frames[a:b]), RATE, mark, first=a, title=a == 0, closing=b == 30) for a, b in bounds]
    joined = join(WITH_CARDS, template(frames, sound), [p.content for p in pieces], sum(p.frames for p in pieces), RATE)

    apart = [np.abs(a.astype(int) - b).mean() for a, b in zip(pictures(whole), pictures(joined), strict=True)]
    assert len(apart) == film_frames(WITH_CARDS, RATE, 30) and max(apart) < 3
    assert (heard(joined) == heard(whole)).all()
    with av.open(io.BytesIO(joined)) as container:
        times = [packet.dts for packet in container.demux(video=0) if packet.dts is not None]
    assert times == sorted(set(times))


def test_pieces_that_do_not_fit_together_are_refused():
    frames = drawn_frames(10)
    small = film_piece(BARE, iter(frames), RATE, mark_for(frames), title=True, closing=True)
    others = drawn_frames(10, width=176)
    large = film_piece(BARE, iter(others), RATE, mark_for(others), title=True, closing=True)
    with pytest.raises(AssemblyError, match="encoded in different ways"):
        join(BARE, template(frames), [small.content, large.content], 20, RATE)
    with pytest.raises(AssemblyError, match="hold 10 pictures instead of 20"):
        join(BARE, template(frames), [small.content], 20, RATE)


def test_odd_sizes_grow_by_repeating_the_edge():
    frames = drawn_frames(5, width=161, height=121)
    mark = mark_for(frames)

    film = assemble(WITH_CARDS, template(drawn_frames(5)), iter(frames), RATE, mark)

    shown = list(pictures(film))[20:25]
    assert shown[0].shape == (122, 162, 3)
    assert psnr(shown[4][:80, :161], frames[4][:80], outside(mark)[:80]) > 38
    assert psnr(shown[4][30:80, 161], frames[4][30:80, 160]) > 30


def test_the_index_comes_first_so_that_the_film_starts_while_it_loads():
    frames = drawn_frames(5)

    film = assemble(BARE, template(frames), iter(frames), RATE, mark_for(frames))

    assert 0 < film.find(b"moov") < film.find(b"mdat")


@pytest.mark.parametrize(("rate", "exact"), [(29.97002997, Fraction(30000, 1001)), (25, Fraction(25)), (12.5, Fraction(25, 2))])
def test_the_nominal_rate_is_kept(rate, exact):
    frames = drawn_frames(6)

    film = assemble(BARE, template(frames), iter(frames), rate, mark_for(frames))

    assert nominal_rate(rate) == exact
    with av.open(io.BytesIO(film)) as container:
        assert container.streams.video[0].average_rate == exact


def test_the_film_says_how_its_colours_are_meant():
    frames = drawn_frames(2)

    film = assemble(BARE, template(frames), iter(frames), RATE, mark_for(frames))

    with av.open(io.BytesIO(film)) as container:
        frame = next(container.decode(video=0))
    assert (frame.colorspace, frame.color_range) == (6, 1)


def test_progress_counts_every_film_frame_and_can_stop_the_work():
    frames, told = drawn_frames(5), []
    assemble(WITH_CARDS, template(frames), iter(frames), RATE, mark_for(frames), told.append)
    assert told == list(range(1, film_frames(WITH_CARDS, RATE, 5) + 1))

    def stop(count):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        assemble(BARE, template(frames), iter(frames), RATE, mark_for(frames), stop)


def test_what_cannot_be_assembled_is_said_in_a_sentence():
    frames = drawn_frames(3)
    mark = mark_for(frames)
    with pytest.raises(AssemblyError, match="no frames"):
        assemble(BARE, template(frames), iter([]), RATE, mark)
    with pytest.raises(AssemblyError, match="Frame 1 is 80 x 60 pixels where the template has 160 x 120"):
        assemble(BARE, template(frames), iter([frames[0], frames[0][:60, :80]]), RATE, mark)
    with pytest.raises(AssemblyError, match="0 frames per second"):
        assemble(BARE, template(frames), iter(frames), 0, mark)
    with pytest.raises(AssemblyError, match="sound cannot be read"):
        assemble(BARE, io.BytesIO(b"no film"), iter(frames), RATE, mark)


def test_nothing_is_written_to_disk(monkeypatch, tmp_path):
    frames = drawn_frames(5)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    assemble(WITH_CARDS, template(frames, tone(1)), iter(frames), RATE, mark_for(frames))

    assert list(tmp_path.iterdir()) == []
