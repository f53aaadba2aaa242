"""The operator's view of jobs."""


def test_the_operator_reads_the_cause(admin_client, make_job):
    job = make_job("failed", cause="ZeroDivisionError: division by zero")

    assert "ZeroDivisionError" in admin_client.get(f"/admin/jobs/job/{job.pk}/change/").content.decode()


def test_the_operator_stops_and_retries(admin_client, make_job):
    running, failed = make_job("running"), make_job("failed")

    admin_client.post("/admin/jobs/job/", {"action": "stop", "_selected_action": [running.pk]})
    admin_client.post("/admin/jobs/job/", {"action": "retry", "_selected_action": [failed.pk]})

    running.refresh_from_db()
    failed.refresh_from_db()
    assert running.stop_requested
    assert failed.state == "queued"
