"""A person with a browser, as far as forms, links, cookies and uploads go; it sees only what the site serves."""

import base64
import re
import time
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import requests

PIECE = 4 * 2**20
_STATES = re.compile(r'<article class="job (\w+)"')
_PERCENT = re.compile(r'<progress[^>]*value="(\d+)"')
_MESSAGE = re.compile(r'<p class="message">(.*?)</p>', re.S)
_WHY = re.compile(r'<p class="why">(.*?)</p>', re.S)
_ERRORS = re.compile(r'<ul class="errorlist[^>]*>(.*?)</ul>|role="alert">(.*?)</div>', re.S)
_TAGS = re.compile(r"<[^>]+>")


class VisitFailed(RuntimeError):
    """The site answered with an error; the message holds the sentence it gave."""


class _Forms(HTMLParser):
    """The forms of a page: where they go, and what their fields hold."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict] = []
        self._inside, self._select, self._area = False, "", ""

    def handle_starttag(self, tag: str, attributes: list) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self._inside = True
            self.forms.append({"action": given.get("action", ""), "fields": {}})
        if not self._inside:
            return
        fields, name = self.forms[-1]["fields"], given.get("name", "")
        if tag == "input" and name:
            kind = given.get("type", "text")
            if kind == "checkbox":
                # several boxes may share a name
                fields[name] = fields.get(name) or []
                fields[name] += [given.get("value", "on")] if "checked" in given else []
            elif kind != "radio" or "checked" in given:
                fields[name] = given.get("value", "")
            else:
                fields.setdefault(name, "")
        elif tag == "button" and name:
            fields.setdefault(name, None)
        elif tag == "select":
            self._select = name
            fields.setdefault(name, None)
        elif tag == "option" and self._select and ("selected" in given or fields[self._select] is None):
            # a browser sends the first one, be it empty
            fields[self._select] = given.get("value", "")
        elif tag == "textarea":
            self._area = name
            fields[name] = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.forms[-1]["fields"][self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._area = ""


class Visitor:
    """One signed-in (or not) person."""

    def __init__(self, site: str):
        self.site = site
        self.session = requests.Session()

    def open(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(urljoin(self.site, path), headers=headers, timeout=120)

    def page(self, path: str) -> str:
        """The page's HTML; VisitFailed unless it is there."""
        answer = self.open(path)
        if answer.status_code != 200:
            raise VisitFailed(f"{path} answered {answer.status_code}")
        return answer.text

    def fill(self, path: str, *, to: str | None = None, files: dict | None = None, **said: object) -> requests.Response:
        """Opens a page, fills the form that has all these fields (and goes `to` this address, if given), and sends it."""
        parser = _Forms()
        parser.feed(self.page(path))
        wanted = set(said) | set(files or {})
        for form in parser.forms:
            if wanted <= set(form["fields"]) and (to is None or form["action"].endswith(to)):
                break
        else:
            raise VisitFailed(f"{path} has no form with {', '.join(sorted(wanted))}")
        values = {name: value for name, value in form["fields"].items() if value is not None and name not in (files or {})}
        address = urljoin(self.site, urljoin(path, form["action"]))
        answer = self.session.post(
            address, data=values | said, files=files, headers={"Referer": urljoin(self.site, path)}, timeout=300
        )
        if answer.status_code != 200:
            raise VisitFailed(f"{address} answered {answer.status_code}: {said_wrong(answer.text)}")
        if wrong := said_wrong(answer.text):
            raise VisitFailed(f"{path}: {wrong}")
        return answer

    def upload(self, address: str, file: Path, metadata: dict[str, str], told: Callable[[float], None]) -> str:
        """Sends a file as the upload page's script does (tus 1.0); returns the address of the upload."""
        size = file.stat().st_size
        described = ",".join(
            f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in {"filename": file.name, **metadata}.items()
        )
        headers = {"Tus-Resumable": "1.0.0", "X-CSRFToken": self.session.cookies["csrftoken"], "Referer": self.site}
        answer = self.session.post(
            urljoin(self.site, address), headers=headers | {"Upload-Length": str(size), "Upload-Metadata": described}, timeout=60
        )
        if answer.status_code != 201:
            raise VisitFailed(f"the upload of {file.name} was refused: {answer.status_code} {answer.text[:300]}")
        place = urljoin(self.site, answer.headers["Location"])
        with file.open("rb") as source:
            offset = 0
            while piece := source.read(PIECE):
                answer = self.session.patch(
                    place,
                    data=piece,
                    headers=headers | {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"},
                    timeout=300,
                )
                if answer.status_code != 204:
                    raise VisitFailed(f"the upload of {file.name} broke off: {answer.status_code} {answer.text[:300]}")
                offset = int(answer.headers["Upload-Offset"])
                told(offset / size)
        return place

    def await_jobs(self, path: str, told: Callable[[float, str], None], limit_s: float = 1800, every_s: float = 1.0) -> str:
        """Watches a page until no job on it is open any more; returns the page. VisitFailed with the reason if one failed."""
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            text = self.page(path)
            states = _STATES.findall(text)
            if "failed" in states:
                raise VisitFailed(f"{path}: {_plain(next(iter(_WHY.findall(text)), 'a job failed'))}")
            if states and not {"queued", "running"} & set(states):
                return text
            share = next(iter(_PERCENT.findall(text)), "0")
            told(int(share) / 100, _plain(next(iter(_MESSAGE.findall(text)), "")))
            time.sleep(every_s)
        raise VisitFailed(f"{path}: the work did not end within {limit_s:.0f} s")


def _plain(html: str) -> str:
    return " ".join(unescape(_TAGS.sub(" ", html)).split())


def said_wrong(html: str) -> str:
    """What the page complains of, '' if of nothing."""
    return "; ".join(_plain(first or second) for first, second in _ERRORS.findall(html))
