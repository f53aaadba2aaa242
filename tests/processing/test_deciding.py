"""A person decides on single faces, and the thresholds decide on the rest."""

import pytest

from processing.judging import judge_now
from processing.models import Face
from processing.people import decide, undo
from tests.processing.conftest import faces_of, name, person_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(franck, bob):
    seen = person_in(franck)
    name(seen, "subject", bob)
    return seen


def of(person, state: str) -> list[int]:
    return list(faces_of(person).filter(state=state).values_list("id", flat=True))


def test_a_face_that_is_taken_out_stays_out(person, stage, vault, bob):
    face = of(person, "kept")[0]

    decide(vault, [face], False, bob)
    judge_now(stage)

    assert tuple(Face.objects.values_list("state", "reason", "by_hand").get(id=face)) == ("rejected", "by_hand", True)


def test_a_face_that_is_kept_by_hand_stays_kept(person, stage, vault, bob):
    Face.objects.filter(id=of(person, "kept")[0]).update(state="rejected", reason="blurred")
    face = of(person, "rejected")[0]

    decide(vault, [face], True, bob)
    judge_now(stage)

    assert tuple(Face.objects.values_list("state", "reason").get(id=face)) == ("kept", "")


def test_what_was_decided_is_taken_back_and_left_to_the_thresholds(person, vault, bob):
    before = of(person, "kept")
    decide(vault, before[:2], False, bob)
    undo(vault, bob)
    assert of(person, "kept") == before

    decide(vault, before[:2], False, bob)
    decide(vault, before[:2], None, bob)
    assert of(person, "kept") == before and not Face.objects.filter(by_hand=True).exists()


def test_faces_of_who_is_not_the_subject_are_not_decided_on(franck, vault, bob):
    seen = person_in(franck)
    assert decide(vault, of(seen, "pending"), True, bob) is None
    assert of(seen, "kept") == []
