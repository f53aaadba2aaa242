"""The live piece that shows one job."""

import json

import pytest

from twinvault.jobs.models import Job
from twinvault.vaults.services import set_member


def test_an_open_job_asks_for_itself_again(browse, alice, make_job):
    job = make_job(progress=0.436, message="frame 12 of 40")

    response = browse(alice).get(f"/jobs/{job.id}/status/")

    page = response.content.decode()
    assert f'hx-get="/jobs/{job.id}/status/"' in page
    assert 'hx-trigger="every 2s"' in page
    assert 'value="43"' in page
    assert "frame 12 of 40" in page
    assert "HX-Trigger" not in response


@pytest.mark.parametrize("state", ["done", "failed", "stopped"])
def test_an_ended_job_asks_no_more_and_tells_the_page(browse, alice, make_job, state):
    job = make_job(state)

    response = browse(alice).get(f"/jobs/{job.id}/status/")

    assert "hx-trigger" not in response.content.decode()
    assert json.loads(response["HX-Trigger"]) == {"job-ended": {"id": str(job.id), "state": state}}


def test_progress_stays_below_the_whole_until_the_job_is_done(browse, alice, make_job):
    assert 'value="99"' in browse(alice).get(f"/jobs/{make_job(progress=1.0).id}/status/").content.decode()


def test_who_may_do_what_is_seen_by_the_buttons(browse, alice, bob, make_job, vault):
    job = make_job()
    assert "Stop</button>" in browse(bob).get(f"/jobs/{job.id}/status/").content.decode()

    set_member(vault, bob, 1, by=alice)
    assert "Stop</button>" not in browse(bob).get(f"/jobs/{job.id}/status/").content.decode()


def test_an_outsider_finds_nothing(browse, charlie, make_job):
    assert browse(charlie).get(f"/jobs/{make_job().id}/status/").status_code == 404


def test_a_template_job_is_shown_to_the_board_alone(browse, alice, board, make_job):
    job = make_job(vault=None, kind="prepare_template", title="Prepare a template")

    assert browse(alice).get(f"/jobs/{job.id}/status/").status_code == 404
    assert "Stop</button>" in browse(board[0]).get(f"/jobs/{job.id}/status/").content.decode()


def test_when_the_session_has_ended_the_whole_page_signs_in(client, make_job):
    at = {"HX-Request": "true", "HX-Current-URL": "https://vault.example/films/7/?a=b"}

    response = client.get(f"/jobs/{make_job().id}/status/", headers=at)

    assert response["HX-Redirect"] == "/sign-in/?next=/films/7/"
    assert response.content == b""


def test_a_title_is_shown_as_it_is_written(browse, alice, make_job):
    job = make_job(title="Look at <script>alert(1)</script>.mp4")

    assert "<script>alert" not in browse(alice).get(f"/jobs/{job.id}/status/").content.decode()
    assert Job.objects.count() == 1


def test_a_job_inside_a_part_that_refreshes_itself_stays(browse, alice, make_job):
    """A job once vanished at its first poll: it had taken over `hx-select` from the part of the page around it."""
    page = browse(alice).get(f"/jobs/{make_job().id}/status/").content.decode()

    assert 'hx-select="unset"' in page
    assert 'hx-target="this"' in page
