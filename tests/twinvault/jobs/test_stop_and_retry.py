"""The buttons under a job."""

import pytest

from twinvault.vaults.services import set_member

LIVE = {"HX-Request": "true"}


def test_a_waiting_job_is_stopped_at_once(browse, bob, make_job):
    job = make_job("queued")

    response = browse(bob).post(f"/jobs/{job.id}/stop/", headers=LIVE)

    job.refresh_from_db()
    assert job.state == "stopped"
    assert "Try again" in response.content.decode()


def test_a_running_job_is_asked_to_stop_and_says_so(browse, bob, make_job):
    job = make_job("running")

    response = browse(bob).post(f"/jobs/{job.id}/stop/", headers=LIVE)

    job.refresh_from_db()
    assert job.state == "running"
    assert job.stop_requested
    assert "Stopping at the next safe place." in response.content.decode()


@pytest.mark.parametrize("state", ["failed", "stopped"])
def test_what_failed_or_was_stopped_is_tried_again(browse, bob, make_job, state):
    job = make_job(state, error="The disk of this server is full.")

    response = browse(bob).post(f"/jobs/{job.id}/retry/", headers=LIVE)

    job.refresh_from_db()
    assert job.state == "queued"
    assert job.error == ""
    assert "Waiting for a free worker" in response.content.decode()


def test_what_is_done_is_not_done_again(browse, bob, vault, make_job):
    job = make_job("done")

    response = browse(bob).post(f"/jobs/{job.id}/retry/", follow=True)

    job.refresh_from_db()
    assert job.state == "done"
    assert "under way or done already" in response.content.decode()


def test_a_plain_browser_comes_back_to_the_list(browse, bob, vault, make_job):
    response = browse(bob).post(f"/jobs/{make_job('queued').id}/stop/")

    assert response["Location"] == f"/vaults/{vault.id}/jobs/"


@pytest.mark.parametrize("verb", ["stop", "retry"])
def test_only_contributors_may_and_only_by_post(browse, alice, bob, charlie, vault, make_job, verb):
    job = make_job("queued" if verb == "stop" else "failed")
    before = job.state
    set_member(vault, bob, 1, by=alice)

    assert browse(charlie).post(f"/jobs/{job.id}/{verb}/").status_code == 404
    assert browse(bob).post(f"/jobs/{job.id}/{verb}/").status_code == 404
    assert browse(alice).get(f"/jobs/{job.id}/{verb}/").status_code == 405
    job.refresh_from_db()
    assert job.state == before


def test_the_board_alone_steers_the_jobs_of_templates(browse, alice, board, make_job):
    job = make_job("failed", vault=None)

    assert browse(alice).post(f"/jobs/{job.id}/retry/").status_code == 404
    assert browse(board[0]).post(f"/jobs/{job.id}/retry/", headers=LIVE).status_code == 200
    job.refresh_from_db()
    assert job.state == "queued"
