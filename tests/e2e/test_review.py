"""The pages on people and faces in a real browser: by keyboard, with many at once, without JavaScript, on a phone."""

import re
import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import REPOSITORY
from tests.e2e.people import Person, open_vault

pytestmark = pytest.mark.browser

FILL = """
from tests.processing.crowd import crowd
from twinvault.vaults.models import Vault
vault = Vault.objects.get(id="{vault}")
crowd(vault.subject.life_stages.first(), vault.memberships.get().user, faces=600, people=40, films=6)
"""


@pytest.fixture(scope="module")
def crowded(browser, installation):
    """Gerda, and the address of her vault with forty people in it."""
    address, environment = installation
    gerda = Person(browser, address, "gerda").sign_up()
    vault = open_vault(gerda)
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", FILL.format(vault=vault.split("/")[2])]
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True)
    return gerda, vault


@pytest.fixture
def review(crowded):
    """Gerda in front of a page, `review("people/?who=unknown")`; whatever her browser complains of fails the test."""
    gerda, vault = crowded
    gerda.complaints.clear()
    yield lambda path: gerda.open(vault + path)
    assert gerda.complaints == []


def chosen(page: Page):
    return page.locator("[data-item].chosen")


def focused(page: Page) -> str:
    return page.evaluate("document.activeElement.id")


def ids(page: Page) -> list[str]:
    return page.locator("[data-item]").evaluate_all("items => items.map(item => item.id)")


def settled(page: Page, words: str) -> None:
    """Waits until a deed is done and the page has taken it in."""
    expect(page.locator("#spoken")).to_have_text(words)


def test_people_are_chosen_and_put_together_by_keyboard_and_it_is_taken_back(review):
    page = review("people/?who=unknown")
    first, second, third = ids(page)[:3]

    page.keyboard.press("j")
    assert focused(page) == first
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(chosen(page)).to_have_count(3)
    page.keyboard.press("Shift+ArrowLeft")
    expect(chosen(page)).to_have_count(2)
    expect(page.locator("#spoken")).to_have_text("2 people chosen")
    assert focused(page) == second

    page.keyboard.press("m")
    settled(page, "2 people put together.")
    assert not {first, second} <= set(ids(page)) and focused(page) == third
    page.keyboard.press("Control+z")
    settled(page, "Taken back: 2 people put together.")
    assert {first, second} <= set(ids(page))

    page.keyboard.press("x")
    expect(chosen(page)).to_have_count(1)
    page.keyboard.press("Escape")
    expect(chosen(page)).to_have_count(0)


def test_one_answer_after_the_other_without_waiting(review):
    page = review("people/?who=unknown")
    before = ids(page)
    page.keyboard.press("j")
    page.keyboard.press("u")
    page.keyboard.press("u")
    page.keyboard.press("n")
    settled(page, "1 person said to be someone else.")
    assert not set(before[:3]) & set(ids(page)) and focused(page) == before[3]
    for left in (2, 1, 0):
        page.keyboard.press("z")
        expect(page.locator("[data-item]")).to_have_count(len(before) - left)
    assert ids(page) == before


def test_pictures_that_stay_are_not_asked_for_again(review):
    page, asked = review("jobs/"), []
    page.on("request", lambda request: asked.append(request.url) if "/crop/" in request.url else None)
    review("people/?who=unknown")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("u")
    settled(page, "1 person said to be uncertain.")
    page.wait_for_load_state("networkidle")
    assert len(asked) == len(set(asked)) > 0
    page.keyboard.press("z")
    settled(page, "Taken back: 1 person said to be uncertain.")


def test_all_faces_of_all_pages_are_taken_out_by_one_key_and_taken_back(review):
    page = review("faces/")
    everywhere = page.locator("[data-everywhere]")
    assert everywhere.input_value() == "600" and len(ids(page)) == 120
    page.keyboard.press("j")
    everywhere.check()
    expect(page.locator("#spoken")).to_have_text("All 600 on 5 pages chosen")
    page.keyboard.press("n")
    # all of the subject, of whom alone it is decided
    expect(page.locator("#spoken")).to_have_text(re.compile(r"^\d\d+ faces taken out\.$"))
    assert page.locator(".face.kept").count() == 0
    page.keyboard.press("z")
    expect(page.locator("#spoken")).to_have_text(re.compile(r"^Taken back: \d\d+ faces taken out\.$"))
    assert page.locator(".face.kept").count() > 1
    # what is done with one of them leaves the others alone
    everywhere.check()
    page.locator("button.one[value^=out]").first.click()
    settled(page, "1 face taken out.")
    page.keyboard.press("z")
    settled(page, "Taken back: 1 face taken out.")


