"""Making an account."""

import pytest

from twinvault.accounts.models import User
from twinvault.audit.models import Entry

GOOD = {
    "name": "Greta Martin",
    "username": "greta",
    "email": "Greta@Example.org",
    "password1": "plum cake on sunday",
    "password2": "plum cake on sunday",
}


def test_an_account_is_made_and_signed_in(client, db):
    response = client.post("/sign-up/", GOOD)

    user = User.objects.get(username="greta")
    assert response["Location"] == "/"
    assert user.called == "Greta Martin"
    assert user.email == "greta@example.org"
    assert user.check_password("plum cake on sunday")
    assert not user.is_staff
    assert "Welcome, Greta Martin." in client.get("/").content.decode()
    assert Entry.objects.filter(verb="account made", actor=user).exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"username": "Alice"}, "This user name is taken"),
        ({"username": "greta@example.org"}, "holds no @"),
        ({"email": "ALICE@example.org"}, "There is an account with this e-mail address already"),
        ({"password2": "plum cake on monday"}, "password"),
        ({"password1": "password", "password2": "password"}, "too common"),
        ({"name": ""}, "required"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_nothing_is_made(client, alice, change, sentence):
    response = client.post("/sign-up/", GOOD | change)

    assert response.status_code == 400
    assert sentence in response.content.decode()
    assert User.objects.count() == 1
