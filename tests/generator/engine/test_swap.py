import cv2
import numpy as np
import pytest
from drawn_faces import ANNA, BRUNO, film

from generator.engine import blend, colour, quality
from generator.engine.checkpoint import CheckpointError
from generator.engine.swap import CONTEXT, Swapper, SwapSettings, draw_along, lay_in
from processing.engine.canonical import crop_matrix, warp
from processing.engine.scenery import find_shots, grain_of, measure_scenery


@pytest.fixture(scope="module")
def swapper(twin) -> Swapper:
    return Swapper(twin.weights)


@pytest.fixture(scope="module")
def scene():
    return film(BRUNO, 20)


def test_every_face_is_swapped_and_nothing_outside_the_mask_is_touched(swapper, scene):
    frames, landmarks = scene
    films, masks = swapper.swap(frames, landmarks)
    assert films.shape == frames.shape and films.dtype == np.uint8
    assert set(np.unique(masks)) == {0, 255}
    assert (masks > 0).any(axis=(1, 2)).all()
    assert (films[masks == 0] == frames[masks == 0]).all()
    assert quality.psnr(films, frames, masks > 0) < 40
    for mask, points in zip(masks, landmarks, strict=True):
        rows, columns = np.nonzero(mask)
        reach = np.ptp(points[:, 0]) * 0.2
        assert columns.min() > points[:, 0].min() - reach and columns.max() < points[:, 0].max() + reach
        assert rows.min() > points[:, 1].min() - reach and rows.max() < points[:, 1].max() + reach


def test_the_drawn_face_is_more_like_the_subject_than_the_actor_is(swapper, scene):
    frames, landmarks = scene
    true, points = film(ANNA, 20)
    crops = np.stack([warp(f, crop_matrix(p, 32), 32) for f, p in zip(frames, landmarks, strict=True)])
    wanted = np.stack([warp(f, crop_matrix(p, 32), 32) for f, p in zip(true, points, strict=True)])
    drawn, learned = swapper.draw(crops, np.full((20, 32, 32), 255, np.uint8), np.zeros((20, 32, 32), np.uint8))
    assert learned.shape == (20, 32, 32) and learned.min() >= 0 and learned.max() <= 1

    def likeness(pictures):
        inner = [p[6:26, 6:26].mean(-1).ravel() for p in (pictures, wanted) for p in p]
        return np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(inner[:20], inner[20:], strict=True)])

    assert likeness(drawn) > likeness(crops)


def test_the_scene_keeps_its_light(swapper, scene):
    frames, landmarks = scene
    films, _ = swapper.swap(frames, landmarks)
    for film_frame, frame, points in zip(films, frames, landmarks, strict=True):
        x, y = np.round(points[5, :2]).astype(int)
        patch = np.s_[y - 4 : y + 4, x - 4 : x + 4]
        assert np.abs(film_frame[patch].mean((0, 1)) - frame[patch].mean((0, 1))).max() < 45


def test_frames_without_a_face_come_back_as_they_were(swapper, scene):
    frames, landmarks = scene
    gone = landmarks.copy()
    gone[[0, 7, 8]] = np.nan
    films, masks = swapper.swap(frames, gone)
    assert (films[[0, 7, 8]] == frames[[0, 7, 8]]).all() and not masks[[0, 7, 8]].any()
    assert masks[6].any() and masks[9].any()


def test_a_stretch_looks_as_it_does_in_the_whole_wherever_it_begins(swapper, scene):
    frames, landmarks = scene
    films, masks = swapper.swap(frames, landmarks)
    part = swapper.prepare(landmarks, measure_scenery(iter(frames), landmarks, 25.0))
    shown = range(8, 14)
    around = (frames[index].copy() for index in range(8 - CONTEXT, 14 + CONTEXT))
    for index, frame, (shot,) in draw_along([part], around, first=8 - CONTEXT, show_from=8, batch=5):
        touched = lay_in(frame, shot)
        if index in shown:
            assert np.abs(frame.astype(int) - films[index]).max() <= 3
            assert np.abs(touched.astype(int) - masks[index]).mean() < 0.1
    assert index == 14 + CONTEXT - 1
    with pytest.raises(ValueError, match="only 5 came"):
        measure_scenery(iter(frames[:5]), landmarks, 25.0)


