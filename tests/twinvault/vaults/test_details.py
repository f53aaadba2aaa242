"""Putting right what a vault and its subject are called."""


def test_the_owner_changes_names_and_years(browse, alice, vault):
    address = f"/vaults/{vault.id}/details/"
    assert 'value="Franck"' in browse(alice).get(address).content.decode()

    browse(alice).post(address, {"name": "Opa", "subject_name": "Frank", "born": "1941", "died": ""})

    vault.refresh_from_db()
    vault.subject.refresh_from_db()
    assert (vault.name, vault.subject.name, vault.subject.born, vault.subject.died) == ("Opa", "Frank", 1941, None)


def test_nobody_else_may(browse, bob, charlie, vault):
    assert browse(bob).get(f"/vaults/{vault.id}/details/").status_code == 404
    assert browse(charlie).post(f"/vaults/{vault.id}/details/", {}).status_code == 404
