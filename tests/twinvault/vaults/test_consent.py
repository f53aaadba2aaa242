"""Recording and withdrawing consent."""

import pytest

from twinvault.vaults.services import has_consent, open_vault

GOOD = {"basis": "executor", "given_by": "Odile's son", "statement": "She wished it so.", "sure": "on"}


@pytest.fixture
def empty(alice):
    return open_vault(alice, name="Aunt", subject_name="Odile", stages=["adult"])


def test_the_owner_records_it(browse, alice, empty):
    response = browse(alice).post(f"/vaults/{empty.id}/consent/", GOOD)

    consent = empty.subject.consents.get()
    assert response["Location"] == f"/vaults/{empty.id}/"
    assert (consent.basis, consent.given_by, consent.recorded_by) == ("executor", "Odile's son", alice)


@pytest.mark.parametrize("missing", ["basis", "given_by", "statement", "sure"])
def test_a_consent_is_whole_or_is_none(browse, alice, empty, missing):
    given = {name: value for name, value in GOOD.items() if name != missing}

    assert browse(alice).post(f"/vaults/{empty.id}/consent/", given).status_code == 400
    assert not has_consent(empty.subject)


def test_withdrawn_it_stays_readable_and_is_no_longer_in_force(browse, alice, vault):
    consent = vault.subject.consents.get()

    response = browse(alice).post(f"/vaults/{vault.id}/consent/{consent.id}/withdraw/", follow=True)

    page = response.content.decode()
    assert not has_consent(vault.subject)
    assert "No consent is in force" in page
    assert "I agree that my face is learned." in page
    assert "withdrawn " in page


def test_every_member_reads_it_and_only_the_owner_decides(browse, bob, vault):
    consent = vault.subject.consents.get()
    client = browse(bob)

    page = client.get(f"/vaults/{vault.id}/consent/").content.decode()

    assert "I agree that my face is learned." in page
    assert "Record the consent" not in page
    assert "Withdraw" not in page
    assert client.post(f"/vaults/{vault.id}/consent/", GOOD).status_code == 404
    assert client.post(f"/vaults/{vault.id}/consent/{consent.id}/withdraw/").status_code == 404
    assert has_consent(vault.subject)


def test_an_outsider_finds_nothing(browse, charlie, vault):
    consent = vault.subject.consents.get()

    assert browse(charlie).get(f"/vaults/{vault.id}/consent/").status_code == 404
    assert browse(charlie).post(f"/vaults/{vault.id}/consent/{consent.id}/withdraw/").status_code == 404


def test_a_consent_of_another_vault_is_not_reached_through_ones_own(browse, alice, charlie, vault):
    own = open_vault(charlie, name="Mine", subject_name="Charlie", stages=["adult"])
    consent = vault.subject.consents.get()

    assert browse(charlie).post(f"/vaults/{own.id}/consent/{consent.id}/withdraw/").status_code == 404
    assert has_consent(vault.subject)
