"""What goes wrong in a training, for real: weights that are poisoned, memory that ends, faces that change."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from drawn_faces import ANNA, faces
from torch.nn.modules.module import register_module_forward_pre_hook

from generator.engine.checkpoint import Checkpoint, CheckpointError
from generator.engine.config import PRESETS
from generator.engine.course import schedule
from generator.engine.network import TwinNetwork
from generator.engine.training import TrainingError, train
from tests.conftest import REPOSITORY

TINY = PRESETS["tiny"]
NAN = float("nan")


@pytest.fixture
def poison():
    """`poison(n)`: before the encoder reads its n-th batch, every weight of it becomes NaN."""
    handles = []

    def begin(at: int, times: int = 1):
        read = 0

        def spoil(module, _inputs) -> None:
            nonlocal read
            if type(module).__name__ != "Encoder" or not module.training:
                return
            read += 1
            if at <= read < at + times:
                with torch.no_grad():
                    for parameter in module.parameters():
                        parameter.fill_(NAN)

        handles.append(register_module_forward_pre_hook(spoil))

    yield begin
    for handle in handles:
        handle.remove()


def test_poisoned_weights_are_rolled_back_at_half_the_rate_and_it_is_said(anna, bruno, poison):
    notices, stats, kept = [], [], []
    poison(at=5)

    result = train(
        TINY, anna, bruno, images=160, stats_every_s=0.0, checkpoint_every_s=0.0,
        on_notice=lambda told, seen: notices.append((told, seen)), on_stats=stats.append, on_checkpoint=kept.append,
    )  # fmt: skip

    ((told, seen),) = notices
    assert told.startswith(f"Rolled back at {seen:,} faces") and told.endswith("rate halved: the loss was not a number.")
    assert result.metrics["roll_backs"] == 1 and result.metrics["images_seen"] >= 160
    scales = [row["rate"] / (TINY.learning_rate * schedule(TINY, row["step"] - 1, row["done"])) for row in stats]
    assert scales == pytest.approx([1.0] * 4 + [0.5] * (len(scales) - 4), abs=0.01)
    for data in kept:  # none of them holds what was poisoned: reading it would be refused
        Checkpoint.from_bytes(data)
    assert Checkpoint.from_bytes(kept[-1]).rate_scale == 0.5


def test_weights_that_stay_poisoned_end_the_training_with_one_sentence(anna, bruno, poison):
    poison(at=3, times=10_000)
    with pytest.raises(TrainingError, match="diverged again and again"):
        train(TINY, anna, bruno, images=4000, checkpoint_every_s=0.0)


def test_a_checkpoint_of_weights_that_are_not_numbers_is_refused(anna, bruno):
    kept: list[bytes] = []
    train(TINY, anna, bruno, images=16, on_checkpoint=kept.append)
    saved = Checkpoint.from_bytes(kept[-1])
    next(iter(saved.ema.values())).fill_(NAN)
    with pytest.raises(CheckpointError, match="not numbers"):
        Checkpoint.from_bytes(saved.to_bytes())


def test_with_other_faces_it_goes_on_from_what_was_learned_and_says_so(anna, bruno):
    kept: list[bytes] = []
    notices: list[str] = []
    train(TINY, anna, bruno, images=64, on_checkpoint=kept.append)

    same = train(TINY, anna, bruno, images=80, checkpoint=kept[-1], on_notice=lambda told, _: notices.append(told))
    assert not notices and same.metrics["steps"] == 5

    other = train(TINY, faces(ANNA, 40), bruno, images=80, checkpoint=kept[-1], on_notice=lambda told, _: notices.append(told))
    assert ["faces have changed" in told for told in notices] == [True]
    assert other.metrics["steps"] == 5


def test_pieces_of_a_batch_teach_what_the_whole_does(anna, bruno):
    def learned(parts: int) -> dict[str, torch.Tensor]:
        kept: list[bytes] = []
        train(TINY, anna, bruno, images=16, on_checkpoint=kept.append)
        saved = replace(Checkpoint.from_bytes(kept[-1]), parts=parts)
        train(TINY, anna, bruno, images=48, checkpoint=saved, on_checkpoint=kept.append)
        assert Checkpoint.from_bytes(kept[-1]).parts == parts
        return Checkpoint.from_bytes(kept[-1]).network

    whole, pieces = learned(1), learned(4)
    begun = TwinNetwork(TINY).state_dict()
    far = [float((whole[name] - pieces[name]).norm() / (whole[name] - begun[name]).norm().clamp(min=1e-9)) for name in whole]
    assert sorted(far)[len(far) // 2] < 0.1


@pytest.fixture
def short_of_memory():
    """`short_of_memory(n)`: more than n faces at once do not fit into memory when a network draws, while it may learn."""
    handles = []

    def begin(most: int) -> list[int]:
        drawn: list[int] = []

        def refuse(module, inputs) -> None:
            if type(module).__name__ == "Encoder" and not module.training:
                drawn.append(len(inputs[0]))
                if len(inputs[0]) > most:
                    raise torch.OutOfMemoryError("CUDA out of memory.")

        handles.append(register_module_forward_pre_hook(refuse))
        return drawn

    yield begin
    for handle in handles:
        handle.remove()


def test_what_does_not_fit_when_it_is_drawn_or_measured_is_halved_and_measures_the_same(anna, bruno, short_of_memory):
    whole = train(TINY, anna, bruno, images=48)
    sheets, told = [], []
    drawn = short_of_memory(most=1)

    result = train(
        replace(TINY, plateau_images=10**6), anna, bruno, images=48, judge_every_s=0.0, preview_every_s=0.0,
        on_preview=lambda png, _: sheets.append(png), on_notice=lambda sentence, _: told.append(sentence),
    )  # fmt: skip

    assert len(sheets) >= 3 and not told and 1 in drawn and max(drawn) > 1
    assert result.metrics["heldout_ssim"] == pytest.approx(whole.metrics["heldout_ssim"], abs=0.02)


def test_without_memory_for_a_single_face_it_learns_on_without_pictures_and_says_so(anna, bruno, short_of_memory):
    sheets, told = [], []
    short_of_memory(most=0)

    result = train(
        TINY, anna, bruno, images=48, judge_every_s=0.0, preview_every_s=0.0,
        on_preview=lambda png, _: sheets.append(png), on_notice=lambda sentence, _: told.append(sentence),
    )  # fmt: skip

    assert not sheets and result.metrics["images_seen"] == 48 and result.metrics["heldout_ssim"] != result.metrics["heldout_ssim"]
    assert any("to draw what it sees" in each for each in told) and any("to measure how like" in each for each in told)


@pytest.mark.parametrize(("times", "copies"), [(1, [1, 2, 3, 4, 4]), (2, [1, 3, 4, 4])])
def test_without_memory_for_a_copy_it_goes_on_with_the_one_before_and_copies_again(anna, bruno, times, copies):
    """The memory ends `times` times, from the second copy of a training on: the first time it is tried again at once."""
    told, kept, asked = [], [], []

    def refuse(*_anything) -> None:
        asked.append(1)
        if 2 < len(asked) <= 2 + times:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    def watch(module, _inputs) -> None:
        if type(module).__name__ == "Encoder" and module.training and not module._state_dict_pre_hooks:
            module.register_state_dict_pre_hook(refuse)

    handle = register_module_forward_pre_hook(watch)
    try:
        asked.append(1)  # the copy before the first step, which nobody watched
        result = train(
            TINY, anna, bruno, images=64, checkpoint_every_s=0.0, on_checkpoint=kept.append,
            on_notice=lambda sentence, _: told.append(sentence),
        )  # fmt: skip
    finally:
        handle.remove()

    assert [Checkpoint.from_bytes(data).step for data in kept] == copies and result.metrics["images_seen"] == 64
    assert told == ["There was no memory to copy what was learned; it is tried again."] * (times - 1)


STARVED = """
import json, resource, sys
import torch
sys.path[:0] = {path!r}
torch.set_num_threads(1)
from dataclasses import replace
from drawn_faces import ANNA, BRUNO, faces
from generator.engine.config import PRESETS
from generator.engine.training import train

