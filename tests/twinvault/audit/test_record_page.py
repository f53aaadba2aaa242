"""The page of a vault's record: for its owner, filtered, in words."""

import re
from datetime import UTC, datetime

import pytest

from twinvault.audit.models import Entry
from twinvault.audit.queries import ENTRIES_A_PAGE
from twinvault.audit.record import record
from twinvault.vaults.models import Role
from twinvault.vaults.services import open_vault, set_member


@pytest.fixture
def see(browse, alice, vault):
    """What the owner sees: `see(person=..., status=400)` -> the page."""

    def get(status: int = 200, **asked) -> str:
        response = browse(alice).get(f"/vaults/{vault.id}/record/", asked)
        assert response.status_code == status
        return response.content.decode()

    return get


def rows(page: str) -> list[list[str]]:
    """The table's cells as they read, row by row."""
    cells = [re.findall(r"<td>(.*?)</td>", row, re.DOTALL) for row in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)[1:]]
    return [[" ".join(re.sub(r"<[^>]+>", "", cell).split()) for cell in row] for row in cells]


def test_it_tells_who_did_what_to_what_from_where(see, alice, vault, client):
    client.force_login(alice)
    client.post(f"/vaults/{vault.id}/details/", {"name": "Grandpa", "subject_name": "Franck"}, REMOTE_ADDR="192.0.2.7")

    told = rows(see())

    assert [row[1:] for row in told] == [
        ["Alice", "Vault described", "the vault", "web 192.0.2.7", ""],
        ["Alice", "Consent recorded", f"consent {str(vault.subject.consents.get().id)[:8]}", "", "basis: living"],
        ["Alice", "Member admitted", "Bob", "", "role: contributor"],
        ["Alice", "Vault opened", "the vault", "", ""],
    ]
    assert told[0][0] == f"{Entry.objects.get(verb='vault described').at:%-d %b %Y, %H:%M:%S}"


def test_what_the_server_did_by_itself_says_so(see, vault):
    record("film rendered", vault_id=vault.id, target="film of old")

    assert rows(see())[0][1:4] == ["the server by itself", "Film rendered", "film of old"]


@pytest.mark.parametrize("target", ["user 999", "user x", "user", "", "membership", "nothing known", "user " + "9" * 40])
def test_a_target_that_is_not_there_any_more_is_shown_as_it_was_written(see, vault, target):
    record("swept", vault_id=vault.id, target=target)

    assert rows(see())[0][3] == target


def test_only_an_owner_sees_it(client, browse, alice, bob, charlie, admin_client, vault):
    address = f"/vaults/{vault.id}/record/"

    assert admin_client.get(address).status_code == 404
    assert browse(charlie).get(address).status_code == 404
    for role in (Role.VIEWER, Role.CONTRIBUTOR):
        set_member(vault, bob, role, by=alice)
        for wanted in ("", "?format=csv", "?format=jsonl"):
            assert browse(bob).get(address + wanted).status_code == 404
    set_member(vault, bob, Role.OWNER, by=alice)
    assert browse(bob).get(address).status_code == 200
    client.logout()
    assert client.get(address)["Location"].startswith("/sign-in/")


def test_no_other_vault_is_told_of(see, alice, vault):
    other = open_vault(alice, name="Aunt", subject_name="Odile", stages=["adult"])
    record("secret of the other", vault_id=other.id)
    record("secret of the house")

    page = see()

    assert "ecret of the" not in page
    assert str(other.id) not in page


def test_looking_is_not_recorded(see):
    before = Entry.objects.count()
    see()

    assert Entry.objects.count() == before


def test_it_can_be_narrowed_to_a_person(see, alice, bob, vault):
    record("footage added", actor=bob, vault_id=vault.id)
    record("footage analysed", vault_id=vault.id)

    assert [row[2] for row in rows(see(person=bob.pk))] == ["Footage added"]
    assert [row[2] for row in rows(see(person="nobody"))] == ["Footage analysed"]
    assert {row[1] for row in rows(see(person=alice.pk))} == {"Alice"}


