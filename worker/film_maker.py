"""One film from files, by the same services as the site, with nobody at a browser: for `make_film`."""

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from django.conf import settings

from acquisition.models import Footage
from acquisition.services import FootageRefused, add_footage
from generator.engine.config import PRESETS
from generator.productions.models import Film
from generator.productions.services import order_film
from generator.productions.storyboard import Card, Storyboard, StoryboardError
from generator.protection.authority import roots
from generator.protection.provenance import verify
from generator.protection.scan import find_plaintext
from generator.services import start_twin
from processing import queries as faces
from processing.datasets import require_enough
from processing.erasure import erase_others
from processing.models import Person
from processing.people import say_who
from templates_library import services as library
from twinvault.accounts.models import User
from twinvault.accounts.services import add_board_member
from twinvault.custody import objects
from twinvault.vaults import consents
from twinvault.vaults import services as vaults
from twinvault.vaults.board import review_consent
from twinvault.vaults.models import Vault
from worker.inline import JobFailed, run_queued_jobs
from worker.report import MARKS as ALL_MARKS
from worker.report import film_sections, said_of
from worker.rights import rights_statement

# nobody is signed in here, so there is no outsider to refuse
MARKS = [mark for mark in ALL_MARKS if "outsider" not in mark.name]


class Unusable(Exception):
    """The files cannot make a film. The message is one sentence that says what to do."""


def make_film(
    subject: list[Path], template: Path, *, seconds: float, preset: str, name: str, bare: bool, say: Callable[[str], None]
) -> tuple[bytes, dict]:
    """The finished film as MP4 bytes and its report. Works on the installation that the settings name: a sandbox.

    Unusable if a file cannot be read, shows no face, or the faces are not enough. JobFailed if something broke.
    """
    if preset not in PRESETS:
        raise Unusable(f"There is no preset called {preset}: choose one of {', '.join(PRESETS)}.")
    began = time.monotonic()
    took: dict[str, float] = {}

    def done(stage: str, since: float) -> float:
        now = time.monotonic()
        took[stage] = round(now - since, 2)
        return now

    storyboard = _storyboard(name, bare)
    owner, board = _people()
    vault = _vault(owner, board, name)
    stage = vault.subject.life_stages.get()
    now = done("setup", began)
    try:
        for path in subject:
            _bring(vault, stage, path, owner)
        now = done("upload", now)
        _look_at_footage(say)
        _say_who_is_the_subject(vault, owner, say)
        require_enough(stage)
        revision = _library(template, owner, board)
        run_queued_jobs()
        now = done("process", now)
        twin = start_twin(stage, preset=preset, seconds=seconds, by=owner)
        run_queued_jobs()
        now = done("train", now)
        revision.refresh_from_db()
        twin.refresh_from_db()
        film = order_film(vault, twin=twin, revision=revision, storyboard=storyboard, by=owner)
        run_queued_jobs()
        done("render", now)
    except vaults.NotAllowed as error:
        raise Unusable(str(error)) from error
    except JobFailed as error:
        if error.refused:
            raise Unusable(str(error)) from error
        raise
    film = Film.objects.select_related("content__keyring").get(id=film.id)
    content = objects.read(film.content)
    took["total"] = round(time.monotonic() - began, 2)
    return content, report_of(film, twin, vault, content, took)


def report_of(film: Film, twin, vault: Vault, content: bytes, took: dict) -> dict:
    """The report of a finished film."""
    seen = faces.vault_counts(vault)
    return {
        "made_on": date.today().isoformat(),
        "seconds": took,
        "faces": {"found": seen.found, "kept": seen.kept, "rejected": seen.rejected},
        "twin": twin.measures,
        **film_sections(film.measures),
        "checks": {
            "c2pa": said_of(verify(content, roots())),
            "plaintext_found_on_disk": len(find_plaintext(settings.DATA_DIR)),
        },
    }


def _storyboard(name: str, bare: bool) -> Storyboard:
    if bare:
        return Storyboard("memorial")
    storyboard = Storyboard("memorial", title=Card(name or "In memory"), closing=Card("Remembered with love"))
    try:
        storyboard.validate()
    except StoryboardError as error:
        raise Unusable(f"The name cannot stand on the title card: {error}") from error
    return storyboard


def _people() -> tuple[User, list[User]]:
    owner, *board = (User.objects.create_user(name, f"{name}@sandbox.invalid") for name in ("owner", "first", "second"))
    for member in board:
        add_board_member(member)
    return owner, board


RIGHTS = "Whoever runs make_film on the command line holds the right to use this face, for this one film in this sandbox."


def _vault(owner: User, board: list[User], name: str) -> Vault:
    vault = vaults.open_vault(owner, name="Sandbox", subject_name=name or "the subject", stages=["all"])
    consent = consents.record_consent(
        vault.subject,
        basis="public",
        given_by="the operator",
        statement=RIGHTS,
        document=rights_statement(RIGHTS),
        by=owner,
    )
    for member in board:
        review_consent(consent, member, "approve", "")
    return vault


def _bring(vault: Vault, stage, path: Path, owner: User) -> None:
    try:
        with path.open("rb") as source:
            add_footage(vault, stage, path.name, source, by=owner)
    except FootageRefused as error:
        raise Unusable(str(error)) from error


def _look_at_footage(say: Callable[[str], None]) -> None:
    """Looks at all files; one that cannot be used is said and left out, and ends the work only if none is left."""
    while True:
        try:
            run_queued_jobs()
            return
        except JobFailed as error:
            if not error.refused:
                raise
            name = Footage.objects.get(id=error.job.target_id).filename
            sentence = str(error) if name in str(error) else f"{name}: {error}"
            if not Footage.objects.exclude(state=Footage.State.REFUSED).exists():
                raise Unusable(sentence) from error
            say(f"{sentence} The film is made without it.")


def _say_who_is_the_subject(vault: Vault, owner: User, say: Callable[[str], None]) -> None:
    """The subject is whoever is seen most in the first file; in the others, whoever looks like that."""
    for number, footage in enumerate(Footage.objects.filter(vault=vault, state="processed").order_by("added_at")):
        people = list(faces.people_in(footage))
        chosen = people[0] if number == 0 else next((person for person in people if person.proposed), None)
        if chosen is None:
            say(f"{footage.filename} does not show the person of the first file; it is left out.")
        for person in people:
            person.refresh_from_db()
            who = Person.Who.SUBJECT if person == chosen or person.who == Person.Who.SUBJECT else Person.Who.OTHER
            if not person.erased_at:
                say_who(vault, [person.id], who, by=owner)
    erase_others(vault, owner)


def _library(template: Path, owner: User, board: list[User]):
    try:
        with template.open("rb") as source:
            revision = library.submit(owner, template.stem[:120], "", source, template.name).revisions.get()
    except library.Unsuitable as error:
        raise Unusable(f"The template cannot be used: {error}") from error
    for member in board:
        library.review(revision, member, "approve", "")
    return revision
