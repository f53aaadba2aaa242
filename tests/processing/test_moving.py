"""Footage that comes to another stage of life takes its faces along, and both stages choose anew."""

import pytest

from acquisition.models import Footage
from acquisition.timeline.services import set_stage, take_back
from processing import queries
from processing.models import Face
from tests.processing import clips
from tests.processing.conftest import name, person_in
from twinvault.safe import services as safe
from worker.inline import run_queued_jobs

pytestmark = pytest.mark.django_db


@pytest.fixture
def twice(franck, look_at, bob, stage) -> tuple[Footage, Footage]:
    """The same two seconds in two files of one stage: of one of them next to nothing is kept."""
    copy = look_at(clips.film([*clips.pictures("franck", 0, 48), clips.pictures("franck", 0, 1)[0]]), "copy.mp4")
    for footage in (franck, copy):
        name(person_in(footage), "subject", bob)
    return franck, copy


def kept(footage: Footage) -> int:
    return Face.objects.filter(track__segment__footage=footage, state="kept").count()


def test_both_stages_choose_anew(twice, vault, bob, stage):
    before = [kept(footage) for footage in twice]
    least = min(twice, key=kept)
    senior = vault.subject.life_stages.get(name="senior")

    set_stage(vault, Footage.objects.filter(id=least.id), senior, by=bob)
    assert queries.kept_faces(senior).count() == kept(least) >= 5 and kept(least) > min(before)

    take_back(vault, by=bob)
    assert [kept(footage) for footage in twice] == before


def test_in_a_sealed_safe_it_waits_for_the_key(twice, vault, bob, alice, stage):
    senior = vault.subject.life_stages.get(name="senior")
    least = min(twice, key=kept)
    before = kept(least)
    safe.set_password(vault, "correct horse battery staple", by=alice)
    safe.seal(vault, by=alice, password="correct horse battery staple")
    run_queued_jobs()

    set_stage(vault, Footage.objects.filter(id=least.id), senior, by=bob)
    assert kept(least) == before

    vault.refresh_from_db()
    safe.unseal(vault, by=alice, password="correct horse battery staple", hours=1)
    assert kept(least) > before
