"""Every address of the site is tried by everybody, and docs/security.md says what they got.

`make access-table` writes the table anew; here it must be what was seen.
"""

import os
import re

import pytest
from django.db import transaction
from django.urls import reverse

from tests.conftest import REPOSITORY
from tests.gate.addresses import Address, admin_addresses, every_address

PAGE = REPOSITORY / "docs/security.md"
BEGIN, END = "<!-- access table: make access-table -->", "<!-- end of the access table -->"
OUTSIDERS = ["stranger", "former member", "owner of another vault", "board member"]
# addresses with an id that are no vault's: the library, which all who have an account share, and the house bases
SHARED = ("templates/", "bases/")
NO = ("sign in", "404")
# what the board reads of a scene, and of a consent, before it gives its word
FOR_THE_BOARD = ("scenes/review/", "scenes/revisions/", "consents/review/")
# whoever has the link may be anybody, and is told the way in; signed in as somebody else, that it is not theirs
BY_LINK = ("invitations/",)


def ask(client, method: str, path: str) -> int | str:
    """The status, or "sign in"; whatever it did is undone."""
    with transaction.atomic():
        # uploads ask for the header, and look at nothing without it
        answer = getattr(client, method)(path, headers={"Tus-Resumable": "1.0.0"})
        answer.close()
        transaction.set_rollback(True)
    to_sign_in = answer.status_code == 302 and re.match(rf"{reverse('sign_in')}|{reverse('admin:login')}", answer.url)
    if to_sign_in or answer.status_code == 401:
        return "sign in"
    return answer.status_code


def outcome(client, path: str) -> dict[str, int | str]:
    got = {method: ask(client, method, path) for method in ("get", "post")}
    if set(got.values()) == {405}:
        got |= {method: ask(client, method, path) for method in ("head", "patch", "delete")}
    return got


def word(got: dict[str, int | str]) -> str:
    """`look` for who gets the page, `do` for whom a form is taken from, be it refused for what is in it, else why neither."""
    let_in = {"look" if method in ("get", "head") else "do" for method, status in got.items() if _is_let_in(status)}
    if let_in:
        return ", ".join(sorted(let_in, reverse=True))
    return NO[0] if NO[0] in got.values() else NO[1]


def _is_let_in(status: int | str) -> bool:
    return status not in ("sign in", 403, 404, 405)


@pytest.fixture
def sign_in(client):
    def as_somebody(person):
        client.logout()
        if person is not None:
            client.force_login(person)
        return client

    return as_somebody


@pytest.fixture
def seen(ids, people, sign_in) -> dict[str, dict[str, dict[str, int | str]]]:
    """By person and route: what they got."""
    return {
        called: {address.route: outcome(sign_in(person), address.path(ids)) for address in every_address()}
        for called, person in people.items()
    }


def table(seen) -> str:
    lines = ["| address | " + " | ".join(seen) + " |", "|---" * (len(seen) + 1) + "|"]
    for address in every_address():
        route = re.sub(r"<(?:\w+:)?(\w+)>", r"*\1*", address.route)
        lines.append(f"| /{route} | " + " | ".join(word(got[address.route]) for got in seen.values()) + " |")
    return "\n".join(lines)


def is_of_a_vault(address: Address) -> bool:
    return bool(address.arguments) and not address.route.startswith(SHARED)


def test_what_everybody_gets_is_what_the_page_says_and_outsiders_get_404(seen, people, sign_in):
    statuses = {got for by_route in seen.values() for answers in by_route.values() for got in answers.values()}
    assert not {status for status in statuses if isinstance(status, int) and status >= 500}

    for address in filter(is_of_a_vault, every_address()):
        route = address.route
        for outsider in OUTSIDERS:
            if outsider == "board member" and route.startswith(FOR_THE_BOARD):
                continue
            assert word(seen[outsider][route]) == "404", (outsider, route, seen[outsider][route])
            # not even by which methods it takes, or how it refuses, can they tell that it is there
            assert outcome(sign_in(people[outsider]), address.path_to_nothing()) == seen[outsider][route], (outsider, route)
        if not route.startswith(BY_LINK):
            assert seen["nobody"][route] == outcome(sign_in(None), address.path_to_nothing()), route

    # or all of this would hold for addresses that lead nowhere
    nowhere = [address.route for address in every_address() if all(word(got[address.route]) in NO for got in seen.values())]
    assert nowhere == ["sign-out/"]
    _page_says(table(seen))


def _page_says(told: str) -> None:
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    if os.environ.get("WRITE"):
        PAGE.write_text(f"{before}{BEGIN}\n{told}\n{END}{rest.split(END)[1]}")
    else:
        assert rest.split(END)[0].strip() == told, "type: make access-table"


def test_the_admin_is_for_its_staff_alone(people, sign_in):
    for path in admin_addresses():
        for called, person in people.items():
            got = outcome(sign_in(person), path)
            if called != "board member" and path not in (reverse("admin:login"), reverse("admin:logout")):
                assert word(got) in ("sign in", "404"), (called, path, got)
