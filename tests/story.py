"""A whole story, told once for all tests that need it: a subject seen, a template prepared, a twin learned, a film made.

Telling it takes half a minute, so it is told to the first test that asks, and written down: every row, every encrypted file.
Any other test gets it read back into its own clean database (`learned` up to the template, `story` to its end).
"""

import io
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path

import av
import pytest
from django.apps import apps
from django.conf import settings
from django.core import serializers

from acquisition.services import add_footage
from generator.models import Twin
from generator.productions.models import Film
from generator.productions.releasing import release_film
from generator.productions.services import order_film
from generator.productions.storyboard import Caption, Card, Storyboard
from generator.services import start_twin
from processing.models import Person
from processing.people import say_who
from templates_library import services as library
from templates_library.models import Template, TemplateRevision
from tests.conftest import CLIPS, make_user
from tests.consenting import consent_in_person
from twinvault.accounts.models import User
from twinvault.accounts.services import add_board_member
from twinvault.custody.backup.rows import ExactEncoder
from twinvault.vaults import services as vaults
from twinvault.vaults.models import LifeStage, Role, Vault
from worker.inline import run_queued_jobs

APPS = (
    "auth",
    "accounts",
    "custody",
    "audit",
    "vaults",
    "safe",
    "jobs",
    "acquisition",
    "processing",
    "templates_library",
    "generator",
    "productions",
    "scenes",
)
STORYBOARD = Storyboard(
    "memorial",
    title=Card("Franck", "1940 – 2020", seconds=0.5),
    captions=[Caption(0.5, 1.5, "He told us this every winter.")],
    closing=Card("Remembered", seconds=0.5),
)
# enough for the sixty different faces that a twin needs, and little more
SUBJECT_SECONDS, TEMPLATE_SECONDS = 50, 1.6


@cache
def cut(name: str, seconds: float, start: float = 0.0) -> bytes:
    """A stretch of a sample clip as an MP4, without sound."""
    target = io.BytesIO()
    with av.open(str(CLIPS / f"{name}.mp4")) as clip, av.open(target, "w", format="mp4") as film:
        picture = clip.streams.video[0]
        stream = film.add_stream("libx264", rate=picture.average_rate, options={"crf": "18", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
        written = 0
        for frame in clip.decode(picture):
            if frame.time >= start + seconds:
                break
            if frame.time >= start:
                frame.pts, frame.time_base = written, 1 / picture.average_rate
                written += 1
                film.mux(stream.encode(frame))
        film.mux(stream.encode())
    return target.getvalue()


@dataclass(frozen=True)
class WrittenDown:
    """Rows as JSON, and the ciphertext files by their names below the data folder."""

    rows: str
    files: dict[str, bytes]

    def put_files(self, data: Path) -> None:
        """Into a data folder."""
        for name, content in self.files.items():
            path = data / name
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)

    def read_back(self) -> None:
        """Into this process's database and data folder."""
        self.put_files(settings.DATA_DIR)
        for row in serializers.deserialize("json", self.rows):
            row.save()


def write_down() -> WrittenDown:
    models = [model for model in apps.get_models() if model._meta.app_label in APPS and model.__name__ != "Permission"]
    rows = serializers.serialize(
        "json", chain.from_iterable(model._default_manager.order_by("pk") for model in models), cls=ExactEncoder
    )
    files = settings.DATA_DIR / "objects"
    names = [str(row.name) for row in apps.get_model("custody.StoredObject").objects.all()]
    return WrittenDown(rows, {f"objects/{name}": (files / name).read_bytes() for name in names})


@dataclass(frozen=True)
class Story:
    """Who and what is in it. alice owns, bob contributes, vera may only look, charlie has nothing to do with it."""

    alice: User
    bob: User
    vera: User
    charlie: User
    board: list[User]
    vault: Vault
    stage: LifeStage
    revision: TemplateRevision
    template: Template
    twin: Twin | None
    film: Film | None


def _tell_the_beginning() -> None:
    alice, bob, vera, _charlie, dora, emil = map(make_user, ("alice", "bob", "vera", "charlie", "dora", "emil"))
    for member in (dora, emil):
        add_board_member(member)
    vault = vaults.open_vault(alice, name="Grandpa", subject_name="Franck", born=1940, stages=["adult", "senior"])
    vaults.set_member(vault, bob, Role.CONTRIBUTOR, by=alice)
    vaults.set_member(vault, vera, Role.VIEWER, by=alice)
    consent_in_person(vault.subject, given_by="Franck", statement="I agree.", by=alice)
    stage = vault.subject.life_stages.first()
    add_footage(vault, stage, "franck.mp4", io.BytesIO(cut("franck", SUBJECT_SECONDS)), by=bob)
    run_queued_jobs()
    say_who(vault, [Person.objects.get().id], Person.Who.SUBJECT, by=alice)
    template = library.submit(alice, "The actor", "", io.BytesIO(cut("cap13_edit2", TEMPLATE_SECONDS)), "actor.mp4")
    for member in (dora, emil):
        library.review(template.revisions.get(), member, "approve", "")
    run_queued_jobs()


def _tell_the_rest() -> None:
    story = people_and_things()
    start_twin(story.stage, preset="tiny", seconds=5, by=story.bob)
    run_queued_jobs()
    twin = Twin.objects.get()
    order_film(story.vault, twin=twin, revision=story.revision, storyboard=STORYBOARD, by=story.bob)
    run_queued_jobs()
    film = Film.objects.get()
    if film.state == Film.State.HELD:
        # a busy machine learns little in these seconds, and the film may honestly miss a mark
        release_film(film, Film.Reason.LOOKS_RIGHT, by=story.alice)


def people_and_things() -> Story:
    """The story as the database has it now."""
    person = User.objects.get
    vault = Vault.objects.select_related("keyring", "subject").get()
    revision = TemplateRevision.objects.select_related("template").get()
    return Story(
        alice=person(username="alice"),
        bob=person(username="bob"),
        vera=person(username="vera"),
        charlie=person(username="charlie"),
        board=[person(username="dora"), person(username="emil")],
        vault=vault,
        stage=vault.subject.life_stages.first(),
        revision=revision,
        template=revision.template,
        twin=Twin.objects.first(),
        film=Film.objects.first(),
    )


_written: dict[str, WrittenDown] = {}


def _begin() -> WrittenDown:
    if "beginning" not in _written:
        _tell_the_beginning()
        _written["beginning"] = write_down()
    else:
        _written["beginning"].read_back()
    return _written["beginning"]


@pytest.fixture
def learned(db) -> Story:
    """A vault with faces enough to learn from, and one template that films can be ordered with."""
    _begin()
    return people_and_things()


@pytest.fixture
def story(db) -> Story:
    """The same with a twin that has learned and a film that is ready."""
    if "all" in _written:
        _written["all"].read_back()
    else:
        _begin()
        _tell_the_rest()
        _written["all"] = write_down()
    return people_and_things()


@pytest.fixture
def learned_written_down(learned) -> WrittenDown:
    """`learned`, for an installation of its own."""
    return _written["beginning"]


@pytest.fixture
def story_written_down(story) -> WrittenDown:
    """`story`, for an installation of its own."""
    return _written["all"]
