"""Scenes: what is asked for is what is drawn, the same every time, and nothing leaps."""

import numpy as np
import pytest
from drawn_faces import ANNA, faces, film

from generator.engine.scenes.book import BookError, CodeBook, fit
from generator.engine.scenes.compose import Stage, backdrop, fill, film_size, placements, set_face
from generator.engine.scenes.drive import AXES, EXPRESSIONS, Range, drive_of, drives_of, hardly_seen, parts_of
from generator.engine.scenes.motion import Beat, Look, Motion, plan, speaking_seconds
from generator.engine.scenes.outline import doubt, steadied
from generator.engine.scenes.puppet import Puppet, Seen, make_book, sittings
from processing.engine.canonical import apply, crop_matrix

OPEN, EYES = AXES.index("open"), AXES.index("eyes")
SEEN = Range(*(np.array(row, np.float32) for row in ([-20, -8, 0, 0.5, 0, 0.2, 0.1], [0, 0, 0, 0.6, 0, 0.24, 0.3], [25, 9, 1,
0.7, 1, 0.3, 0.35])))  # fmt: skip


@pytest.fixture(scope="module")
def seen() -> Seen:
    _, landmarks = film(ANNA, 48)
    return Seen(landmarks, np.stack([apply(crop_matrix(points, 64), points) for points in landmarks]) / np.float32(64))


@pytest.fixture(scope="module")
def book(twin, seen) -> CodeBook:
    return make_book(twin.weights, faces(ANNA, 48), seen)


@pytest.fixture(scope="module")
def puppet(twin, book) -> Puppet:
    return Puppet(twin.weights, book)


def mouths(book: CodeBook, *openness: float) -> np.ndarray:
    parts = np.zeros((len(openness), len(AXES)), np.float32)
    parts[:, OPEN] = openness
    return book.range.at(parts)


def test_an_open_mouth_is_drawn_where_one_is_asked_for(puppet, book):
    (closed, lips), (opened, _) = puppet.draw(mouths(book, 0.0, 1.0))
    x, y = np.round(lips[[13, 14], :2].mean(0)).astype(int)
    inside = (slice(y, y + 4), slice(x - 2, x + 3))
    # between Anna's lips it is dark
    assert opened[inside].mean() < closed[inside].mean() - 15


def test_landmarks_follow_what_is_asked_for(book):
    asked = mouths(book, 0.0, 0.5, 1.0)
    _, landmarks = book.read(asked)
    measured = [drive_of(points)[OPEN] for points in landmarks]
    assert measured == pytest.approx(asked[:, OPEN].tolist(), abs=0.12) and measured == sorted(measured)


def test_the_same_is_drawn_every_time_and_from_a_stored_book(twin, puppet, book):
    again = Puppet(twin.weights, CodeBook.from_bytes(book.to_bytes()))
    drives = mouths(book, 0.3, 0.9)
    for (one, _), (same, _), (stored, _) in zip(puppet.draw(drives), puppet.draw(drives), again.draw(drives), strict=True):
        assert np.array_equal(one, same)
        assert np.abs(one.astype(int) - stored).max() <= 6


def test_codes_take_no_leaps(book):
    """Between two frames a code moves by no more than an eighth of the whole way, blinks apart."""
    motion = plan([Beat(0.5, "surprise"), Beat(2.0, "neutral")], [], 4.0, 25, book.range, seed=3)
    drives = motion.drives.copy()
    drives[:, EYES] = book.rest[EYES]
    codes, _ = book.read(drives)
    steps = np.linalg.norm(np.diff(codes.reshape(len(codes), -1), axis=0), axis=1)
    way = np.linalg.norm((codes - codes[0]).reshape(len(codes), -1), axis=1).max()
    assert 0 < steps.max() < way / 8


def test_a_book_asks_for_nothing_that_was_not_seen(book):
    beyond = np.tile(book.high + 100, (1, 1)).astype(np.float32)
    assert np.array_equal(book.read(beyond)[0], book.read(book.high[None])[0])


def test_too_few_faces_make_no_book(twin, seen):
    few = Seen(seen.landmarks[:20], seen.in_crop[:20])
    with pytest.raises(BookError, match="20 faces are too few for new scenes; at least 40 are needed"):
        make_book(twin.weights, faces(ANNA, 20), few)