def test_several_faces_are_laid_into_one_frame(swapper, scene):
    frames, landmarks = scene
    wide = np.concatenate([frames, frames], axis=2)
    both = [landmarks, landmarks + np.float32([frames.shape[2], 0, 0])]
    parts = [swapper.prepare(points, measure_scenery(wide, points, 25.0)) for points in both]
    for index, frame, shots in draw_along(parts, wide.copy()):
        masks = [lay_in(frame, shot) for shot in shots]
        assert [[half.any() for half in np.split(mask, 2, axis=1)] for mask in masks] == [[True, False], [False, True]]
        untouched = (masks[0] == 0) & (masks[1] == 0)
        assert (frame[untouched] == wide[index][untouched]).all()


def test_a_part_whose_face_is_absent_leaves_the_frame_to_the_others(swapper, scene):
    frames, landmarks = scene
    gone = landmarks.copy()
    gone[2:] = np.nan
    parts = [swapper.prepare(points, measure_scenery(frames, points, 25.0)) for points in (gone, landmarks)]
    for index, _, shots in draw_along(parts, frames.copy()):
        assert [shot is not None for shot in shots] == [index < 2, True]


def test_the_drawing_is_given_the_grain_of_the_scene_and_the_same_each_time(twin, scene):
    frames, landmarks = scene
    noise = np.random.default_rng(0).normal(0, 5, frames.shape[:3])[..., None]
    grainy = np.clip(frames + noise, 0, 255).astype(np.uint8)
    films, masks = Swapper(twin.weights).swap(grainy, landmarks)
    smooth, _ = Swapper(twin.weights, settings=SwapSettings(grain=0.0)).swap(grainy, landmarks)
    core = [cv2.erode(mask, np.ones((15, 15))) for mask in masks]
    levels = [np.mean([grain_of(f, c) for f, c in zip(film, core, strict=True)]) for film in (grainy, films, smooth)]
    assert levels[0] == pytest.approx(5, rel=0.2)
    assert abs(levels[1] - levels[0]) < abs(levels[2] - levels[0]) / 2
    assert (Swapper(twin.weights).swap(grainy, landmarks)[0] == films).all()


def test_a_face_half_out_of_the_picture_is_laid_in_where_it_shows(swapper):
    frames, landmarks = film(BRUNO, 3)
    shifted = landmarks - np.float32([95, 60, 0])
    films, masks = swapper.swap(np.roll(frames, (-60, -95), axis=(1, 2)), shifted)
    assert films.shape == frames.shape and masks[:, 0].any()
    far_out, masks = swapper.swap(frames, landmarks + np.float32([900, 0, 0]))
    assert (far_out == frames).all() and not masks.any()


def test_damaged_weights_are_refused(twin):
    with pytest.raises(CheckpointError):
        Swapper(twin.weights[:-10])


def test_settings_can_leave_the_subjects_own_tone(twin, scene):
    frames, landmarks = scene
    own, _ = Swapper(twin.weights, settings=SwapSettings(colour=0.0)).swap(frames, landmarks)
    matched, masks = Swapper(twin.weights).swap(frames, landmarks)
    # the mean is brought near before; the contrast, on the skin within the seam, is what is left to match
    inside = np.stack([cv2.erode(mask, np.ones((15, 15), np.uint8)) for mask in masks]) > 0
    off, off_matched = (np.abs(made[inside].std(0) - frames[inside].std(0)).sum() for made in (own, matched))
    assert off_matched < off


def test_a_leap_or_a_gap_begins_a_new_shot():
    _, landmarks = film(BRUNO, 12)
    landmarks[5:, :, 0] += 60
    has_face = np.ones(12, bool)
    has_face[9] = False
    shots = find_shots(landmarks, has_face)
    assert (shots[:5] == shots[0]).all() and (shots[5:9] == shots[5]).all()
    assert len({int(shots[0]), int(shots[5]), int(shots[10])}) == 3


def test_smoothing_leaves_the_constant_and_keeps_to_a_shot():
    values = np.concatenate([np.zeros((10, 2)), np.ones((10, 2))]).astype(np.float32)
    shots = np.repeat([0, 1], 10)
    assert np.allclose(colour.smooth_over_time(values, shots, 3.0), values)
    noisy = values + np.random.default_rng(0).normal(0, 0.1, values.shape).astype(np.float32)
    calmer = colour.smooth_over_time(noisy, shots, 3.0)
    assert np.abs(np.diff(calmer[:10], axis=0)).mean() < np.abs(np.diff(noisy[:10], axis=0)).mean() / 2


