"""The whole story in a real browser, against the command that people run: from signing up to the finished film."""

import re
import subprocess
import sys

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import REPOSITORY
from tests.processing import clips

pytestmark = pytest.mark.browser

# a job on a busy machine; nothing here asserts how long anything takes
PATIENCE_MS = 180_000


class Person:
    """Somebody with a browser of their own. Whatever the page's console or policy complains of is kept in `complaints`."""

    def __init__(self, browser: Browser, address: str, name: str):
        self.name, self.address = name, address
        self.page: Page = browser.new_context(viewport={"width": 1100, "height": 900}).new_page()
        self.page.set_default_timeout(30_000)
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: str) -> Page:
        self.page.goto(self.address + path)
        return self.page

    def sign_up(self) -> "Person":
        page = self.open("/sign-up/")
        page.get_by_label("Your name").fill(self.name.capitalize())
        page.get_by_label("User name").fill(self.name)
        page.get_by_label("E-mail address").fill(f"{self.name}@example.org")
        for field in page.locator("input[type=password]").all():
            field.fill("correct horse battery staple")
        page.locator("main").get_by_role("button").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        return self


def test_a_family_makes_a_film(browser, installation):
    address, environment = installation
    alice, bob, charlie, dora, emil = (
        Person(browser, address, name).sign_up() for name in ("alice", "bob", "charlie", "dora", "emil")
    )
    subprocess.run(
        [sys.executable, "manage.py", "make_board_member", "dora", "emil"], cwd=REPOSITORY, env=environment, check=True
    )

    # alice opens a vault, admits bob, and records the consent
    page = alice.open("/vaults/new/")
    page.get_by_label("Whose face does it keep?").fill("Franck")
    page.get_by_label("What shall the vault be called?").fill("Grandpa")
    page.get_by_role("button", name="Open the vault").click()
    vault = re.search(r"/vaults/([0-9a-f-]{36})/", page.url).group(0)
    alice.open(f"{vault}members/")
    page.get_by_label("User name or e-mail address").fill("bob")
    page.get_by_role("button", name="Admit").click()
    expect(page.get_by_text("bob · bob@example.org")).to_be_visible()
    alice.open(f"{vault}consent/")
    page.get_by_label("The subject consents").check()
    page.get_by_label("Name of the person who consents").fill("Franck")
    page.get_by_label("In their words").fill("I agree that my family keeps my face here.")
    page.get_by_label("I have this consent").check()
    page.locator("main form").filter(has=page.get_by_label("In their words")).get_by_role("button").click()

    # bob sends two files at once; one is not what its name says
    page = bob.open(f"{vault}upload/")
    page.get_by_label("Stage of life").select_option(label="Adult years")
    page.locator("#files").set_input_files(
        [
            {"name": "franck.mp4", "mimeType": "video/mp4", "buffer": clips.franck(24.0)},
            {"name": "letter.mp4", "mimeType": "video/mp4", "buffer": b"Dear Franck, this is a letter. " * 40},
        ]
    )
    footage = page.locator("#footage")
    expect(footage.get_by_text("looked at", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    expect(footage.get_by_text("cannot be used")).to_be_visible(timeout=PATIENCE_MS)
    expect(footage.locator(".why")).to_contain_text("neither a film nor a picture")

    # and says who is who
    bob.open(f"{vault}faces/")
    page.get_by_role("button", name="This is Franck").click()
    expect(page.get_by_role("button", name="Take it back")).to_be_visible()
    expect(page.get_by_text("kept", exact=False).first).to_be_visible()

    # he submits a template, and two members of the board approve it
    bob.open("/templates/new/")
    page.get_by_label("Title").fill("A man at his desk")
    page.locator("input[type=file]").set_input_files({"name": "desk.mp4", "mimeType": "video/mp4", "buffer": clips.actor(2.0)})
    page.locator("main form").get_by_role("button").last.click()
    template = re.search(r"/templates/[0-9a-f-]{36}/", page.url).group(0)
    for member in (dora, emil):
        member.open(template).get_by_role("button", name="Approve").click()
        expect(member.page.get_by_text(f"{member.name.capitalize()} approved this")).to_be_visible()
    expect(emil.page.locator(".job.done")).to_be_visible(timeout=PATIENCE_MS)

    # alice begins a twin and watches it learn
    page = alice.open(f"{vault}twins/")
    page.get_by_label("Stage of life").select_option(label="Adult years")
    page.get_by_role("button", name="Begin to learn").click()
    expect(page.locator(".job.done")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#progress .badge.ready")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(".previews img").first).to_be_visible()

    # and orders a film
    alice.open(f"{vault}order/")
    page.get_by_label("Name or title on the first card").fill("Franck")
    page.get_by_label("Captions").fill("nonsense")
    page.get_by_role("button", name="Order this film").click()
    expect(page.get_by_text("Line 1 must look like")).to_be_visible()
    page.get_by_label("Captions").fill("0-1 He told us this story every winter.")
    page.get_by_role("button", name="Order this film").click()
    player = page.locator("video.player")
    expect(player).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("This film is synthetic.")).to_be_visible()
    player.evaluate("film => film.readyState || new Promise(loaded => film.onloadedmetadata = () => loaded())")
    seconds = player.evaluate("film => film.duration")
    assert seconds == pytest.approx(4.0 + 2.0, abs=0.2)
    film = page.url.removeprefix(address)

    # whoever holds it can ask where it is from
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    content = download.value.path().read_bytes()
    page = charlie.open("/verify/")
    page.locator("input[type=file]").set_input_files({"name": "film.mp4", "mimeType": "video/mp4", "buffer": content})
    page.get_by_role("button", name="Look").click()
    expect(page.get_by_text("Yes. It was made here")).to_be_visible()

    # nobody's page broke, or was stopped by its own policy
    assert [one for person in (alice, bob, charlie, dora, emil) for one in person.complaints if "400" not in one] == []

    # charlie is told that none of it is there
    for path in (vault, f"{vault}faces/", film, f"{film}content/"):
        assert charlie.page.request.get(address + path).status == 404


def test_pages_fit_a_phone_and_work_by_keyboard(browser, installation):
    address, _ = installation
    context = browser.new_context(viewport={"width": 320, "height": 640}, color_scheme="dark")
    page = context.new_page()

    for path in ("/sign-in/", "/sign-up/", "/verify/"):
        page.goto(address + path)
        assert page.locator("html").evaluate("root => root.scrollWidth <= root.clientWidth"), path
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
