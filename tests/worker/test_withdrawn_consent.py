"""A consent withdrawn while real workers learn and render."""

from pathlib import Path

from tests.installation import Installation


def test_training_and_rendering_end_within_a_minute_and_leave_nothing(tmp_path, learned_written_down):
    installation = Installation(tmp_path, CHECKPOINT_EVERY_S="1")
    learned_written_down.put_files(installation.data)
    (tmp_path / "rows.json").write_text(learned_written_down.rows)

    told = installation.tell(Path(__file__).with_name("withdrawn_consent.py"), tmp_path / "rows.json")

    assert told["training"] == {"job": "stopped", "state": "retired", "left": 0}
    assert told["rendering"] == {"job": "stopped", "state": "revoked", "left": 0}
    assert told["twin"] == "retired"