def test_matching_brings_the_statistics_to_those_wanted():
    picture = np.random.default_rng(0).integers(60, 160, (16, 16, 3), dtype=np.uint8)
    lab, mask = colour.to_lab(picture), np.full((16, 16), 255, np.uint8)
    own = colour.statistics(lab, mask)
    wanted = own + np.float32([[5, 3, -4], [1, 0.5, 0.5]])
    matched = colour.match(lab[None], own[None], wanted[None])[0]
    assert np.allclose(colour.statistics(matched, mask), wanted, atol=0.05)
    assert np.abs(colour.from_lab(lab).astype(int) - picture).max() <= 2


def test_what_is_measured_now_and_then_is_steady_in_between_and_keeps_to_a_shot():
    shots = np.repeat([0, 1], 20)
    at, values = np.array([0, 10, 19, 25]), np.float32([1, 2, 1, 7])
    spread = colour.spread_over_time(values, at, shots, 5.0)
    assert (spread[20:] == 7).all() and 1 <= spread[:20].min() <= spread[:20].max() <= 2
    assert spread[10] == spread[:20].max() and np.abs(np.diff(spread[:20])).max() < 0.2


def test_soft_drawings_are_made_as_crisp_as_the_scene_is():
    scene = colour.to_lab(np.random.default_rng(0).integers(60, 160, (32, 32, 3), dtype=np.uint8))
    mask = np.full((32, 32), 255, np.uint8)
    soft = cv2.GaussianBlur(scene, (0, 0), 0.7)
    gain = np.sqrt(colour.detail_energy(scene, mask) / colour.detail_energy(soft, mask))
    crisp = colour.sharpened(soft, gain)
    assert gain > 1 and np.abs(crisp - scene).mean() < np.abs(soft - scene).mean()
    assert crisp[..., 0].std() <= scene[..., 0].std() * 1.05
    assert (crisp[..., 1:] == soft[..., 1:]).all()
    assert colour.sharpened(scene, 0.5) is scene


def test_skin_is_carried_on_where_the_subjects_background_would_show():
    lab = np.full((40, 40, 3), (30.0, 10.0, -60.0), np.float32)
    lab[10:30, 10:30] = (70.0, 15.0, 20.0)
    mask = np.zeros((40, 40), np.float32)
    mask[10:30, 10:30] = 1.0
    carried = colour.extended(lab, mask, 2.0)
    assert (carried[10:30, 10:30] == lab[10:30, 10:30]).all()
    assert np.allclose(carried[8:32, 8:32], (70.0, 15.0, 20.0), atol=1e-2)
    assert (carried[:2, :2] == lab[:2, :2]).all()
    assert (colour.extended(lab, mask, 0.0) == lab).all()


def test_a_soft_mask_never_exceeds_the_mask_it_came_from():
    mask = np.zeros((40, 40), np.uint8)
    mask[8:32, 10:30] = 255
    soft = blend.soften(mask, 1, 6)
    assert (soft <= mask).all() and soft[mask == 0].max() == 0
    assert soft[20, 20] == 255 and 0 < soft[9, 20] < 255
    to_the_edge = blend.soften(np.full((40, 40), 255, np.uint8), 1, 6)
    assert to_the_edge[0].max() < 128 and to_the_edge[20, 20] == 255


def test_blending_follows_its_mask():
    generator = np.random.default_rng(0)
    difference = generator.uniform(-255, 255, (48, 64, 3)).astype(np.float32)
    assert np.allclose(blend.pyramid_blend(difference, np.ones((48, 64), np.float32), 3), difference, atol=0.01)
    assert np.allclose(blend.pyramid_blend(difference, np.zeros((48, 64), np.float32), 3), 0, atol=0.01)


def test_a_face_laid_on_itself_changes_nothing_that_is_seen():
    frames, landmarks = film(BRUNO, 1)
    matrix = crop_matrix(landmarks[0], 96)
    mask = blend.soften(np.pad(np.full((64, 64), 255, np.uint8), 16), 2, 8)
    pasted, touched = frames[0].copy(), np.zeros(frames.shape[1:3], np.uint8)
    blend.paste(pasted, touched, warp(frames[0], matrix, 96), mask, matrix)
    assert touched.any() and np.abs(pasted.astype(int) - frames[0]).mean() < 1.5
    assert (pasted[touched == 0] == frames[0][touched == 0]).all()