def test_a_book_that_is_damaged_is_refused(book):
    with pytest.raises(BookError, match="damaged"):
        CodeBook.from_bytes(book.to_bytes()[:-200])
    with pytest.raises(BookError, match="damaged"):
        CodeBook.from_bytes(b"a letter")


def test_another_days_light_is_not_taken_for_an_expression(seen):
    """Codes that hold the mouth in one number and the day in another: the mouth's way must leave the day alone."""
    drives = drives_of(seen.landmarks)
    day = (np.arange(48) >= 30).astype(np.float32)
    # on the second day the mouth was mostly open
    drives[day > 0, OPEN] = np.quantile(drives[:, OPEN], 0.8) + 0.02 * np.sin(np.arange(18))
    codes = np.zeros((48, 2, 2, 2), np.float32)
    codes[:, 0, 0, 0], codes[:, 1, 1, 1] = drives[:, OPEN], 5.0 * day
    tones = np.zeros((48, 2, 3), np.float32)
    book = fit(codes, drives, seen.in_crop, day.astype(int), tones, 1.0)
    (closed, opened), _ = book.read(np.stack([book.rest, np.where(np.arange(7) == OPEN, book.high, book.rest)]))
    assert abs(opened[1, 1, 1] - closed[1, 1, 1]) < 0.05
    assert opened[0, 0, 0] > closed[0, 0, 0]


def test_sittings_are_parted_by_time():
    assert sittings(np.array([0.0, 1, 2, 80, 81, 200])).tolist() == [0, 0, 0, 1, 1, 2]


def test_ranges_and_parts_are_each_others_inverse():
    parts = np.array([[-1, 0.5, 0.2, -0.5, 1, -0.2, 0.7], [0] * 7], np.float32)
    assert SEEN.reach(SEEN.at(parts)) == pytest.approx(parts, abs=1e-4)
    assert SEEN.at(parts)[1] == pytest.approx(SEEN.rest)


def test_a_plan_shows_each_expression_in_its_time():
    motion = plan([Beat(0.0, "neutral"), Beat(2.0, "surprise", 0.5)], [], 4.0, 25, SEEN)
    parts = SEEN.reach(motion.drives)
    assert len(motion) == 100
    assert abs(parts[20, OPEN]) < 0.02
    assert parts[80, OPEN] == pytest.approx(0.5 * EXPRESSIONS["surprise"]["open"], abs=0.02)
    assert np.abs(np.diff(parts[:, OPEN])).max() < 0.1


