"""The editorial board: who is on it, and what it may look at in the admin."""

import pytest
from django.db import connection
from django.http import Http404
from django.test.utils import CaptureQueriesContext

from twinvault.accounts.access import require_board
from twinvault.accounts.services import add_board_member, remove_board_member
from twinvault.audit.models import Entry


def test_a_board_member_may_enter_the_admin_and_see_templates_there(browse, board):
    dora = board[0]

    assert dora.is_staff
    assert dora.has_perm("templates_library.view_template")
    assert not dora.has_perm("templates_library.change_template")
    assert not dora.has_perm("vaults.view_vault")
    assert browse(dora).get("/admin/").status_code == 200


def test_only_the_board_passes_its_gate(alice, board, django_user_model):
    require_board(board[0])
    for other in [alice, django_user_model.objects.create_superuser("root", "root@example.org", "x")]:
        with pytest.raises(Http404):
            require_board(other)


def test_a_released_member_is_outside_again(browse, board):
    dora = board[0]

    remove_board_member(dora)

    assert not dora.is_board_member
    assert browse(dora).get("/admin/").status_code == 302


def test_a_page_asks_once_who_comes_and_whether_they_are_on_the_board(browse, board):
    visitor = browse(board[0])

    with CaptureQueriesContext(connection) as asked:
        assert "House base" in visitor.get("/").text

    assert [query["sql"] for query in asked if "groups" in query["sql"]] == [asked[1]["sql"]]


def test_who_joins_or_leaves_the_board_is_known_at_the_next_request(browse, alice):
    visitor = browse(alice)
    assert "House base" not in visitor.get("/").text

    add_board_member(alice)
    assert "House base" in visitor.get("/").text

    remove_board_member(alice)
    assert "House base" not in visitor.get("/").text


def test_the_operator_names_the_board_in_the_admin(admin_client, alice):
    page = admin_client.get("/admin/accounts/user/")
    assert page.status_code == 200

    admin_client.post("/admin/accounts/user/", {"action": "name_to_board", "_selected_action": [alice.pk]})

    alice.refresh_from_db()
    assert alice.is_board_member
    assert alice.is_staff


def test_an_account_that_the_operator_makes_is_recorded(admin_client, admin_user):
    given = {
        "username": "greta",
        "email": "greta@example.org",
        "password1": "plum cake on sunday",
        "password2": "plum cake on sunday",
    }

    admin_client.post("/admin/accounts/user/add/", given | {"usable_password": "true"})

    assert Entry.objects.filter(verb="account made", actor=admin_user).exists()
    assert admin_client.post(f"/admin/accounts/user/{admin_user.pk}/delete/").status_code == 403


def test_naming_twice_does_no_harm(alice):
    add_board_member(alice)
    add_board_member(alice)

    assert alice.groups.count() == 1


@pytest.mark.parametrize(
    "page", ["accounts/user/", "vaults/vault/", "vaults/consent/", "jobs/job/", "audit/entry/", "accounts/user/add/"]
)
def test_the_operator_reads_every_table(admin_client, vault, page):
    assert admin_client.get(f"/admin/{page}").status_code == 200


@pytest.mark.parametrize("page", ["vaults/vault/add/", "audit/entry/add/", "jobs/job/add/"])
def test_what_services_write_is_not_written_by_hand(admin_client, page):
    assert admin_client.get(f"/admin/{page}").status_code == 403
