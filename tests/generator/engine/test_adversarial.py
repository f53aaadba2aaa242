from dataclasses import replace

import pytest
import torch
from drawn_faces import ANNA, faces

from generator.engine.adversarial import Finish, adaptive_weight, hinge, last_layer, only_face, strength
from generator.engine.augment import FaceTensors, make_batch
from generator.engine.checkpoint import Checkpoint
from generator.engine.config import PRESETS
from generator.engine.course import Course, stage_at
from generator.engine.network import build_network
from generator.engine.training import train

FINISHED = replace(PRESETS["tiny"], adversarial=0.1, loss_matching=0.5, critic_dim=8, adversarial_from=0.5, warp_until=0.4)


def test_two_pulls_are_weighed_by_their_gradients_at_the_last_layer():
    network = build_network(FINISHED)
    drawn = network(torch.rand(2, 4, 32, 32), "subject")[:, :3]
    one, other = drawn.square().mean(), 3.0 * drawn.square().mean()
    layer = last_layer(network.subject)

    assert layer.shape[0] == 16  # four channels at two by two pixels: nothing comes after it
    assert float(adaptive_weight(one, other, layer)) == pytest.approx(1 / 3, rel=1e-3)
    assert float(adaptive_weight(one, 1e-9 * one, layer)) == 100.0
    assert layer.grad is None


def test_the_critic_sees_the_face_alone():
    picture, mask = torch.rand(1, 3, 32, 32), torch.zeros(1, 1, 32, 32)
    mask[..., 8:24, 8:24] = 1.0
    seen = only_face(picture, mask)
    assert torch.equal(seen[..., 8:24, 8:24], picture[..., 8:24, 8:24])
    assert (seen[..., :8, :] == 0.5).all()


def test_the_critic_learns_to_tell_a_soft_face_from_a_true_one(anna):
    torch.manual_seed(0)
    finish = Finish.of(replace(FINISHED, critic_rate=2e-3), torch.device("cpu"))
    batch = make_batch(FINISHED, FaceTensors.of(anna, torch.device("cpu")), torch.Generator().manual_seed(0), warp=False)
    soft = torch.nn.functional.avg_pool2d(batch.target, 5, stride=1, padding=2)
    losses = []
    for _ in range(40):
        loss = finish.lesson(soft, batch.target, batch.mask)
        losses.append(float(loss.detach()))
        finish.optimizer.zero_grad()
        loss.backward()
        finish.optimizer.step()
    assert losses[-1] < 0.7 * losses[0]
    untrue = [float(finish.pull(FINISHED, drawn, batch.target, batch.mask)[0]) for drawn in (soft, batch.target)]
    assert untrue[0] > untrue[1]
    assert float(hinge(torch.ones(1), -torch.ones(1))) == 0.0


def test_pleasing_the_critic_teaches_the_decoder_and_not_the_critic(anna):
    finish = Finish.of(FINISHED, torch.device("cpu"))
    batch = make_batch(FINISHED, FaceTensors.of(anna, torch.device("cpu")), torch.Generator().manual_seed(0), warp=False)
    drawn = (batch.target * 0.9).requires_grad_()
    untrue, matching = finish.pull(FINISHED, drawn, batch.target, batch.mask)
    (untrue + matching).backward()
    assert drawn.grad.abs().sum() > 0 and float(matching.detach()) > 0
    assert all(parameter.grad is None and parameter.requires_grad for parameter in finish.critic.parameters())


def test_stages_follow_each_other_and_the_critic_is_heard_by_and_by():
    assert [stage_at(FINISHED, done) for done in (0.0, 0.39, 0.45, 0.5, 1.0)] == [
        "warped", "warped", "straight", "finish", "finish",
    ]  # fmt: skip
    assert stage_at(PRESETS["tiny"], 0.99) == "straight"
    assert [strength(FINISHED, done) for done in (0.5, 0.525, 0.9)] == pytest.approx([0.0, 0.5, 1.0])


def test_the_finish_leaves_the_librarys_decoder_alone_and_rests_in_the_checkpoint(bruno):
    stats, kept = [], []
    few = faces(ANNA, 16)
    train(FINISHED, few, bruno, images=160, stats_every_s=0.0, on_stats=stats.append, on_checkpoint=kept.append)
    assert [row["stage"] for row in stats] == ["warped"] * 4 + ["straight"] + ["finish"] * 5
    assert all("critic" not in row for row in stats[:5]) and all(row["critic"] > 0 for row in stats[5:])

    saved = Checkpoint.from_bytes(kept[-1])
    assert all(value["step"] == 5 for value in saved.finish["optimizer"]["state"].values())
    train(FINISHED, few, bruno, images=320, checkpoint=saved, on_checkpoint=kept.append)
    later = Checkpoint.from_bytes(kept[-1])
    assert all(value["step"] == 15 for value in later.finish["optimizer"]["state"].values())


def test_on_a_plateau_the_training_goes_into_its_last_part(anna, bruno):
    notices, stats = [], []
    result = train(
        replace(PRESETS["tiny"], plateau_images=48, plateau_gain=2.0), anna, bruno, images=100_000,
        judge_every_s=0.0, stats_every_s=0.0, on_notice=lambda told, _: notices.append(told), on_stats=stats.append,
    )  # fmt: skip
    assert ["not got better for 48 faces" in told for told in notices] == [True]
    assert result.metrics["plateau"] and result.metrics["images_seen"] < 200
    assert stats[-1]["stage"] == "straight" or result.metrics["images_seen"] <= 96


def test_the_last_part_runs_from_where_the_plateau_was_and_survives_a_resumption():
    course = Course(replace(FINISHED, plateau_images=1000, plateau_gain=0.01), 3600.0, None)
    assert not any(course.judge(float("nan"), seen, 0.1) for seen in (0, 5000, 10**6)), "nothing held out is no plateau"
    assert not course.judge(0.80, 500, 0.1)
    assert not course.judge(0.805, 1400, 0.2)
    assert course.judge(0.805, 1500, 0.3) and not course.judge(0.805, 9000, 0.3)
    resumed = Course(course.config, 3600.0, None)
    resumed.resume(course.to_dict())
    assert [resumed.done(0.0, seen) for seen in (1500, 1500 + 112.5, 1725)] == pytest.approx([0.3, 0.65, 1.0])
