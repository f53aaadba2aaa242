"""Two processes that learn one twin, for real, by gloo."""

import json
import subprocess
import sys
from dataclasses import replace

import torch

from generator.engine.checkpoint import load_weights
from generator.engine.config import PRESETS
from generator.engine.distributed import lead, train_together
from tests.conftest import REPOSITORY

TINY = replace(PRESETS["tiny"], batch=4)

UNDER_TORCHRUN = """
import json, sys
sys.path[:0] = {path!r}
import torch
torch.set_num_threads(1)
from dataclasses import replace
from drawn_faces import ANNA, BRUNO, faces
from generator.engine.checkpoint import load_weights
from generator.engine.config import PRESETS
from generator.engine.distributed import Group
from generator.engine.training import train

group = Group.from_environment("cpu")
gradient = torch.full((2, 3), group.number + 1.0)
group.average([gradient])
kept, told = [], []
result = train(
    replace(PRESETS["tiny"], batch=4), faces(ANNA, 16), faces(BRUNO, 16), images=64, ranks=group, device="cpu",
    on_checkpoint=kept.append if group.leads else None,
)
learned = list(load_weights(result.weights).parameters())
same, other = group.alike(learned), group.alike([gradient + group.number])
row = [group.number, float(gradient.mean()), same, other, result.metrics["steps"], result.metrics["images_seen"],
       group.agree([group.number + 7.0]), group.worst(group.number), len(kept)]
group.close(together=True)
open({out!r} + str(row[0]), "w").write(json.dumps(row))
"""


def test_ranks_that_torchrun_starts_learn_the_same_from_averaged_gradients(tmp_path):
    script = tmp_path / "learn.py"
    out = str(tmp_path / "rank")
    script.write_text(UNDER_TORCHRUN.format(path=[str(REPOSITORY), str(REPOSITORY / "tests/generator/engine")], out=out))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)

    assert done.returncode == 0, done.stderr
    rows = [json.loads((tmp_path / f"rank{number}").read_text()) for number in range(2)]
    # four faces of each side on each of two ranks are sixteen a step
    assert rows == [[number, 1.5, True, False, 4, 64, [7.0], 1, 1 - number] for number in range(2)]


def test_a_job_leads_another_process_and_learns_what_neither_would_alone(anna, bruno):
    kept: list[bytes] = []
    with lead(2, "cpu") as group:
        result = train_together(group, TINY, anna, bruno, shared={"images": 64}, on_checkpoint=kept.append)

    assert (result.metrics["ranks"], result.metrics["images_seen"], result.metrics["steps"]) == (2, 64, 4)
    assert len(kept) == 1
    assert not torch.distributed.is_initialized()
    assert all(torch.isfinite(value).all() for value in load_weights(result.weights).parameters())
