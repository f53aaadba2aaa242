"""kill -9 in the middle of a seal, an export, an erasure and an import, with real processes: run again, and nothing is lost."""

from pathlib import Path

from tests.installation import Installation


def test_whatever_is_killed_goes_on_and_ends_well(tmp_path):
    installation = Installation(tmp_path, JOB_LEASE_S="3", SWEEP_EVERY_S="1")
    told = installation.tell(Path(__file__).with_name("killed.py"), tmp_path)

    assert told["seal"] == ["running", "done", 2] and told["sealed_when_killed"] > 0
    assert told["sealed"][0] == "sealed" and told["sealed"][1] == told["sealed"][2]
    assert (told["opens_while_sealed"], told["opens_unsealed"]) == (0, 40)

    assert told["export"] == ["running", "done", 2]
    assert told["zip"] == [None, 8_000, True]

    assert told["opens_when_asked"] == 0, "the keys go first"
    assert told["erase"] == ["running", "done", 2] and told["erased_when_killed"] > 0
    assert told["receipt"] == ["done", True] and told["left"] == [0, 0, 0, 0]

    assert told["vault_when_killed"] == 0, "nothing half done is seen"
    assert told["imported"] == [40, 1]
    assert told["record"] == [] and told["erasures_open"] == 0
