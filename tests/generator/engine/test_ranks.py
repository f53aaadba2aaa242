"""Two processes that learn one twin, for real, by gloo."""

import json
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY

UNDER_TORCHRUN = """
import json, os, sys
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
with open({out!r} + str(row[0]), "w") as file:
    file.write(json.dumps(row))
os._exit(0)
"""

LEADS = """
import json, os, sys
sys.path[:0] = {path!r}
import torch
torch.set_num_threads(1)
from dataclasses import replace
from functools import partial
from drawn_faces import ANNA, BRUNO, faces
from generator.engine.checkpoint import load_weights
from generator.engine.config import PRESETS
from generator.engine.base import train_base
from generator.engine.distributed import lead, train_on_all, train_together
from generator.engine.refresh import refresh

kept = []
config = replace(PRESETS["tiny"], batch=4)
with lead(2, "cpu") as group:
    result = train_together(
        group, config, faces(ANNA, 16), faces(BRUNO, 16), shared={{"images": 64}}, on_checkpoint=kept.append
    )
sound = all(bool(torch.isfinite(value).all()) for value in load_weights(result.weights).parameters())
told = [result.metrics[name] for name in ("ranks", "images_seen", "steps")]
both = partial(train_on_all, processes=2, device="cpu")
base = train_base(config, faces(BRUNO, 16), both, images=32)
refreshed = refresh(result.weights, faces(ANNA, 16), faces(BRUNO, 16), both, images=32, on_checkpoint=kept.append)
more = [[each.metrics[name] for name in ("ranks", "images_seen")] for each in (base, refreshed)]
with open({out!r} + "0", "w") as file:
    file.write(json.dumps([told, more, len(kept), sound, torch.distributed.is_initialized(), "MASTER_PORT" in os.environ]))
os._exit(0)
"""


def script(folder: Path, text: str) -> Path:
    path = folder / "learn.py"
    path.write_text(text.format(path=[str(REPOSITORY), str(REPOSITORY / "tests/generator/engine")], out=str(folder / "rank")))
    return path


def test_ranks_that_torchrun_starts_learn_the_same_from_averaged_gradients(tmp_path):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, str(script(tmp_path, UNDER_TORCHRUN))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)

    assert done.returncode == 0, done.stderr
    rows = [json.loads((tmp_path / f"rank{number}").read_text()) for number in range(2)]
    # four faces of each side on each of two ranks are sixteen a step
    assert rows == [[number, 1.5, True, False, 4, 64, [7.0], 1, 1 - number] for number in range(2)]


def test_a_job_leads_another_process_and_learns_a_twin_a_base_and_a_refresh_with_it(tmp_path):
    command = [sys.executable, str(script(tmp_path, LEADS))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)

    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "rank0").read_text()) == [[2, 64, 4], [[2, 32], [2, 32]], 2, True, False, False]
