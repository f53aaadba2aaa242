"""The list of a vault's jobs."""

from twinvault.jobs.queries import JOBS_A_PAGE
from twinvault.vaults.services import open_vault


def test_running_jobs_stand_before_waiting_ones_and_those_before_the_ended(browse, alice, vault, make_job):
    for state in ["done", "queued", "running", "failed"]:
        make_job(state, title=f"the {state} one")

    page = browse(alice).get(f"/vaults/{vault.id}/jobs/").content.decode()

    places = [page.index(f"the {state} one") for state in ["running", "queued", "failed", "done"]]
    assert places == sorted(places)


def test_a_job_that_failed_says_why_and_keeps_the_trace_to_the_operator(browse, alice, vault, make_job):
    make_job("failed", error="a.mp4 holds no picture that can be read.", cause="Traceback: secrets of the house")

    page = browse(alice).get(f"/vaults/{vault.id}/jobs/").content.decode()

    assert "a.mp4 holds no picture that can be read." in page
    assert "secrets of the house" not in page


def test_where_there_is_no_job_it_says_what_to_do(browse, alice, vault):
    page = browse(alice).get(f"/vaults/{vault.id}/jobs/").content.decode()

    assert "Nothing to do yet" in page
    assert f'href="/vaults/{vault.id}/upload/"' in page


def test_an_outsider_finds_nothing_and_a_stranger_signs_in(client, browse, charlie, vault):
    assert client.get(f"/vaults/{vault.id}/jobs/")["Location"].startswith("/sign-in/")
    assert browse(charlie).get(f"/vaults/{vault.id}/jobs/").status_code == 404


def test_jobs_of_another_vault_are_not_shown(browse, alice, vault, make_job):
    other = open_vault(alice, name="Aunt", subject_name="Odile", stages=["adult"])
    make_job(vault=other, title="of the other vault")

    assert "of the other vault" not in browse(alice).get(f"/vaults/{vault.id}/jobs/").content.decode()


def test_a_long_list_comes_in_pages(browse, alice, vault, make_job):
    for number in range(JOBS_A_PAGE + 1):
        make_job("done", title=f"job {number:02}")

    first = browse(alice).get(f"/vaults/{vault.id}/jobs/").content.decode()
    second = browse(alice).get(f"/vaults/{vault.id}/jobs/?page=2").content.decode()

    assert "Page 1 of 2" in first
    assert "job 00" not in first
    assert "job 00" in second


def test_more_jobs_cost_no_more_queries(browse, alice, vault, make_job, count_queries):
    client = browse(alice)
    make_job("running")
    before = count_queries(lambda: client.get(f"/vaults/{vault.id}/jobs/"))
    for state in ["running", "queued", "failed", "stopped", "done"] * 3:
        make_job(state)

    assert count_queries(lambda: client.get(f"/vaults/{vault.id}/jobs/")) == before
