import logging
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
import torch._inductor.config
from drawn_faces import ANNA, faces

from generator.engine import training
from generator.engine.augment import FaceTensors
from generator.engine.checkpoint import Checkpoint, CheckpointError, load_weights
from generator.engine.config import PRESETS
from generator.engine.course import Course, schedule
from generator.engine.device import Precision
from generator.engine.faceset import FaceSetError
from generator.engine.network import SIDES
from generator.engine.state import begin
from generator.engine.step import Status, take_step

TINY = PRESETS["tiny"]
CPU = torch.device("cpu")


def test_the_loss_falls_and_the_face_is_rebuilt(anna, bruno, twin):
    fresh = training.train(TINY, anna, bruno, images=16)
    assert twin.metrics["images_seen"] >= 2400
    assert twin.metrics["heldout_ssim"] > max(0.7, fresh.metrics["heldout_ssim"])
    assert set(twin.metrics) >= {"parameters", "images_per_second", "heldout_ssim", "seconds", "stopped"}
    assert twin.metrics["stopped"] is False


def test_stats_count_up_and_previews_are_pictures(anna, bruno):
    stats, previews = [], []
    training.train(
        TINY,
        anna,
        bruno,
        images=480,
        on_stats=stats.append,
        stats_every_s=0.0,
        on_preview=lambda png, seen: previews.append((png, seen)),
        preview_every_s=3600.0,
    )
    seen = [row["images_seen"] for row in stats]
    assert seen == sorted(seen) and len(seen) == 30
    assert np.mean([row["loss"] for row in stats[-5:]]) < np.mean([row["loss"] for row in stats[:5]])
    assert stats[0]["warp"] is True and stats[-1]["warp"] is False
    sheet = cv2.imdecode(np.frombuffer(previews[-1][0], np.uint8), cv2.IMREAD_COLOR)
    assert sheet.shape[1] == 3 * 32 and sheet.shape[0] % 32 == 0
    assert previews[-1][1] == seen[-1]


def test_a_stopped_training_goes_on_as_if_it_never_stopped(anna, bruno):
    kept: list[bytes] = []
    steps = iter(range(100))
    first = training.train(TINY, anna, bruno, images=320, on_checkpoint=kept.append, should_stop=lambda: next(steps) >= 8)
    assert first.metrics["stopped"] is True and first.metrics["images_seen"] == 128
    saved = Checkpoint.from_bytes(kept[-1])
    assert (saved.step, saved.images_seen) == (8, 128)

    resumed = training.train(TINY, anna, bruno, images=320, checkpoint=kept[-1], on_checkpoint=kept.append)
    straight = training.train(TINY, anna, bruno, images=320, on_checkpoint=kept.append)
    after_resuming, after_straight = (Checkpoint.from_bytes(data) for data in kept[-2:])
    assert resumed.metrics["images_seen"] == straight.metrics["images_seen"] == 320
    assert after_resuming.step == after_straight.step == 20
    assert torch.equal(after_resuming.random_state, after_straight.random_state)
    for name, value in after_straight.ema.items():
        assert torch.allclose(after_resuming.ema[name], value, atol=2e-3), name


def test_time_already_spent_counts_after_a_resumption(anna, bruno):
    kept: list[bytes] = []
    training.train(TINY, anna, bruno, images=64, on_checkpoint=kept.append)
    saved = Checkpoint.from_bytes(kept[-1])
    saved.seconds = 100.0
    result = training.train(TINY, anna, bruno, seconds=100.0, checkpoint=saved.to_bytes())
    assert result.metrics["images_seen"] == 64
    assert result.metrics["seconds"] >= 100.0


def test_a_checkpoint_is_kept_while_the_training_runs(anna, bruno):
    kept: list[bytes] = []
    training.train(TINY, anna, bruno, images=64, on_checkpoint=kept.append, checkpoint_every_s=0.0)
    assert [Checkpoint.from_bytes(data).step for data in kept] == [1, 2, 3, 4, 4]


