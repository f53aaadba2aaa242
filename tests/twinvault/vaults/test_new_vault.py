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
    assert [stage.bounds for stage in vault.subject.life_stages.all()] == ["13–24 years old", "from 60 years on"]
    assert vault.memberships.get().role == Role.OWNER


def test_a_day_brings_its_year_along(browse, charlie):
    browse(charlie).post("/vaults/new/", GOOD | {"born": "", "born_on": "1931-05-02", "died_on": "2019-01-09"})

    subject = Vault.objects.get().subject
    assert (subject.born, subject.died, str(subject.born_on), str(subject.died_on)) == (1931, 2019, "1931-05-02", "2019-01-09")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"died": "1930"}, "The year of death lies before the year of birth."),
        ({"born": "3000"}, "less than or equal"),
        ({"born_on": "1932-05-02"}, "This day lies in 1932, and the year beside it is 1931."),
        ({"born_on": "2999-01-01", "born": ""}, "This day cannot be"),
        ({"born_on": "1931-05-02", "died": "1931", "died_on": "1931-05-01"}, "lies before the day of birth"),
        ({"stages": []}, "required"),
        ({"subject_name": " "}, "required"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_opened(browse, charlie, change, sentence):
    response = browse(charlie).post("/vaults/new/", GOOD | change)

    assert response.status_code == 400
    assert sentence in response.content.decode()
    assert not Vault.objects.exists()
