"""Expression, calm and seam of a film, each against what its template does."""

import cv2
import numpy as np
import pytest
from drawn_faces import ANNA, film
from skimage.data import astronaut

from generator.engine.film_quality import (
    EYES_AND_MOUTH,
    detail,
    expression_followed,
    landmark_error,
    seam_gradient,
    warped_flicker,
)

COUNT = 6


@pytest.fixture(scope="module")
def clip():
    """A real face that drifts through the picture, and an oval mask on it: (frames (N, 160, 160, 3), masks)."""
    picture = astronaut()[0:240, 110:350]
    frames, masks = [], []
    for index in range(COUNT):
        to = np.array([[0.65, 0, 1.3 * index], [0, 0.65, 0.6 * index]], np.float32)
        frames.append(cv2.warpAffine(picture, to, (160, 160), borderMode=cv2.BORDER_REFLECT))
        mask = np.zeros((160, 160), np.uint8)
        cv2.ellipse(mask, (round(75 + 1.3 * index), round(75 + 0.6 * index)), (32, 42), 0, 0, 360, 1, -1)
        masks.append(mask > 0)
    return np.stack(frames), np.stack(masks)


def inside(clip, changed) -> np.ndarray:
    """The film: `changed` where the mask is, else the template."""
    frames, masks = clip
    return np.where(masks[..., None], np.clip(changed, 0, 255).astype(np.uint8), frames)


def unrest(clip, changed) -> float:
    """Flicker of a film as a share of its template's."""
    frames, masks = clip
    return warped_flicker(inside(clip, changed), masks, frames) / warped_flicker(frames, masks)


def blurred(frames, sigma: float) -> np.ndarray:
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames])


def test_landmarks_that_lie_off_by_a_tenth_of_the_eyes_distance():
    _, landmarks = film(ANNA, 4)
    apart = np.linalg.norm(landmarks[:, 263, :2] - landmarks[:, 33, :2], axis=-1)
    moved = landmarks.copy()
    moved[..., 0] += 0.1 * apart[:, None]
    moved[..., 2] += 1000
    assert landmark_error(landmarks, landmarks) == 0.0
    assert landmark_error(moved, landmarks) == pytest.approx(0.1, rel=1e-4)


def test_an_expression_that_is_lost_is_a_landmark_error_and_frames_without_a_face_are_left_out():
    _, landmarks = film(ANNA, 12)
    frozen = np.repeat(landmarks[4:5], 12, axis=0) + (landmarks - landmarks[4:5]).mean(axis=1, keepdims=True)
    some = landmarks.copy()
    some[3] = np.nan
    assert landmark_error(frozen, landmarks, EYES_AND_MOUTH) > 3 * landmark_error(frozen, landmarks) > 0.01
    assert landmark_error(some, landmarks) == 0.0
    with pytest.raises(ValueError, match="no frame"):
        landmark_error(np.full_like(landmarks, np.nan), landmarks)


def test_a_film_that_moves_as_its_template_does_is_as_calm(clip):
    frames, _ = clip
    assert unrest(clip, frames) == 1.0
    assert unrest(clip, frames * 0.9) == pytest.approx(1.0, abs=0.15)


def test_a_blurred_film_gains_little_and_one_that_pulses_or_jumps_loses_much(clip):
    frames, masks = clip
    odd = (np.arange(COUNT) % 2)[:, None, None, None]
    jumping = np.where(odd, np.roll(frames, 1, axis=2), frames)
    assert unrest(clip, blurred(frames, 1.5)) > 0.85
    assert unrest(clip, frames * (1 - 0.04 * odd)) > 1.5
    assert unrest(clip, jumping) > 1.5
    film = inside(clip, jumping)
    assert warped_flicker(film, masks, frames) > 1.3 * warped_flicker(film, masks)


def test_flicker_needs_two_frames_and_a_place(clip):
    frames, masks = clip
    with pytest.raises(ValueError, match="two frames"):
        warped_flicker(frames[:1], masks[:1])
    with pytest.raises(ValueError, match="nothing inside"):
        warped_flicker(frames, np.zeros_like(masks))


def test_a_hard_edge_is_a_seam_a_faded_one_hardly_and_a_film_like_its_template_none(clip):
    frames, masks = clip
    core = [cv2.erode(mask.astype(np.uint8), np.ones((15, 15))).astype(np.float32) for mask in masks]
    soft = np.stack([cv2.GaussianBlur(each, (0, 0), 4) * mask for each, mask in zip(core, masks, strict=True)])[..., None]
    faded = frames * (1 - soft) + (frames * 0.75) * soft
    assert seam_gradient(frames, frames, masks) == 1.0
    hard = seam_gradient(inside(clip, frames * 0.75), frames, masks)
    assert hard > 1.4
    assert 1.0 <= seam_gradient(inside(clip, faded), frames, masks) < 0.5 + hard / 2


def test_a_seam_that_lies_inside_the_touched_part_is_found_too(clip):
    frames, masks = clip
    core = np.stack([cv2.erode(mask.astype(np.uint8), np.ones((9, 9))) for mask in masks])[..., None]
    assert seam_gradient(np.where(core, (frames * 0.75).astype(np.uint8), frames), frames, masks) > 1.4


def test_a_film_without_anything_laid_in_has_no_seam(clip):
    frames, masks = clip
    with pytest.raises(ValueError, match="nothing was touched"):
        seam_gradient(frames, frames, np.zeros_like(masks))
    with pytest.raises(ValueError, match="whole picture"):
        seam_gradient(frames, frames, np.ones_like(masks))


def test_a_face_that_follows_is_told_from_one_that_is_frozen_and_one_that_does_something_else():
    _, actor = film(ANNA, 24)
    wider = actor * np.array([1.1, 1.0, 1.0], np.float32)
    frozen = np.repeat(actor[:1], 24, axis=0)
    assert expression_followed(actor, actor) == 1.0
    assert expression_followed(wider, actor) > 0.9
    assert abs(expression_followed(frozen, actor)) < 0.01
    assert expression_followed(np.roll(actor, 9, axis=0), actor) < 0
    assert expression_followed(actor, frozen) is None
    assert expression_followed(np.full_like(actor, np.nan), actor) is None


def test_blur_takes_detail_away(clip):
    frames, masks = clip
    sharp = detail(frames, masks)
    assert detail(blurred(frames, 1), masks) < 0.8 * sharp
    assert detail(blurred(frames, 3), masks) < 0.5 * sharp
    with pytest.raises(ValueError, match="nothing inside"):
        detail(frames, np.zeros_like(masks))
