"""kill -9 in the middle of the work, with real processes."""

from pathlib import Path

import pytest

from tests.installation import Installation


@pytest.fixture
def installation(tmp_path, learned_written_down) -> Installation:
    """A vault with faces enough and a prepared template, where a dead worker is noticed within seconds."""
    made = Installation(tmp_path, JOB_LEASE_S="3", SWEEP_EVERY_S="1", CHECKPOINT_EVERY_S="1")
    learned_written_down.put_files(made.data)
    (tmp_path / "rows.json").write_text(learned_written_down.rows)
    return made


def test_a_killed_training_goes_on_from_its_checkpoint_and_the_film_comes_out(installation, tmp_path):
    told = installation.tell(Path(__file__).with_name("killed_worker.py"), tmp_path / "rows.json")

    assert told["state_after_kill"] == "running", "nobody told the row that the worker is dead"
    assert told["training"] == ["done", 2, ""] and told["another_worker"]
    assert told["before"] > 0 and told["kept_rows"]
    assert told["images_seen"] > told["went_on_after"] == told["before"]
    assert told["rendering"] == ["done", 2, ""]
    assert told["c2pa"] == "trusted" and told["frames"] > 0


def test_a_worker_that_wakes_after_another_took_its_training_over_spoils_nothing(installation, tmp_path):
    told = installation.tell(Path(__file__).with_name("stalled_worker.py"), tmp_path / "rows.json")

    assert told["one_job"]
    assert told["training"] == ["done", 2, ""]
    assert told["twin"] == ["ready", "", None, None]
    assert (told["checkpoints"], told["weights"]) == (0, 1)
