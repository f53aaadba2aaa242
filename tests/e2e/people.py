"""People with browsers of their own, and what each of them does first."""

import re

from playwright.sync_api import Browser, Page, expect

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


def open_vault(person: Person) -> str:
    """A vault with a consent; its address."""
    page = person.open("/vaults/new/")
    page.get_by_label("Whose face does it keep?").fill("Franck")
    page.get_by_label("What shall the vault be called?").fill("Grandpa")
    page.get_by_role("button", name="Open the vault").click()
    vault = re.search(r"/vaults/([0-9a-f-]{36})/", page.url).group(0)
    person.open(f"{vault}consent/")
    page.get_by_label("The subject consents").check()
    page.get_by_label("Name of the person who consents").fill("Franck")
    page.get_by_label("In their words").fill("I agree that my family keeps my face here.")
    page.get_by_label("I have this consent").check()
    page.get_by_role("button", name="Record the consent").click()
    say_in_person(person)
    return vault


def say_in_person(person: Person) -> None:
    """Before the browser's camera, which sees a man who talks, and its microphone, which beeps."""
    page = person.page
    page.get_by_role("button", name="Switch the camera on").click()
    page.get_by_role("button", name="Begin to record").click()
    expect(page.get_by_text("It is being recorded")).to_be_visible()
    page.wait_for_timeout(5000)
    page.get_by_role("button", name="Stop: I have said it").click()
    expect(page.get_by_text("Recorded. Watch it")).to_be_visible()
    page.get_by_role("button", name="This is my word: send it").click()
    expect(page.get_by_text("Thank you. The consent is in force.")).to_be_visible()