def test_a_range_is_chosen_by_mouse_and_all_of_the_page_at_once(review):
    page = review("people/?who=unknown")
    cards = page.locator(".person p")
    cards.nth(1).click(position={"x": 200, "y": 5})
    cards.nth(4).click(position={"x": 200, "y": 5}, modifiers=["Shift"])
    expect(chosen(page)).to_have_count(4)
    page.get_by_label("4 people chosen").check()
    expect(chosen(page)).to_have_count(len(ids(page)))
    page.locator("[data-pick]").first.uncheck()
    expect(page.locator("[data-count]")).to_have_text(f"{len(ids(page)) - 1} people chosen")


def test_keys_are_listed_and_can_be_turned_off(review):
    page = review("people/")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    page.keyboard.press("j")
    assert focused(page) == "" or "person" not in focused(page)
    dialog.get_by_label("Keys do these things").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("j")
    assert "person" not in focused(page)
    page.get_by_role("button", name="Keys").click()
    dialog.get_by_label("Keys do these things").check()
    dialog.get_by_role("button", name="Close").click()
    page.keyboard.press("j")
    assert "person" in focused(page)


def test_keys_do_nothing_in_a_field(review):
    page, sent = review("faces/"), []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.get_by_label("Footage").focus()
    for key in ("j", "x", "n", "Control+z"):
        page.keyboard.press(key)
    expect(chosen(page)).to_have_count(0)
    assert focused(page) == "footage" and sent == []


def test_enter_opens_a_person_whose_scenes_are_taken_apart(review):
    page = review("people/?who=subject")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/people/*-*/")
    scenes = len(ids(page))
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("t")
    settled(page, "1 scene taken apart.")
    assert len(ids(page)) == scenes - 1
    page.keyboard.press("z")
    settled(page, "Taken back: 1 scene taken apart.")
    assert len(ids(page)) == scenes


def test_on_the_page_of_one_person_the_keys_answer_for_it(review):
    page = review("people/?who=unknown")
    review_of = page.locator("a[data-open]").last.get_attribute("href")
    page.goto(page.url.split("/vaults/")[0] + review_of)
    page.keyboard.press("n")
    settled(page, "1 person said to be someone else.")
    expect(page.get_by_role("heading", name="Someone else", level=1)).to_be_visible()
    page.keyboard.press("z")
    settled(page, "Taken back: 1 person said to be someone else.")
    expect(page.get_by_role("heading", name="Who is this?", level=1)).to_be_visible()


def test_a_face_is_seen_from_near_and_taken_out(review):
    page = review("faces/?state=kept")
    first, second, third = ids(page)[:3]
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    loupe = page.get_by_role("dialog", name="One face")
    expect(loupe.get_by_text("pixels wide")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(loupe.locator("img")).to_have_attribute("src", f"/faces/{second.split('-')[1]}/crop/")
    page.keyboard.press("n")
    settled(page, "1 face taken out.")
    assert first in ids(page) and second not in ids(page)
    expect(loupe.locator("img")).to_have_attribute("src", f"/faces/{third.split('-')[1]}/crop/")
    page.keyboard.press("Escape")
    expect(loupe).to_be_hidden()
    expect(page.locator(f"#{third}")).to_be_focused()
    page.keyboard.press("z")
    settled(page, "Taken back: 1 face taken out.")
    assert second in ids(page)


def test_everything_works_without_javascript(browser, crowded):
    gerda, vault = crowded
    plain = browser.new_context(java_script_enabled=False)
    plain.add_cookies(gerda.page.context.cookies())
    page = plain.new_page()
    page.goto(f"{gerda.address}{vault}people/?who=unknown")
    for box in page.get_by_label("Choose this person").all()[:2]:
        box.check()
    page.locator("#bulk").get_by_role("button", name="Put together").click()
    expect(page.get_by_text("2 people put together.")).to_be_visible()
    page.get_by_role("button", name="Take it back").first.click()
    expect(page.get_by_text("Taken back: 2 people put together.")).to_be_visible()
    plain.close()


def test_the_pages_fit_a_phone_and_the_dark(browser, crowded):
    gerda, vault = crowded
    small = browser.new_context(viewport={"width": 320, "height": 640}, color_scheme="dark")
    small.add_cookies(gerda.page.context.cookies())
    page = small.new_page()
    page.goto(f"{gerda.address}{vault}people/?who=subject")
    person = page.locator("a[data-open]").first.get_attribute("href")

    for path in (f"{vault}people/", person, f"{vault}faces/"):
        page.goto(gerda.address + path)
        page.locator("[data-pick]").first.check()
        expect(chosen(page)).to_have_count(1)
        assert page.locator("html").evaluate("root => root.scrollWidth <= root.clientWidth"), path
        page.goto(gerda.address + path)
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    small.close()
