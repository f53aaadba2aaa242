from types import SimpleNamespace

import numpy as np

from generator.engine.looks import MADE_FOR_IT, Looks, fit


def looks(count: int = 100, lightness: float = 60, warmth: float = 0, turned: float = 20) -> Looks:
    yaw = np.linspace(-turned, turned, count)
    return Looks.of(
        SimpleNamespace(yaw=yaw, pitch=yaw / 4, lightness=np.full(count, lightness), lab_b=np.full(count, float(warmth)))
    )


def test_looks_say_their_light_in_words_and_outlast_being_stored():
    assert looks(lightness=20, warmth=25).light == "warm and dim"
    assert looks(lightness=60).light == "well lit"
    assert looks(lightness=90, warmth=-20).light == "cool and bright"
    assert Looks.load(looks().dump()) == looks()


def test_faces_of_which_nothing_is_known_are_left_out():
    nothing = np.full(3, np.nan)
    empty = Looks.of(SimpleNamespace(yaw=nothing, pitch=nothing, lightness=nothing, lab_b=nothing))
    assert empty == Looks({}) and empty.light == ""
    assert fit(empty, looks(), "", 0.9, refresh=False).score > 0


def test_a_twin_that_knows_the_light_fits_better_and_one_made_for_it_best():
    scene = looks(16, lightness=20, warmth=25)
    stranger, knows = looks(), looks(lightness=20, warmth=25)
    assert fit(scene, knows, "", 0.9, refresh=False).score > fit(scene, stranger, "", 0.9, refresh=False).score
    made = fit(scene, knows, "warm_dark", 0.9, refresh=False)
    assert np.isclose(made.light, 1 + MADE_FOR_IT)
    assert fit(scene, looks(12, lightness=20, warmth=25), "", 0.9, refresh=False).light < 0.5


def test_sides_that_were_seen_count_and_so_does_likeness_and_a_refresh_costs():
    scene = looks(16, turned=40)
    assert fit(scene, looks(turned=40), "", 0.9, refresh=False).pose > fit(scene, looks(turned=5), "", 0.9, refresh=False).pose
    scores = [fit(scene, looks(), "", q, refresh=r).score for q, r in ((0.95, False), (0.95, True), (0.7, False))]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) == 3


def test_of_an_older_twin_only_its_condition_is_known():
    scene = looks(16, lightness=20, warmth=25)
    made, other, unknown = (fit(scene, None, condition, 0.9, refresh=False) for condition in ("warm_dark", "cool", ""))
    assert made.light > other.light == unknown.light == 0
    assert fit(scene, looks(), "", 0.9, refresh=False).score > unknown.score
