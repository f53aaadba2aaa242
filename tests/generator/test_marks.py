"""The table of marks: what holds a film back, and the words for it."""

import pytest

from generator.marks import FILM_MARKS, TWIN_MARKS, judge_film, judge_twin, missed_by

GOOD = {
    "frames": 50,
    "frames_with_face": 40,
    "frames_swapped": 40,
    "faces_lost": 0.0,
    "swap_to_subject": 0.42,
    "swap_to_actor": 0.75,
    "landmark_error": 0.025,
    "expression_followed": 0.5,
    "detail_ratio": 0.9,
    "flicker_ratio": 0.95,
    "seam_gradient": 1.1,
    "background_psnr_db": 44.0,
}


def test_a_good_film_misses_nothing():
    assert missed_by(GOOD) == []
    assert all(judged.holds for judged in judge_film(GOOD))


@pytest.mark.parametrize(
    ("measure", "value", "missed"),
    [
        ("frames_swapped", 39, "share_swapped"),
        ("faces_lost", 0.2, "faces_lost"),
        ("swap_to_subject", 0.6, "swap_to_subject"),
        ("swap_to_actor", 0.4, "likeness_margin"),
        ("landmark_error", 0.06, "landmark_error"),
        ("expression_followed", 0.0, "expression_followed"),
        ("detail_ratio", 0.4, "detail_ratio"),
        ("flicker_ratio", 1.6, "flicker_ratio"),
        ("seam_gradient", 2.0, "seam_gradient"),
        ("background_psnr_db", 30.0, "background_psnr_db"),
    ],
)
def test_each_fault_is_found_and_named_by_itself(measure, value, missed):
    assert missed_by(GOOD | {measure: value}) == [missed]


def test_what_could_not_be_measured_is_not_held_against_a_film_and_says_so():
    told = {judged.mark.measure: judged for judged in judge_film({"swap_to_subject": None})}
    assert missed_by({}) == [] and told["swap_to_subject"].text == "not measured" and told["swap_to_subject"].holds is None


def test_a_twin_that_hardly_learned_misses_its_marks():
    judged = {one.mark.measure: one.holds for one in judge_twin({"heldout_ssim": 0.8, "heldout_perceptual_subject": 0.05})}
    assert judged["heldout_ssim"] is False and judged["heldout_perceptual_subject"] is True


def test_a_twin_is_nearer_to_the_person_than_to_the_actor_and_a_refreshed_one_says_what_was_measured_before():
    apart = {"heldout_swapped_to_subject": 0.5, "heldout_swapped_to_actor": 0.7, "heldout_ssim": 0.9}
    told = {one.mark.measure: one for one in judge_twin(apart | {"of_predecessor": ["heldout_ssim"]})}
    assert told["heldout_likeness_margin"].text == "0.20" and told["heldout_likeness_margin"].holds
    assert told["heldout_ssim"].before and not told["heldout_swapped_to_subject"].before
    judged = {one.mark.measure: one.holds for one in judge_twin(apart | {"heldout_swapped_to_actor": 0.4})}
    assert judged["heldout_likeness_margin"] is False


def test_every_mark_tells_the_person_what_is_wrong_and_what_would_help():
    for mark in (*FILM_MARKS, *TWIN_MARKS):
        assert mark.missed.endswith(".") and mark.helps and mark.wanted.startswith("at ")


def test_a_mark_that_another_role_misses_is_missed_once():
    assert missed_by(GOOD | {"further": [GOOD | {"flicker_ratio": 1.6}, GOOD | {"flicker_ratio": 1.7}]}) == ["flicker_ratio"]


def test_an_actor_who_is_the_subject_leaves_nothing_to_be_told_apart():
    near = {"swap_to_subject": 0.32, "swap_to_actor": 0.24}
    assert missed_by(GOOD | near | {"subject_to_actor": 0.31}) == []
    assert missed_by(GOOD | near | {"subject_to_actor": 0.7}) == ["likeness_margin"]