def test_it_can_be_narrowed_to_a_deed(see):
    assert [row[2] for row in rows(see(deed="member admitted"))] == ["Member admitted"]


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ({"since": "2026-03-02"}, ["fourth", "third", "second"]),
        ({"until": "2026-03-02"}, ["third", "second", "first"]),
        ({"since": "2026-03-02", "until": "2026-03-02"}, ["third", "second"]),
        ({"since": "0001-01-01", "until": "9999-12-31"}, ["fourth", "third", "second", "first"]),
    ],
)
def test_it_can_be_narrowed_to_days_both_included(see, vault, asked, seen):
    Entry.objects.all().delete()
    moments = {"first": (1, 23, 59, 59), "second": (2, 0, 0, 0), "third": (2, 23, 59, 59), "fourth": (3, 0, 0, 0)}
    for verb, at in moments.items():
        entry = record(verb, vault_id=vault.id)
        Entry.objects.filter(id=entry.id).update(at=datetime(2026, 3, *at, tzinfo=UTC))

    told = [row[2].lower().removesuffix(" changed") for row in rows(see(**asked))]

    assert told == seen


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"since": "yesterday"}, "This is not a day of the calendar"),
        ({"until": "2026-02-30"}, "This is not a day of the calendar"),
        ({"since": "2026-03-02", "until": "2026-03-01"}, "This day lies before the first one."),
        ({"person": "7777"}, "Nobody who is called that"),
        ({"deed": "\0"}, "Nothing of that kind was done"),
    ],
)
def test_a_filter_that_cannot_be_says_so_and_shows_nothing(see, asked, sentence):
    page = see(status=400, **asked)

    assert sentence in page
    assert rows(page) == []
    assert see(status=400, format="csv", **asked)


def test_a_filter_that_nothing_fits_says_so(see):
    assert "No entry fits" in see(since="2999-01-01")


def test_a_long_record_comes_in_pages_that_keep_the_filter(see, bob, vault):
    for number in range(ENTRIES_A_PAGE + 1):
        record(f"deed {number}", actor=bob, vault_id=vault.id)

    first, second = see(person=bob.pk), see(person=bob.pk, page=2)

    assert len(rows(first)) == ENTRIES_A_PAGE
    assert f"person={bob.pk}&amp;page=2" in first
    assert [row[2] for row in rows(second)] == ["Deed 0"]


def test_more_entries_cost_no_more_queries(browse, alice, bob, vault, count_queries):
    client = browse(alice)
    before = count_queries(lambda: client.get(f"/vaults/{vault.id}/record/"))
    for number in range(20):
        record(f"deed {number}", actor=bob if number % 2 else alice, vault_id=vault.id, target=bob)

    assert count_queries(lambda: client.get(f"/vaults/{vault.id}/record/")) == before


def test_an_entry_that_was_changed_past_us_is_marked(see, vault, sql):
    assert "changed" not in see().split("<tbody>")[1]

    sql("UPDATE audit_entry SET verb = 'vault closed' WHERE verb = 'vault opened'")

    page = see()
    assert "1 of the entries below was changed" in page
    assert [row[2] for row in rows(page)] == ["Consent recorded", "Member admitted", "Vault closed changed"]


def test_names_are_shown_as_they_are_written(see, bob, vault):
    bob.first_name = "<script>alert(1)</script>"
    bob.save()

    assert "<script>alert" not in see()


def test_the_page_of_members_leads_there_for_an_owner(browse, alice, bob, vault):
    link = f'href="/vaults/{vault.id}/record/"'

    assert link in browse(alice).get(f"/vaults/{vault.id}/members/").content.decode()
    assert link not in browse(bob).get(f"/vaults/{vault.id}/members/").content.decode()


def test_nothing_is_written_into_it_that_the_policy_forbids(see):
    page = see()

    assert not re.search(r"\sstyle=|\son[a-z]+=|<style|javascript:", page)
    assert page.count("<h1") == 1
    assert "csrfmiddlewaretoken" not in page.split('<form method="get"')[1].split("</form>")[0]
