"""Who may enter a vault."""

from twinvault.vaults.access import role_in
from twinvault.vaults.models import Role
from twinvault.vaults.services import open_vault


def test_the_owner_gives_another_role_and_removes(browse, alice, bob, vault):
    membership = vault.memberships.get(user=bob)

    browse(alice).post(f"/vaults/{vault.id}/members/{membership.id}/role/", {"role": 1})
    assert role_in(bob, vault.id) == Role.VIEWER

    browse(alice).post(f"/vaults/{vault.id}/members/{membership.id}/remove/")
    assert role_in(bob, vault.id) is None


def test_the_last_owner_stays_and_is_told_why(browse, alice, vault):
    membership = vault.memberships.get(user=alice)

    for deed, given in [("role", {"role": 1}), ("remove", {})]:
        response = browse(alice).post(f"/vaults/{vault.id}/members/{membership.id}/{deed}/", given, follow=True)
        assert "make somebody else owner first" in response.content.decode()

    assert role_in(alice, vault.id) == Role.OWNER


def test_a_member_sees_the_others_and_may_only_leave(browse, alice, bob, vault):
    own, alices = vault.memberships.get(user=bob), vault.memberships.get(user=alice)
    client = browse(bob)

    page = client.get(f"/vaults/{vault.id}/members/").content.decode()
    assert "alice@example.org" in page
    assert "Invite" not in page
    assert client.post(f"/vaults/{vault.id}/members/", {"email": "charlie@example.org", "role": 3}).status_code == 404
    assert client.post(f"/vaults/{vault.id}/members/{own.id}/role/", {"role": 3}).status_code == 404
    assert client.post(f"/vaults/{vault.id}/members/{alices.id}/remove/").status_code == 404

    response = client.post(f"/vaults/{vault.id}/members/{own.id}/remove/", follow=True)
    assert "You have left Grandpa." in response.content.decode()
    assert role_in(bob, vault.id) is None


def test_an_outsider_finds_nothing(browse, charlie, vault):
    membership = vault.memberships.first()

    assert browse(charlie).get(f"/vaults/{vault.id}/members/").status_code == 404
    for deed in ["role", "remove"]:
        assert browse(charlie).post(f"/vaults/{vault.id}/members/{membership.id}/{deed}/", {"role": 1}).status_code == 404


def test_a_membership_of_another_vault_is_not_reached_through_ones_own(browse, charlie, alice, vault):
    own = open_vault(charlie, name="Mine", subject_name="Charlie", stages=["adult"])
    alices = vault.memberships.get(user=alice)

    assert browse(charlie).post(f"/vaults/{own.id}/members/{alices.id}/remove/").status_code == 404
    assert role_in(alice, vault.id) == Role.OWNER
