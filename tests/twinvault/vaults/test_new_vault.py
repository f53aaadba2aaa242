"""Opening a vault."""

import pytest

from twinvault.vaults.models import Role, Vault

GOOD = {"name": "Aunt Odile", "subject_name": "Odile Berger", "born": "1931", "died": "2019", "stages": ["Youth", "Later years"]}


def test_a_vault_is_opened_with_its_subject_and_stages(browse, charlie):
    response = browse(charlie).post("/vaults/new/", GOOD)

    vault = Vault.objects.get()
    assert response["Location"] == f"/vaults/{vault.id}/"
    assert (vault.subject.name, vault.subject.born, vault.subject.died) == ("Odile Berger", 1931, 2019)
    assert [stage.name for stage in vault.subject.life_stages.all()] == ["Youth", "Later years"]
    assert vault.memberships.get().role == Role.OWNER


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"died": "1930"}, "The year of death lies before the year of birth."),
        ({"born": "3000"}, "less than or equal"),
        ({"stages": []}, "required"),
        ({"subject_name": " "}, "required"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_opened(browse, charlie, change, sentence):
    response = browse(charlie).post("/vaults/new/", GOOD | change)

    assert response.status_code == 400
    assert sentence in response.content.decode()
    assert not Vault.objects.exists()