config = replace(PRESETS["tiny"], size=64, batch=96)
anna, bruno = faces(ANNA, 100, size=64), faces(BRUNO, 100, size=64)
train(replace(config, batch=2), anna, bruno, images=8)
used = int(next(line for line in open("/proc/self/status") if line.startswith("VmData")).split()[1]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (used + {spare} * 2**20, resource.RLIM_INFINITY))
told = []
try:
    result = train(config, anna, bruno, images=192, on_notice=lambda sentence, _: told.append(sentence))
except Exception as error:
    sys.exit(f"{{type(error).__name__}}: {{error}}")
print(json.dumps([told, result.metrics["parts"], result.metrics["images_seen"]]))
"""


def starved(spare_mib: int) -> subprocess.CompletedProcess:
    """A training in a process that may take this much memory more than it needs to begin."""
    script = STARVED.format(path=[str(REPOSITORY), str(REPOSITORY / "tests/generator/engine")], spare=spare_mib)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="no other system limits what a process may take")
def test_a_batch_that_does_not_fit_is_cut_and_it_goes_on(anna):
    done = starved(240)
    assert done.returncode == 0, done.stderr
    told, parts, seen = json.loads(done.stdout)
    assert parts > 1 and seen == 192
    assert told[0] == "The memory was too small for a whole batch: it is cut into 2 parts from here on."
