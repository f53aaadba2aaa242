"""Several processes on one SQLite database at once."""

from pathlib import Path

from tests.installation import Installation


def test_processes_that_work_at_once_neither_lock_each_other_out_nor_do_a_job_twice(tmp_path):
    told = Installation(tmp_path, BROKER="memory://").tell(Path(__file__).with_name("rush.py"))

    assert told["done"] == told["jobs"] == told["claimed"]
    assert told["most_attempts"] == 1
    assert 30 <= told["jobs"] <= told["asked"]
