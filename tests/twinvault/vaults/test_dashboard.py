"""The list of one's vaults."""

import uuid

from twinvault.jobs.models import Job
from twinvault.vaults.services import open_vault


def test_whoever_has_no_vault_is_told_what_to_do(browse, charlie, vault):
    page = browse(charlie).get("/").content.decode()

    assert "Open a vault for somebody" in page
    assert 'href="/vaults/new/"' in page
    assert vault.name not in page


def test_a_member_sees_the_vault_and_what_it_holds(browse, bob, vault, stage):
    Job.objects.create(kind="analyse_footage", queue="cpu", target_id=uuid.uuid4(), vault=vault, title="Look", state="running")

    page = browse(bob).get("/").content.decode()

    assert f'<a href="/vaults/{vault.id}/">Grandpa</a>' in page
    assert "born 1940" in page
    assert "You are contributor." in page
    assert "1 job under way" in page


def test_a_stranger_signs_in_first(client, db):
    assert client.get("/")["Location"] == "/sign-in/?next=/"


def test_more_vaults_cost_no_more_queries(browse, alice, vault, count_queries):
    client = browse(alice)
    before = count_queries(lambda: client.get("/"))
    for number in range(5):
        open_vault(alice, name=f"Vault {number}", subject_name="Odile", stages=["adult"])

    assert count_queries(lambda: client.get("/")) == before
