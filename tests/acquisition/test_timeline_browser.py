"""Choosing many pieces on the timeline, with the mouse and with the keyboard, in a real Chromium."""

import io

import pytest

from acquisition.services import add_footage
from tests.e2e.conftest import chromium

# a server in another thread sees only what is committed
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(browse, bob, vault, stage, live_server, settings):
    """The timeline of ten pieces of footage, before Bob."""
    if not chromium():
        pytest.skip("no Chromium here: install the package `chromium` to run the browser test")
    from playwright.sync_api import sync_playwright

    for number in range(10):
        add_footage(vault, stage, f"clip {number}.mp4", io.BytesIO(bytes([number])), by=bob)
    session = browse(bob).cookies[settings.SESSION_COOKIE_NAME].value
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
        page.goto(f"{live_server.url}/vaults/{vault.id}/timeline/")
        yield page
        browser.close()


def chosen(page) -> list[int]:
    return [at for at, box in enumerate(page.locator('input[name="id"]').all()) if box.is_checked()]


def test_shift_and_a_click_choose_all_in_between(page):
    boxes = page.locator('input[name="id"]')
    boxes.nth(2).click()
    boxes.nth(5).click(modifiers=["Shift"])
    assert chosen(page) == [2, 3, 4, 5]
    assert page.locator("#chosen").inner_text() == "4 are chosen."

    page.locator("label.when").nth(7).click(modifiers=["Shift"])
    assert chosen(page) == [2, 3, 4, 5, 6, 7]
    boxes.nth(6).click(modifiers=["Shift"])
    assert chosen(page) == [2, 3, 4, 5]


def test_the_keyboard_is_enough(page):
    page.locator('input[name="id"]').nth(3).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("ArrowUp")
    assert chosen(page) == [4, 5]

    page.keyboard.press("Control+a")
    assert chosen(page) == list(range(10))
    page.keyboard.press("Escape")
    assert chosen(page) == []


def test_what_is_chosen_is_dated_and_taken_back(page):
    page.locator('input[name="id"]').nth(0).click()
    page.locator('input[name="id"]').nth(2).click(modifiers=["Shift"])
    page.get_by_label("Year").fill("1987")
    page.get_by_role("button", name="Set the date").click()
    page.get_by_text("3 pieces of footage dated.").wait_for()
    assert page.locator(".pieces").first.get_by_text("dated by a person").count() == 3

    page.get_by_role("button", name="Take back your last change").click()
    page.get_by_text("Taken back: 3 pieces of footage as before.").wait_for()
    assert page.get_by_text("dated by a person").count() == 0


def test_all_that_are_listed_need_no_box_of_their_own(page):
    page.get_by_label("All 10 that are listed").check()
    assert page.locator("#chosen").inner_text() == "All 10 are chosen."
    page.get_by_label("Year").fill("1987")
    page.get_by_role("button", name="Set the date").click()

    page.get_by_text("10 pieces of footage dated.").wait_for()
