"""What an installation holds that was made before footage was looked at in segments."""

import uuid

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from acquisition.models import Footage
from processing.models import Face, Person, Segment
from tests.processing.conftest import faces_of
from twinvault.custody.objects import store


def migrate(name: str):
    executor = MigrationExecutor(connection)
    executor.migrate([("processing", name)])
    return executor.loader.project_state([("processing", name)]).apps


@pytest.fixture
def latest():
    """Whatever the test does, the tables are today's at its end."""
    yield
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


@pytest.mark.django_db(transaction=True)
def test_every_person_of_an_older_analysis_becomes_one_track(vault, stage, alice, latest):
    content, pack, table = (store(vault.keyring, kind, kind.encode()) for kind in ("footage", "pack", "descriptors"))
    footage = Footage.objects.create(
        vault=vault, life_stage=stage, content=content, fingerprint="f", filename="a.mp4", seconds=42.0, added_by=alice
    )
    old = migrate("0001_initial")
    analysis = old.get_model("processing", "Analysis").objects.create(
        id=uuid.uuid4(), footage_id=footage.id, descriptors_id=table.id, pack_id=pack.id, frames_seen=9
    )
    old_person, old_face = (old.get_model("processing", name) for name in ("Person", "Face"))
    for number, who in enumerate(["subject", "other"]):
        person = old_person.objects.create(id=uuid.uuid4(), analysis=analysis, number=number, who=who)
        for row in range(3):
            offset = -1 if who == "other" else 10 * row
            old_face.objects.create(person=person, row=3 * number + row, offset=offset, length=10, state="kept")

    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())

    segment = Segment.objects.get()
    assert (segment.footage, segment.analysis_id, segment.pack, segment.descriptors) == (footage, analysis.id, pack, table)
    assert (segment.starts, segment.ends, segment.reached, segment.frames_seen) == (0.0, None, 42.0, 9)
    subject, other = Person.objects.get(who="subject"), Person.objects.get(who="other")
    assert subject.vault == other.vault == vault
    assert subject.erased_at is None and other.erased_at is not None
    assert [track.number for track in segment.tracks.all()] == [0, 1]
    assert list(faces_of(subject).values_list("row", "offset")) == [(0, 0), (1, 10), (2, 20)]
    assert faces_of(other).count() == 3 and Face.objects.count() == 6