def test_a_checkpoint_of_another_network_is_refused(anna, bruno):
    kept: list[bytes] = []
    training.train(TINY, anna, bruno, images=16, on_checkpoint=kept.append)
    with pytest.raises(CheckpointError, match="another shape"):
        training.train(replace(TINY, dims=(8, 16)), anna, bruno, images=16, checkpoint=kept[-1])
    with pytest.raises(CheckpointError, match="damaged"):
        training.train(TINY, anna, bruno, images=16, checkpoint=kept[-1][:-9])


def test_a_rate_that_is_absurd_ends_in_one_sentence(anna, bruno):
    mad = replace(TINY, learning_rate=1e30, clip=1e30, warm_up=1)
    with pytest.raises(training.TrainingError, match="diverged"):
        training.train(mad, anna, bruno, images=4000)


def test_a_training_starts_warm_from_a_base(anna, bruno, twin):
    base = load_weights(twin.weights)
    sides = {"subject": FaceTensors.of(bruno, CPU), "library": FaceTensors.of(anna, CPU)}
    started = begin(TINY, sides, Course(TINY, None, 16), base=twin.weights).network
    learned = [base.encoder, base.library, base.library]
    for own, other in zip([started.encoder, started.library, started.subject], learned, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(own.parameters(), other.parameters(), strict=True))
    assert not torch.allclose(started.subject.mean, base.library.mean, atol=0.05)
    with pytest.raises(CheckpointError, match="another shape"):
        training.train(replace(TINY, dims=(8, 16)), anna, bruno, images=16, base=twin.weights)


def test_the_rate_warms_up_and_falls_with_the_time():
    rates = [schedule(TINY, step, step / 100) for step in range(101)]
    assert rates[0] < rates[5] < rates[9]
    assert sorted(rates[10:], reverse=True) == rates[10:]
    assert rates[-1] == pytest.approx(TINY.final_rate)


def test_crops_of_any_size_are_brought_to_the_network(bruno):
    result = training.train(TINY, faces(ANNA, 12, size=48), bruno, images=16)
    assert load_weights(result.weights).config.size == 32


def test_empty_sets_and_a_missing_end_are_refused(anna, bruno):
    with pytest.raises(FaceSetError, match="needs faces"):
        training.train(TINY, anna.take(np.zeros(48, bool)), bruno, images=16)
    with pytest.raises(ValueError, match="seconds or images"):
        training.train(TINY, anna, bruno)


def test_float16_learns_with_a_scaled_loss_that_outlives_a_resumption(anna, bruno):
    kept: list[bytes] = []
    half = Precision(torch.float16, scaled=True)
    first = training.train(TINY, anna, bruno, images=96, precision=half, on_checkpoint=kept.append)
    saved = Checkpoint.from_bytes(kept[-1])
    assert first.metrics["roll_backs"] == 0 and saved.scaler["scale"] > 0

    saved.scaler["scale"] = 128.0
    training.train(TINY, anna, bruno, images=112, precision=half, checkpoint=saved, on_checkpoint=kept.append)
    assert Checkpoint.from_bytes(kept[-1]).scaler["scale"] == 128.0


def test_without_a_compiler_a_training_learns_all_the_same(anna, bruno, caplog):
    with torch._inductor.config.patch({"cpp.cxx": ("/nowhere/c++",)}):
        result = training.train(TINY, anna, bruno, images=32, compiled=True)
    assert result.metrics["steps"] == 2 and "cannot be compiled here" in caplog.text


def test_a_compiled_training_comes_to_its_finish(anna, bruno, caplog):
    """By the compiler's front end alone, which refuses what the finish asks for and takes a second in place of minutes."""
    config = replace(TINY, adversarial=0.1, adversarial_from=0.5)
    faces = {side: FaceTensors.of(one, CPU) for side, one in zip(SIDES, (anna, bruno), strict=True)}
    state = begin(config, faces, Course(config, None, 96))
    state.rebuild = torch.compile(state.network.rebuild, dynamic=False, backend="aot_eager")
    assert take_step(state, faces, rate=1e-3, warp=True).status is Status.DONE and state.compiled

    caplog.set_level(logging.WARNING)
    caplog.clear()
    outcome = take_step(state, faces, rate=1e-3, warp=False, adversarial=1.0)
    assert outcome.status is Status.DONE and "critic" in outcome.losses
    assert not state.compiled and "cannot be compiled" not in caplog.text