def test_a_plan_is_the_same_for_the_same_seed_and_another_for_another():
    one, same, other = (plan([], [], 8.0, 25, SEEN, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.drives, same.drives) and not np.array_equal(one.drives, other.drives)


def test_eyes_blink_and_open_again():
    eyes = SEEN.reach(plan([], [], 12.0, 25, SEEN).drives)[:, EYES]
    shut = eyes < -0.8
    assert 2 <= np.count_nonzero(np.diff(shut.astype(int)) == 1) <= 6
    assert 0.01 < shut.mean() < 0.1


def test_words_move_the_mouth_and_end_when_they_are_said():
    words = "Mama, papa!"
    opened = SEEN.reach(plan([Beat(1.0, "speak", says=words)], [], 6.0, 25, SEEN).drives)[:, OPEN]
    ends = 1.1 + speaking_seconds(words)
    moving, after = opened[25 : round(25 * ends)], opened[round(25 * (ends + 0.4)) :]
    assert np.count_nonzero(np.diff((moving > 0.3).astype(int)) == 1) == 4
    assert np.abs(after).max() < 0.02 and np.abs(opened[:20]).max() < 0.02


@pytest.mark.parametrize("words", ["Ünïcödé", "Γειά σου", "こんにちは", "12"])
def test_every_script_is_spoken(words):
    assert speaking_seconds(words) > 0.25


def test_the_head_goes_where_it_is_asked_to():
    motion = plan([], [Look(0.0), Look(2.0, yaw=15, pitch=5, roll=8), Look(4.0, yaw=15, pitch=5, roll=8)], 5.0, 25, SEEN)
    yaw, pitch = motion.drives[75:, :2].mean(0)
    assert (yaw, pitch) == pytest.approx((15, 5), abs=2) and motion.roll[75:].mean() == pytest.approx(8, abs=2)
    assert plan([], [Look(0.0, yaw=90)], 1.0, 25, SEEN).drives[:, 0].max() <= 25


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_named_expressions_ask_for_no_more_than_was_seen(name):
    assert np.abs(parts_of(name)).max() <= 1 and not parts_of(name)[:2].any()


def still(count: int = 1, roll: float = 0.0) -> Motion:
    return Motion(np.zeros((count, 7), np.float32), np.full(count, roll, np.float32))


@pytest.mark.parametrize("framing", ["portrait", "medallion"])
def test_a_face_is_set_before_its_background(framing):
    width, height = film_size(framing, 96)
    stage = Stage(backdrop((20, 160, 40), width, height), framing)
    face = np.full((96, 96, 3), (200, 150, 130), np.uint8)
    person = np.zeros((96, 96), np.float32)
    person[:, 20:76] = 1.0
    frame = set_face(stage, face, person, placements(still(), 96, stage)[0])
    assert frame.shape == (height, width, 3) and width % 2 == height % 2 == 0
    assert np.abs(frame[height // 2, width // 2].astype(int) - (200, 150, 130)).max() <= 3
    assert np.abs(frame[height // 2, 6].astype(int) - stage.background[height // 2, 6]).max() <= 3


def test_what_was_behind_the_person_does_not_come_along():
    """A person before a blue wall whose colour bleeds over a soft edge."""
    stage = Stage(backdrop((90, 90, 90), 360, 360), "portrait")
    person = np.clip((30 - np.abs(np.arange(96) - 48.0)) / 8 + 0.5, 0, 1).astype(np.float32)[None].repeat(96, 0)
    face = (person[..., None] * (200, 150, 130) + (1 - person[..., None]) * (0, 0, 255)).astype(np.uint8)
    frame = set_face(stage, face, person, placements(still(), 96, stage)[0]).astype(int)
    assert (frame[100, :, 2] - frame[100, :, 0]).max() < 40


def test_a_tilted_head_turns_about_its_neck():
    stage = Stage(backdrop((0, 0, 0), 360, 360), "portrait")
    upright, tilted = (placements(still(roll=roll), 96, stage)[0] for roll in (0.0, 10.0))
    neck, eyes = np.array([[47.5, 95.5]], np.float32), np.array([[47.5, 40]], np.float32)
    assert apply(tilted, neck) == pytest.approx(apply(upright, neck), abs=0.5)
    # clockwise in the picture: to its right
    assert apply(tilted, eyes)[0, 0] > apply(upright, eyes)[0, 0] + 20


def test_a_picture_fills_the_frame_whatever_its_shape():
    for shape in ((40, 400, 3), (400, 40, 3), (1000, 1000, 3)):
        assert fill(np.full(shape, 70, np.uint8), 320, 240).shape == (240, 320, 3)


def test_outlines_are_steadied_and_none_is_lost():
    for count in (1, 2, 5, 30):
        persons = [np.full((4, 4), float(number % 2), np.float32) for number in range(count)]
        calm = list(steadied(persons))
        assert len(calm) == count
        if count > 10:
            assert np.ptp([one.mean() for one in calm[4:-4]]) < 0.1


def test_a_doubtful_outline_is_told_from_a_sure_one(seen):
    points = seen.in_crop[:2] * 96
    sure = np.zeros((2, 96, 96), np.float32)
    sure[:, :, 12:84] = 1.0
    assert doubt(sure, points) < 0.05
    assert doubt(np.full_like(sure, 0.5), points) > 0.9
    assert doubt(np.zeros_like(sure), points) > 0.9


def test_what_a_person_was_hardly_seen_to_show_is_named():
    assert hardly_seen(SEEN) == ["sad"]
    still_face = Range(SEEN.rest, SEEN.rest, SEEN.rest)
    assert hardly_seen(still_face) == ["smile", "laugh", "surprise", "sad", "eyes_closed"]
