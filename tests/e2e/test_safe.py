"""An owner at the Safe page in a real browser: password and code, sealed and unsealed, everything taken along, and erased."""

import json
import re
import zipfile

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.people import PATIENCE_MS, Person, open_vault
from tests.processing import clips

pytestmark = pytest.mark.browser

SECONDARY = "the boat under the walnut tree"


def upload(person: Person, vault: str, name: str, content: bytes) -> None:
    page = person.open(f"{vault}upload/")
    page.get_by_label("Stage of life").select_option(label="Adult years")
    page.locator("#files").set_input_files([{"name": name, "mimeType": "video/mp4", "buffer": content}])
    expect(page.locator("#footage").get_by_text(name)).to_be_visible(timeout=PATIENCE_MS)


def section(page: Page, title: str):
    return page.get_by_role("region", name=title)


def test_an_owner_seals_unseals_takes_everything_along_and_erases(browser, installation, tmp_path):
    address, _ = installation
    olga = Person(browser, address, "olga").sign_up()
    stranger = Person(browser, address, "sven").sign_up()
    vault = open_vault(olga)
    content = clips.franck(3.0)
    upload(olga, vault, "franck.mp4", content)
    page = olga.page
    expect(page.locator("#footage").get_by_text("looked at", exact=True)).to_be_visible(timeout=PATIENCE_MS)

    # a secondary password, and the code that is shown once
    olga.open(f"{vault}safe/")
    page.get_by_role("link", name="Set it").click()
    page.get_by_label("New secondary password").fill(SECONDARY)
    page.get_by_label("The same once more").fill(SECONDARY)
    page.get_by_label("The password of your account").fill("correct horse battery staple")
    page.get_by_role("button", name="Set this password").click()
    code = page.locator(".code").inner_text()
    assert re.fullmatch(r"([0-9A-Z]{5}-){5}[0-9A-Z]{5}", code)
    page.get_by_role("link", name="I have kept it").click()
    assert code not in page.content()

    # a wrong password is told; the right one seals
    section(page, "Seal the sources").get_by_label("Secondary password").fill("the wrong one")
    page.get_by_role("button", name="Seal", exact=True).click()
    expect(page.get_by_text("That is not the secondary password.")).to_be_visible()
    section(page, "Seal the sources").get_by_label("Secondary password").fill(SECONDARY)
    page.get_by_role("button", name="Seal", exact=True).click()
    expect(page.get_by_text(re.compile("Sealed since"))).to_be_visible(timeout=PATIENCE_MS)
    expect(section(page, "Unseal for a while")).to_be_visible()
    olga.open(f"{vault}faces/")
    expect(page.get_by_text("The faces are sealed")).to_be_visible()
    assert page.locator(".face img").count() == 0

    # what comes now goes straight in, and waits
    upload(olga, vault, "later.mp4", clips.franck(2.0, first=960))
    expect(page.locator("#footage").get_by_text("waiting to be looked at")).to_be_visible()

    # unsealed by the password, faces are there again, and what waited is looked at
    olga.open(f"{vault}safe/")
    section(page, "Unseal for a while").get_by_label("Secondary password").fill(SECONDARY)
    page.get_by_role("button", name="Unseal").click()
    expect(page.get_by_text("Unsealed until")).to_be_visible()
    olga.open(f"{vault}jobs/")
    expect(page.locator(".job").filter(has_text="later.mp4").locator(".badge.done")).to_be_visible(timeout=PATIENCE_MS)
    olga.open(f"{vault}upload/")
    expect(page.locator("#footage").get_by_text("looked at", exact=True)).to_have_count(2)
    olga.open(f"{vault}faces/")
    face = page.locator(".face img, .person img").first
    expect(face).to_be_visible()
    assert face.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    olga.open(f"{vault}safe/")
    page.get_by_role("button", name="Close it now").click()
    expect(page.get_by_text(re.compile("Sealed since"))).to_be_visible()

    # everything is taken along
    section(page, "Take everything with you").get_by_label("Secondary password").fill(SECONDARY)
    page.get_by_role("button", name="Make an export").click()
    link = page.get_by_role("link", name="Download", exact=True)
    expect(link).to_be_visible(timeout=PATIENCE_MS)
    with page.expect_download() as download:
        link.click()
    path = tmp_path / "everything.zip"
    download.value.save_as(path)
    archive = zipfile.ZipFile(path)
    assert archive.testzip() is None
    assert archive.read("originals/Adult years/franck.mp4") == content
    assert json.loads(archive.read("manifest.json"))["vault"]["name"] == "Grandpa"
    export = page.url.removeprefix(address)

    # the record knows it all
    olga.open(f"{vault}record/")
    for deed in ("Unsealed", "Sealed", "Export downloaded", "Wrong secondary password"):
        expect(page.get_by_role("cell", name=deed, exact=True).first).to_be_visible()

    # and it is erased for good, without the secondary password
    olga.open(f"{vault}safe/")
    page.get_by_text("Erase something").click()
    page.get_by_label("The whole vault").check()
    page.get_by_label("To be sure, type the name of this vault").fill("grandpa")
    section(page, "Erase for good").get_by_label("The password of your account").fill("correct horse battery staple")
    page.get_by_role("button", name="Erase it for good").click()
    expect(page.get_by_role("heading", name="Receipt")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("row", name=re.compile("Footage, as it was brought in 2"))).to_be_visible()
    receipt = page.url.removeprefix(address)

    assert [one for person in (olga, stranger) for one in person.complaints if "400" not in one] == []
    for gone in (vault, f"{vault}safe/", export):
        assert olga.page.request.get(address + gone).status == 404
        assert stranger.page.request.get(address + gone).status == 404
    assert olga.page.request.get(address + receipt).status == 200
    assert stranger.page.request.get(address + receipt).status == 404


def test_the_safe_fits_a_phone_and_the_dark(browser, installation):
    address, _ = installation
    pia = Person(browser, address, "pia").sign_up()
    vault = open_vault(pia)
    small = browser.new_context(viewport={"width": 320, "height": 640}, color_scheme="dark")
    small.add_cookies(pia.page.context.cookies())
    page = small.new_page()

    for path in (f"{vault}safe/", f"{vault}safe/password/", f"{vault}record/"):
        page.goto(address + path)
        assert page.locator("html").evaluate("root => root.scrollWidth <= root.clientWidth"), path
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
