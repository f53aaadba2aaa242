"""The report of a film: which of its marks hold."""

from worker.report import film_sections, held_for, missed, table

GOOD = {
    "frames": 50,
    "frames_with_face": 50,
    "frames_swapped": 50,
    "background_psnr_db": 41.0,
    "swap_to_subject": 0.42,
    "swap_to_actor": 0.71,
    "subject_to_actor": 0.8,
    "flicker_ratio": 1.1,
    "render_fps": 150.0,
    "bytes": 1000,
}


def report(**different) -> dict:
    checks = {"c2pa": "valid", "outsider_status": 404, "plaintext_found_on_disk": 0}
    faces = {"found": 80, "kept": 70, "rejected": {}}
    twin = {"heldout_ssim": 0.94, "images_seen": 1000, "images_per_second": 80.0, "seconds": 10.0, "parameters": 1}
    sections = film_sections({"path": "var/film.mp4"} | GOOD | different)
    return {"seconds": {"total": 1.0}, "faces": faces, "twin": twin, **sections, "checks": checks}


def test_a_film_that_holds_its_marks_is_not_held_back():
    assert held_for(report()) == "" and missed(report()) == []


def test_a_film_that_is_held_back_says_by_which_marks_and_by_how_much():
    held = report(flicker_ratio=1.506)

    (mark,) = missed(held)
    assert mark.name == "the film need not be held back"
    assert held_for(held) == "flicker_ratio 1.51, at most 1.30"
    assert "flicker_ratio 1.51, at most 1.30" in table(held)


def test_a_mark_that_another_role_missed_holds_the_film_back_too():
    other = GOOD | {"swap_to_subject": 0.7}
    assert held_for(report(further=[other])) == "swap_to_subject 0.70, at most 0.55"
