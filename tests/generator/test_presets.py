"""Which size of face is proposed, and why."""

import math

import pytest
from django.urls import reverse

from generator import queries
from generator.engine.config import PRESETS
from generator.engine.network import build_network, count_parameters
from generator.forms import TwinForm
from generator.models import Twin
from generator.presets import NEEDS, PARAMETERS, USUAL_FACES, choose_preset, memory_needed

GB = 2**30


@pytest.mark.parametrize(
    ("facts", "preset", "why"),
    [
        (
            ("cpu", 4, 900, 400, 16 * GB),
            "quick",
            "96 pixels, since 128 pixels would take 30 minutes on a computer without a GPU.",
        ),
        (("cpu", 60, 900, 90, 16 * GB), "quick", "faces in the footage are 90 pixels wide"),
        (("cpu", 60, 900, 400, GB // 2), "quick", "of memory, and 0.5 are free"),
        (("cuda", 60, 900, 192, None), "standard", "faces in the footage are 192 pixels wide, and 256 would show no more"),
        (("cuda", 60, 120, 400, None), "standard", "256 pixels want 300 faces, and there are 120"),
        (("cuda", 60, 900, 400, None), "fine", "384 pixels would take 90 minutes on a GPU"),
        (("cuda", 240, 900, None, 80 * GB), "studio", "384 pixels, the largest"),
    ],
)
def test_the_largest_preset_that_all_allows_is_chosen_and_it_says_what_forbids_a_larger_one(facts, preset, why):
    chosen, sentence = choose_preset(*facts)
    assert chosen == preset
    assert why in sentence and sentence.endswith(".")


@pytest.mark.parametrize("name", NEEDS)
def test_what_a_preset_needs_is_told_of_the_network_that_it_is(name):
    parameters = count_parameters(build_network(PRESETS[name]))
    assert PARAMETERS[name] == pytest.approx(parameters, rel=0.05)
    halves = memory_needed(PRESETS[name], USUAL_FACES, parameters) / GB * 2
    assert NEEDS[name].memory * 2 == math.ceil(halves)
    assert memory_needed(PRESETS[name], 2000, parameters) > memory_needed(PRESETS[name], 500, parameters)


def test_every_preset_can_be_chosen_on_the_page_with_a_word_of_what_it_needs(learned):
    choices = dict(TwinForm(learned.stage.subject).fields["preset"].choices)
    assert set(choices) == {"", *PRESETS} and all(words != name for name, words in choices.items())
    assert choices["standard"] == "128 pixels: an hour on a computer, minutes on a GPU; 1.5 GB of memory"


def test_without_a_wish_the_preset_that_fits_is_learned_and_the_page_says_why(learned, browse):
    bob = browse(learned.bob)
    answer = bob.post(reverse("twins", args=[learned.vault.id]), {"life_stage": learned.stage.id, "minutes": "3", "preset": ""})

    twin = Twin.objects.get()
    assert answer.status_code == 302 and twin.preset == "quick"
    assert "96 pixels, since 128 pixels would take" in bob.get(answer.url).content.decode()
    assert queries.learning_machine()[0] in {"cpu", "cuda"}
