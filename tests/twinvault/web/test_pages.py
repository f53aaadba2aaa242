"""What holds for every page: strict policy, nothing inline, clear error pages."""

import re
from pathlib import Path

import pytest
from django.template.loader import render_to_string
from django.test import Client

WEB = Path(__file__).resolve().parents[3] / "twinvault/web"


def test_pages_are_private_and_may_load_nothing_from_elsewhere(browse, alice, vault):
    response = browse(alice).get(f"/vaults/{vault.id}/")

    assert response["Cache-Control"] == "private, no-store"
    assert "style-src 'self';" in response["Content-Security-Policy"]


@pytest.mark.parametrize("address", ["", "members/", "consent/", "stages/", "jobs/", "details/"])
def test_nothing_is_written_into_pages_that_the_policy_forbids(browse, alice, vault, address):
    page = browse(alice).get(f"/vaults/{vault.id}/{address}").content.decode()

    assert not re.search(r"\sstyle=|\son[a-z]+=|<style|javascript:", page)
    assert not re.search(r"<script(?![^>]*\ssrc=)", page)
    assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", page)


def test_a_page_has_a_way_past_the_navigation_and_one_main_heading(browse, alice, vault):
    page = browse(alice).get(f"/vaults/{vault.id}/").content.decode()

    assert '<a class="skip" href="#content">' in page
    assert 'id="content"' in page
    assert page.count("<h1") == 1


def test_the_navigation_says_where_one_is(browse, alice, vault):
    page = browse(alice).get(f"/vaults/{vault.id}/members/").content.decode()

    assert f'<a href="/vaults/{vault.id}/members/" aria-current="page">Members</a>' in page


def test_an_address_that_is_not_there_says_so_in_a_sentence(browse, alice):
    response = browse(alice).get("/no-such-page/")

    assert response.status_code == 404
    assert "There is no page at this address" in response.content.decode()


def test_a_form_without_its_token_is_refused_with_a_sentence(alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    response = client.post("/vaults/new/", {"name": "x"})

    assert response.status_code == 403
    assert "Nothing was changed" in response.content.decode()


def test_the_page_for_our_own_faults_needs_nothing_that_may_be_broken():
    page = render_to_string("500.html")

    assert "went wrong on our side" in page
    assert "/static/web/site.css" in page


def test_the_page_for_what_is_not_allowed_reads_well_without_a_person():
    assert "You may not do this" in render_to_string("403.html")


@pytest.mark.parametrize(
    "name",
    sorted(
        set(
            re.findall(
                r'icon "(\w+)"|icon="(\w+)"', "".join(path.read_text() for path in WEB.parent.rglob("templates/**/*.html"))
            )
        )
    ),
)
def test_every_icon_that_pages_name_is_drawn(name):
    assert f'id="{name[0] or name[1]}"' in (WEB / "static/web/icons.svg").read_text()
