"""kill -9 in a training: a real process that ends at the worst moments, and how much of what it learned is left."""

import json
import signal
import subprocess
import sys

import pytest

from generator.engine.checkpoint import Checkpoint
from generator.engine.config import PRESETS
from generator.engine.saving import CheckpointWriter
from generator.engine.training import train
from tests.conftest import REPOSITORY

KILLED = """
import json, os, signal, sys
sys.path[:0] = {path!r}
import torch
torch.set_num_threads(1)
from drawn_faces import ANNA, BRUNO, faces
from generator.engine import checkpoint
from generator.engine.config import PRESETS
from generator.engine.training import train

folder, moment, at = sys.argv[1:3] + [int(sys.argv[3])]
seen = dict.fromkeys(("stats", "checkpoint", "half", "preview"), 0)

def die(here):
    seen[here] += 1
    if here == moment and seen[here] == at:
        os.kill(os.getpid(), signal.SIGKILL)

def store(data):
    die("checkpoint")  # it is not stored yet
    with open(f"{{folder}}/new", "wb") as file:
        file.write(data[: len(data) // 2])
        file.flush()
        die("half")  # half of it is
        file.write(data[len(data) // 2 :])
    os.replace(f"{{folder}}/new", f"{{folder}}/checkpoint")

def note(row):
    print(json.dumps(row["images_seen"]), flush=True)
    die("stats")

train(
    PRESETS["tiny"], faces(ANNA, 48), faces(BRUNO, 48), images=3200, checkpoint_every_s=0.0, stats_every_s=0.0,
    preview_every_s=0.0, on_checkpoint=store, on_stats=note, on_preview=lambda *_: die("preview"),
)
"""
A_STEP = 2 * PRESETS["tiny"].batch


@pytest.mark.parametrize(
    ("moment", "at"), [("stats", 5), ("stats", 12), ("checkpoint", 4), ("half", 4), ("half", 9), ("preview", 3), ("preview", 8)]
)
def test_wherever_it_is_killed_no_more_is_lost_than_was_learned_since_the_copy_before(anna, bruno, tmp_path, moment, at):
    """Copied at every step, as `checkpoint_every_s` says, so the step under way, the copy under way and the one before it."""
    script = KILLED.format(path=[str(REPOSITORY), str(REPOSITORY / "tests/generator/engine")])
    command = [sys.executable, "-c", script, str(tmp_path), moment, str(at)]
    died = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)

    assert died.returncode == -signal.SIGKILL, died.stderr
    seen = [json.loads(line) for line in died.stdout.splitlines()]
    kept = (tmp_path / "checkpoint").read_bytes()
    saved = Checkpoint.from_bytes(kept)
    assert 0 < saved.images_seen <= seen[-1] and seen[-1] - saved.images_seen <= 3 * A_STEP

    rows = []
    images = saved.images_seen + 4 * A_STEP
    train(PRESETS["tiny"], anna, bruno, images=images, checkpoint=kept, on_stats=rows.append, stats_every_s=0.0)
    assert [row["images_seen"] for row in rows] == [saved.images_seen + A_STEP * number for number in (1, 2, 3, 4)]


@pytest.mark.parametrize("writing", [0, 1, 7, 15])
def test_of_twenty_seconds_between_copies_never_thirty_are_lost(anna, bruno, monkeypatch, writing):
    """The clock is ours: a step takes a second, and what is copied is written `writing` steps later."""
    kept: list[bytes] = []
    train(PRESETS["tiny"], anna, bruno, images=16, on_checkpoint=kept.append)
    copy = Checkpoint.from_bytes(kept[-1])
    now = [0]
    monkeypatch.setattr("time.monotonic", lambda: float(now[0]))
    copied, stored, lost = [0], [0], []

    with CheckpointWriter(lambda _data: stored.append(copied[-1]), 20.0, lambda _told: None) as writer:
        while now[0] < 600:
            now[0] += 1
            if writer.is_due():
                writer.begin(copy)
                copied.append(now[0])
            if now[0] == copied[-1] + writing:
                writer.poll(wait=True)
            lost.append(now[0] - stored[-1])

    assert len(stored) > 20 and max(lost) <= 30
    assert writing > 10 or max(lost) <= 21
