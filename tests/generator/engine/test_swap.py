import cv2
import numpy as np
import pytest
from drawn_faces import ANNA, BRUNO, film

from generator.engine import blend, colour, quality
from generator.engine.checkpoint import CheckpointError
from generator.engine.swap import Swapper, SwapSettings, find_shots
from processing.engine.canonical import crop_matrix, warp


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


def test_a_shot_may_be_read_from_a_stream_and_rendered_frame_by_frame(swapper, scene):
    frames, landmarks = scene
    films, masks = swapper.swap(frames, landmarks)
    shot = swapper.prepare((frame for frame in frames), landmarks)
    picture, mask = shot.render(11, frames[11])
    assert len(shot) == 20
    assert (picture == films[11]).all() and (mask == masks[11]).all()
    with pytest.raises(ValueError, match="only 5 came"):
        swapper.prepare(iter(frames[:5]), landmarks)


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
    inside = masks > 0
    assert (
        np.abs(own[inside].mean(0) - frames[inside].mean(0)).sum()
        > np.abs(matched[inside].mean(0) - frames[inside].mean(0)).sum()
    )


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
    generator = np.random.default_rng(0)
    pictures = generator.integers(60, 160, (2, 16, 16, 3), dtype=np.uint8)
    lab, weight = colour.to_lab(pictures), np.ones((2, 16, 16), np.float32)
    own = colour.statistics(lab, weight)
    wanted = own + np.float32([[[5, 3, -4], [1, 0.5, 0.5]]])
    assert np.allclose(colour.statistics(colour.match(lab, own, wanted), weight), wanted, atol=0.05)
    assert np.abs(colour.from_lab(lab).astype(int) - pictures).max() <= 2


def test_soft_drawings_are_made_as_crisp_as_the_scene_and_no_crisper():
    scene = colour.to_lab(np.random.default_rng(0).integers(60, 160, (3, 32, 32, 3), dtype=np.uint8))
    weight = np.ones((3, 32, 32), np.float32)
    soft = np.stack([cv2.GaussianBlur(picture, (0, 0), 0.7) for picture in scene])
    crisp = colour.match_detail(soft, scene, weight, limit=10.0)
    assert np.abs(crisp - scene).mean() < np.abs(soft - scene).mean()
    assert crisp[..., 0].std() <= scene[..., 0].std() * 1.05
    assert np.allclose(crisp[..., 1:], soft[..., 1:])
    assert np.allclose(colour.match_detail(scene, soft, weight, limit=10.0), scene)


def test_a_soft_mask_never_exceeds_the_mask_it_came_from():
    mask = np.zeros((40, 40), np.float32)
    mask[8:32, 10:30] = 1.0
    soft = blend.soften(mask, 1, 6)
    assert (soft <= mask).all() and soft[mask == 0].max() == 0
    assert soft[20, 20] == pytest.approx(1.0) and 0 < soft[9, 20] < 1
    to_the_edge = blend.soften(np.ones((40, 40), np.float32), 1, 6)
    assert to_the_edge[0].max() < 0.5 and to_the_edge[20, 20] == pytest.approx(1.0)


def test_blending_follows_its_mask():
    generator = np.random.default_rng(0)
    top, bottom = generator.uniform(0, 255, (2, 48, 64, 3)).astype(np.float32)
    assert np.allclose(blend.pyramid_blend(top, bottom, np.ones((48, 64), np.float32), 3), top, atol=0.01)
    assert np.allclose(blend.pyramid_blend(top, bottom, np.zeros((48, 64), np.float32), 3), bottom, atol=0.01)
