"""Becoming a member: an owner makes a link for an e-mail address, and whoever signs in with that address enters by it, once."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from twinvault.audit.models import Entry
from twinvault.vaults import invitations, services
from twinvault.vaults.access import role_in
from twinvault.vaults.invitations import accept, invite
from twinvault.vaults.models import Invitation, Role

LINK = re.compile(r"http://testserver(/invitations/[\w-]+/)")


def make_link(client, vault, email: str = "charlie@example.org", role: int = 1) -> str:
    answer = client.post(f"/vaults/{vault.id}/members/", {"email": email, "role": role})
    assert answer.status_code == 200, answer.text
    return LINK.search(answer.text)[1]


@pytest.fixture
def link(browse, alice, vault) -> str:
    return make_link(browse(alice), vault)


def test_whoever_is_invited_enters_by_the_link(browse, alice, charlie, vault, link):
    client = browse(charlie)

    page = client.get(link).text
    assert "Alice invites you to the vault <strong>Grandpa</strong>, as viewer." in page
    assert role_in(charlie, vault.id) is None

    answer = client.post(link, follow=True)
    assert "Welcome. You are viewer here." in answer.text
    assert role_in(charlie, vault.id) == Role.VIEWER
    assert client.get(link)["Location"] == f"/vaults/{vault.id}/"


def test_it_is_on_record_and_the_secret_rests_nowhere(browse, alice, charlie, vault, link):
    browse(charlie).post(link)

    deeds = Entry.objects.filter(vault_id=vault.id).order_by("id").values_list("verb", "actor__username")
    assert list(deeds)[-3:] == [("invitation made", "alice"), ("invitation accepted", "charlie"), ("member admitted", "charlie")]
    secret = link.split("/")[2]
    assert secret not in str(Invitation.objects.values()) + str(Entry.objects.values())


def test_somebody_without_an_account_makes_one_and_comes_back_to_the_door(client, browse, alice, vault):
    link = make_link(browse(alice), vault, "Greta@example.org", role=2)
    client.logout()

    page = client.get(link).text
    assert "Somebody invites you" in page and "Grandpa" not in page and "Alice" not in page
    assert f'href="/sign-up/?next={link}"' in page and f'href="/sign-in/?next={link}"' in page
    given = {"name": "Greta", "username": "greta", "email": "greta@example.org", "next": link}
    answer = client.post("/sign-up/", given | dict.fromkeys(["password1", "password2"], "plum cake on sunday"))
    assert answer["Location"] == link

    assert "Welcome. You are contributor here." in client.post(link, follow=True).text


def test_posting_to_it_signed_out_leads_to_signing_in_and_back(client, link):
    client.logout()
    assert client.post(link)["Location"] == f"/sign-in/?next={link}"


@pytest.mark.parametrize("far", ["https://evil.example/", "//evil.example/"])
def test_signing_up_leads_to_no_other_site(client, db, far):
    given = {"name": "Greta", "username": "greta", "email": "greta@example.org", "next": far}
    answer = client.post("/sign-up/", given | dict.fromkeys(["password1", "password2"], "plum cake on sunday"))
    assert answer["Location"] == "/"


def age(vault) -> None:
    vault.invitations.update(expires_at=timezone.now() - timedelta(seconds=1))


def revoke(vault) -> None:
    invitations.revoke(vault.invitations.get(), by=vault.invitations.get().invited_by)


def use(vault) -> None:
    vault.invitations.update(used_at=timezone.now(), used_by=vault.memberships.last().user)


@pytest.mark.parametrize("end", [age, revoke, use])
@pytest.mark.parametrize("signed_in", [True, False])
def test_one_that_is_over_says_why_in_one_sentence_and_never_of_which_vault(browse, charlie, vault, link, end, signed_in):
    end(vault)
    client = browse(charlie)
    if not signed_in:
        client.logout()
    sentence = {age: invitations.EXPIRED, revoke: invitations.REVOKED, use: invitations.USED}[end]

    for answer in (client.get(link), client.post(link)):
        assert answer.status_code == 410
        assert sentence in answer.text
        assert "Grandpa" not in answer.text and "Alice" not in answer.text
    assert role_in(charlie, vault.id) is None


def test_for_somebody_else_and_for_nobody_reads_kindly_and_tells_nothing(browse, bob, vault, alice):
    link = make_link(browse(alice), vault)
    client = browse(bob)

    for address, sentence in ((link, invitations.FOR_SOMEBODY_ELSE), (link[:-4] + "/", invitations.UNKNOWN)):
        for answer in (client.get(address), client.post(address)):
            assert answer.status_code == 404
            assert sentence in answer.text
            assert str(vault.id) not in answer.text
    assert Invitation.objects.open().count() == 1


def test_two_clicks_at_once_let_in_once(alice, charlie, vault):
    invitation, _ = invite(vault, charlie.email, Role.VIEWER, by=alice)
    same = Invitation.objects.get(id=invitation.id)

    accept(invitation, charlie)
    vault.memberships.filter(user=charlie).delete()
    with pytest.raises(services.NotAllowed, match="has been used"):
        accept(same, charlie)


def test_a_member_stays_as_they_are(browse, alice, charlie, vault, link):
    services.set_member(vault, charlie, Role.CONTRIBUTOR, by=alice)

    answer = browse(charlie).post(link)

    assert answer.status_code == 409 and "You are a member of this vault already." in answer.text
    assert role_in(charlie, vault.id) == Role.CONTRIBUTOR


def test_owners_see_who_is_invited_and_take_it_back(browse, alice, bob, charlie, vault, link):
    invitation = vault.invitations.get()
    assert "charlie@example.org" in browse(alice).get(f"/vaults/{vault.id}/members/").text
    assert "charlie@example.org" not in browse(bob).get(f"/vaults/{vault.id}/members/").text

    address = f"/vaults/{vault.id}/invitations/{invitation.id}/revoke/"
    for other in (bob, charlie):
        assert browse(other).post(address).status_code == 404
    answer = browse(alice).post(address, follow=True)
    assert "its link opens nothing any more" in answer.text
    assert "there is nothing to take back" in browse(alice).post(address, follow=True).text
    assert browse(charlie).post(link).status_code == 410


def test_inviting_again_takes_the_place_of_the_first(browse, alice, charlie, vault, link):
    second = make_link(browse(alice), vault, "CHARLIE@example.org", role=2)

    assert browse(charlie).get(link).status_code == 410
    assert browse(charlie).get(second).status_code == 200


def test_who_is_no_owner_any_more_lets_nobody_in(browse, alice, bob, charlie, vault, link):
    services.set_member(vault, bob, Role.OWNER, by=alice)
    services.remove_member(vault, vault.memberships.get(user=alice), by=bob)

    assert browse(charlie).post(link).status_code == 410


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"email": "bob@example.org", "role": 3}, "Bob is a member already."),
        ({"email": "charlie@example.org", "role": 9}, "not one of the available choices"),
        ({"email": "charlie", "role": 1}, "valid email address"),
        ({"email": "", "role": 1}, "required"),
    ],
)
def test_what_is_wrong_is_said_and_nobody_is_invited(browse, alice, bob, vault, given, sentence):
    answer = browse(alice).post(f"/vaults/{vault.id}/members/", given)

    assert answer.status_code == 400
    assert sentence in answer.text
    assert not Invitation.objects.exists()
    assert role_in(bob, vault.id) == Role.CONTRIBUTOR


def test_an_owner_is_not_told_who_has_an_account(browse, alice, charlie, vault):
    pages = [
        re.sub(r"invitations/[\w-]+/|[A-Za-z0-9]{64}", "", browse(alice).post(f"/vaults/{vault.id}/members/", given).text)
        for given in ({"email": "charlie@example.org", "role": 1}, {"email": "nobody1@example.org", "role": 1})
    ]
    assert pages[0].replace("charlie", "nobody1") == pages[1]


def test_nobody_makes_it_a_machine_that_mails_to_everybody(browse, alice, vault, monkeypatch):
    monkeypatch.setattr(invitations, "MADE_A_DAY", 2)
    for name in ("one", "two"):
        make_link(browse(alice), vault, f"{name}@example.org")

    answer = browse(alice).post(f"/vaults/{vault.id}/members/", {"email": "three@example.org", "role": 1})

    assert answer.status_code == 400 and "go on tomorrow" in answer.text


def test_it_goes_out_by_mail_where_mail_goes_out(browse, alice, vault, settings):
    settings.MAIL_GOES_OUT = True

    answer = browse(alice).post(f"/vaults/{vault.id}/members/", {"email": "charlie@example.org", "role": 1})

    assert "The link is on its way to them by mail." in answer.text
    [sent] = mail.outbox
    assert sent.to == ["charlie@example.org"]
    assert LINK.search(sent.body)[1] == LINK.search(answer.text)[1]
    assert "Grandpa" not in sent.subject + sent.body


def test_a_mail_server_that_does_not_answer_is_said_and_the_link_is_there(browse, alice, vault, settings):
    settings.MAIL_GOES_OUT = True
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = (
        "django.core.mail.backends.smtp.EmailBackend",
        "127.0.0.1",
        1,
    )

    answer = browse(alice).post(f"/vaults/{vault.id}/members/", {"email": "charlie@example.org", "role": 1})

    assert "could not be sent just now" in answer.text
    assert LINK.search(answer.text)
