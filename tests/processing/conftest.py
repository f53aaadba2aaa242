"""Footage in a vault, and jobs that run here instead of in a worker."""

import io

import pytest
from django.db.models import QuerySet

from acquisition.models import Footage
from acquisition.services import add_footage
from processing import queries
from processing.models import Face, Person
from processing.people import say_who
from processing.services import request_analysis
from tests.processing import clips
from twinvault.jobs.models import Job
from twinvault.jobs.services import claim
from worker.tasks import work_on


def run(job: Job) -> Job:
    """What a worker does with a job, in this process; gives the job as it ended."""
    held = claim(job.id, worker="this test")
    assert held is not None
    work_on(held)
    job.refresh_from_db()
    return job


def people_in(footage: Footage) -> list[Person]:
    """Who is seen in a piece of footage, the most frequent first."""
    return list(queries.people_in(footage))


def person_in(footage: Footage) -> Person:
    """The only one who is."""
    (person,) = people_in(footage)
    return person


def faces_of(person: Person) -> QuerySet[Face]:
    return Face.objects.filter(track__person=person)


def name(person: Person, who: str, by) -> None:
    """Somebody says who one person is."""
    say_who(person.vault, [person.id], who, by)
    person.refresh_from_db()


@pytest.fixture
def add(stage, bob):
    """Puts a file into the vault as bob would: `add(bytes, "a.mp4")`."""

    def put(content: bytes, filename: str, life_stage=None) -> Footage:
        return add_footage(stage.subject.vault, life_stage or stage, filename, io.BytesIO(content), by=bob)

    return put


@pytest.fixture
def look_at(add, bob):
    """Puts a file into the vault and looks for faces in it."""

    def look(content: bytes, filename: str, life_stage=None) -> Footage:
        footage = add(content, filename, life_stage)
        run(request_analysis(footage, bob))
        footage.refresh_from_db()
        return footage

    return look


@pytest.fixture
def franck(look_at) -> Footage:
    """Two seconds of the subject, looked at, not named yet."""
    return look_at(clips.franck(), "franck.mp4")


@pytest.fixture
def two_men(look_at) -> Footage:
    """The subject beside another man."""
    return look_at(clips.both(), "two men.mp4")
