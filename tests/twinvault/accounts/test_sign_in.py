"""Signing in and out."""

import pytest
from django.test import Client

SENTENCE = "That name and password do not belong together"


def sign_in(client: Client, who: str, password: str, **more):
    return client.post("/sign-in/", {"username": who, "password": password} | more)


@pytest.mark.parametrize("who", ["alice", "alice@example.org", "Alice@Example.org", "ALICE"])
def test_the_user_name_or_the_e_mail_address_opens(client, alice, who):
    response = sign_in(client, who, "correct horse battery")

    assert response.status_code == 302
    assert response["Location"] == "/"


def test_one_comes_back_to_the_page_one_was_going_to(client, alice, vault):
    response = client.get(f"/vaults/{vault.id}/")
    assert response["Location"] == f"/sign-in/?next=/vaults/{vault.id}/"

    page = client.get(response["Location"]).content.decode()
    assert f'name="next" value="/vaults/{vault.id}/"' in page
    assert sign_in(client, "alice", "correct horse battery", next=f"/vaults/{vault.id}/")["Location"] == f"/vaults/{vault.id}/"


def test_nobody_is_sent_to_another_site(client, alice):
    assert sign_in(client, "alice", "correct horse battery", next="https://evil.example/")["Location"] == "/"


def test_a_wrong_password_and_a_missing_account_read_the_same(client, alice):
    wrong = sign_in(client, "alice", "not the password")
    missing = sign_in(client, "nobody", "not the password")

    assert wrong.status_code == missing.status_code == 400
    assert SENTENCE in wrong.content.decode()
    assert wrong.context["form"].errors == missing.context["form"].errors


def test_a_closed_account_reads_the_same_too(client, alice):
    alice.is_active = False
    alice.save()

    assert SENTENCE in sign_in(client, "alice", "correct horse battery").content.decode()


def test_whoever_is_signed_in_needs_no_form(browse, alice):
    assert browse(alice).get("/sign-in/")["Location"] == "/"
    assert browse(alice).get("/sign-up/")["Location"] == "/"


def test_signing_out_is_a_post_and_ends_the_session(browse, alice):
    client = browse(alice)

    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
    assert client.get("/")["Location"] == "/sign-in/?next=/"


def test_names_that_differ_in_capitals_only_stay_apart(client, alice, django_user_model):
    """The command line can make such accounts; each opens with its own name, and a third spelling opens neither."""
    django_user_model.objects.create_user("ALICE", "other@example.org", "another long password")

    assert sign_in(client, "ALICE", "correct horse battery").status_code == 400
    assert sign_in(client, "Alice", "correct horse battery").status_code == 400
    assert sign_in(client, "alice", "correct horse battery").status_code == 302
