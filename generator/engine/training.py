"""Learning a twin: one loop, every knob of which is in `TwinConfig`.

Three stages follow each other (`course`): the input is bent, then it is straight, and then, where the configuration has one,
comes the adversarial finish. Each face is brought to one standard tone before it is learned from (`tone`), which is how
the subject's colour meets the library's. Whatever goes wrong on the way is put right and told: a loss that is not a number
goes back to the last good state, a batch that does not fit is cut, and so is what is drawn and measured on the way.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .adversarial import strength
from .augment import FaceTensors
from .checkpoint import Checkpoint, dump_weights
from .config import TwinConfig
from .course import Course, schedule, stage_at
from .device import Precision, choose_device, if_it_fits, keep_freed_memory, keep_reserve
from .faceset import FaceSet, FaceSetError, split_heldout
from .network import SIDES, Side, TwinNetwork, count_parameters
from .preview import draw_preview, rebuild
from .quality import ssim
from .ranks import Ranks
from .saving import CheckpointWriter
from .state import begin
from .step import Status, take_step
from .threads import ThreadChoice

MAX_ROLL_BACKS = 5  # without a good state in between
_HELDOUT_JUDGED = 64  # faces of each side: enough for two digits, quick enough to be asked for while training
_JUDGED_ON_THE_WAY = 16  # of the subject, to see whether it still gets better
_JUDGING_SHARE = 0.01  # of the time


class TrainingError(RuntimeError):
    """The training cannot go on; the message says why."""


@dataclass(frozen=True)
class TrainingResult:
    """weights: bytes for `Swapper`. metrics: parameters, images_seen, images_per_second, heldout_ssim (mean of
    heldout_ssim_subject and heldout_ssim_library, at 64 px, averaged weights), seconds, steps, roll_backs, stopped, plateau,
    parts (of a batch), ranks, device."""

    weights: bytes
    metrics: dict[str, Any]


Learn = Callable[..., TrainingResult]  # `train`, or what takes its place


def train(
    config: TwinConfig,
    subject: FaceSet,
    library: FaceSet,
    *,
    seconds: float | None = None,  # stop after this much training time, counted over all resumed runs
    images: int | None = None,  # or after this many faces seen, both sides counted
    checkpoint: bytes | Checkpoint | None = None,  # go on from here
    base: bytes | None = None,  # weights to start from when there is no checkpoint
    same_person: bool = False,  # the base is a twin of this very person: its subject decoder is taken over, too
    hold_subject: bool = False,  # the subject's decoder stays as it is
    on_checkpoint: Callable[[bytes], None] | None = None,
    on_stats: Callable[[dict[str, Any]], None] | None = None,
    on_preview: Callable[[bytes, int], None] | None = None,  # PNG, images seen
    on_notice: Callable[[str, int], None] | None = None,  # a sentence about what went wrong and what was done, images seen
    should_stop: Callable[[], bool] | None = None,
    checkpoint_every_s: float = 20.0,  # work that may be lost, writing included
    stats_every_s: float = 2.0,
    preview_every_s: float = 30.0,
    judge_every_s: float = 60.0,  # how often it is asked at most whether it still gets better; 0 is at every step
    device: torch.device | str | None = None,
    precision: Precision | None = None,  # the quickest of the device
    compiled: bool | None = None,  # by torch.compile: on a GPU, unless told otherwise
    ranks: Ranks | None = None,  # the processes that learn this twin together; see `distributed`
) -> TrainingResult:
    """Train the subject's decoder, the library's and their shared encoder.

    subject, library: faces of any side, resized to `config.size`. One of `seconds` and `images` is needed; with both,
    the first reached ends it, and a plateau does before either (`config.plateau_images`). Callbacks run in this thread;
    `should_stop` ends the training early after a last checkpoint. The same seed, data and number of images give the same weights
    on one machine, also across a resumption at a step's end. With other faces than the checkpoint's it goes on from what was
    learned, and says so. Raises FaceSetError for empty sets, CheckpointError for a checkpoint that is damaged or of another
    network, TrainingError when the loss stays NaN after several roll-backs, or not even one face of each side fits into memory.
    """
    if seconds is None and images is None:
        raise ValueError("A training needs seconds or images to stop at.")
    if not len(subject) or not len(library):
        raise FaceSetError("A training needs faces of the subject and of the library.")
    where, ranks = choose_device(device), ranks or Ranks()
    keep_freed_memory()
    keep_reserve()

    faces: dict[Side, FaceTensors] = {}
    heldout: dict[Side, FaceSet] = {}
    dataset: dict[str, str] = {}
    for side, full in zip(SIDES, (subject, library), strict=True):
        dataset[side] = full.digest()
        kept, heldout[side] = split_heldout(full.resized(config.size), config.heldout)
        faces[side] = FaceTensors.of(kept, where)

    saved = Checkpoint.from_bytes(checkpoint) if isinstance(checkpoint, bytes) else checkpoint
    course = Course(config, seconds, images)
    state = begin(
        config, faces, course, checkpoint=saved, base=base, same_person=same_person, precision=precision, dataset=dataset,
        compiled=where.type == "cuda" if compiled is None else compiled,
    )  # fmt: skip
    if hold_subject:
        state.network.subject.requires_grad_(False)
    if ranks.number:
        state.generator.manual_seed(config.seed + 1_000_003 * ranks.number + state.step)

    def tell(sentence: str) -> None:
        if on_notice is not None:
            on_notice(sentence, state.images_seen)

    def show(preview: Callable[[bytes, int], None]) -> None:
        sheet = if_it_fits(lambda: draw_preview(state.ema, heldout, where), where)
        if sheet is None:
            tell("There was no memory to draw what it sees; it goes on without.")
        else:
            preview(sheet, state.images_seen)

    def measure(side: Side, judged: int = _HELDOUT_JUDGED, size: int | None = 64) -> float:
        found = if_it_fits(lambda: heldout_ssim(state.ema, heldout[side], side, where, judged, size), where)
        if found is None:
            tell("There was no memory to measure how like it is; it goes on without.")
        return float("nan") if found is None else found

    if saved is not None and saved.dataset and saved.dataset != dataset:
        tell("The faces have changed since this was stored: what was learned of the former ones is kept, and learning goes on.")

    run_start, seconds_before, images_before = time.monotonic(), state.seconds, state.images_seen
    last_stats = last_preview = last_judged = run_start
    judging_s = judge_every_s
    good = if_it_fits(state.snapshot, where)
    if good is None:
        raise TrainingError("The memory is too small for a copy of what is learned; choose a smaller size.")
    stopped, in_a_row = False, 0
    writer = CheckpointWriter(on_checkpoint, checkpoint_every_s, tell)

    with writer, ThreadChoice() if where.type == "cpu" else nullcontext() as threads:
        while True:
            now = time.monotonic()
            state.seconds = seconds_before + (now - run_start)
            wished = should_stop is not None and should_stop()
            # number 0's clock and wishes are everybody's
            done, stop_now, copy_now, state.seconds = ranks.agree(
                [course.done(state.seconds, state.images_seen), wished, writer.is_due(), state.seconds]
            )
            if done >= 1.0 or stop_now:
                stopped = done < 1.0
                break

            stage = stage_at(config, done)
            rate = config.learning_rate * state.rate_scale * schedule(config, state.step, done)
            adversarial = strength(config, done) if stage == "finish" else None
            outcome = take_step(state, faces, rate=rate, warp=stage == "warped", adversarial=adversarial, ranks=ranks)
            if threads is not None:
                threads.took(time.monotonic() - now, now - run_start)

            if outcome.status is Status.NO_MEMORY:
                if outcome.spoiled:
                    state.roll_back(good, rate=1.0)
                if not state.halve_the_batch():
                    raise TrainingError("Not even one face of each side fits into memory at this size; choose a smaller one.")
                tell(f"The memory was too small for a whole batch: it is cut into {state.parts} parts from here on.")
                continue
            if outcome.status is Status.DIVERGED or (copy_now and not state.is_sound()):
                in_a_row += 1
                if in_a_row > MAX_ROLL_BACKS:
                    raise TrainingError("The training diverged again and again; a lower learning rate may hold it.")
                state.roll_back(good, rate=0.5)
                tell(
                    f"Rolled back at {state.images_seen:,} faces to the last good state, rate halved: the loss was not a number."
                )
                continue

            if on_stats is not None and now - last_stats >= stats_every_s:
                last_stats = now
                passed = max(now - run_start, 1e-6)
                on_stats(
                    {
                        "step": state.step,
                        "images_seen": state.images_seen,
                        "seconds": round(state.seconds, 2),
                        "done": round(done, 4),
                        "rate": rate,
                        "stage": stage,
                        "warp": stage == "warped",
                        "images_per_second": round((state.images_seen - images_before) / passed, 2),
                        "roll_backs": state.roll_backs,
                        **{name: round(value, 5) for name, value in outcome.losses.items()},
                    }
                )
            if copy_now:
                if not ranks.alike(state.network.parameters()):
                    raise TrainingError(
                        "The processes that learned this twin together came apart; begin it again from its checkpoint."
                    )
                copied, in_a_row = if_it_fits(state.snapshot, where), 0
                if ranks.worst(copied is None) or copied is None:
                    writer.put_off()
                    tell("There was no memory to copy what was learned; it is tried again.")
                else:
                    good = copied
                    writer.begin(good)
            writer.poll()
            if on_preview is not None and now - last_preview >= preview_every_s:
                last_preview = now
                show(on_preview)
            if ranks.leads and config.plateau_images and now - last_judged >= judging_s:
                last_judged = time.monotonic()
                likeness = measure("subject", _JUDGED_ON_THE_WAY, None)
                judging_s = judge_every_s and max(judge_every_s, (time.monotonic() - last_judged) / _JUDGING_SHARE)
                if course.judge(likeness, state.images_seen, done):
                    tell(f"It has not got better for {config.plateau_images:,} faces, so it goes into its last part now.")

        ran = max(time.monotonic() - run_start, 1e-6)
        if not state.is_sound():
            state.roll_back(good, rate=0.5)
        copied = if_it_fits(state.snapshot, where)
        if copied is not None:
            writer.begin(copied)
        else:
            tell("There was no memory to copy what was learned last.")
        writer.poll(wait=True)

    if on_preview is not None:
        show(on_preview)
    similarity = {side: measure(side) for side in SIDES} if ranks.leads else {}
    return TrainingResult(
        weights=dump_weights(config, state.ema.state_dict()),
        metrics={
            "parameters": count_parameters(state.network),
            "images_seen": state.images_seen,
            "images_per_second": (state.images_seen - images_before) / ran,
            "heldout_ssim": float(np.mean(list(similarity.values()))) if similarity else float("nan"),
            **{f"heldout_ssim_{side}": value for side, value in similarity.items()},
            "seconds": state.seconds,
            "steps": state.step,
            "roll_backs": state.roll_backs,
            "stopped": stopped,
            "plateau": course.left_at is not None,
            "parts": state.parts,
            "ranks": ranks.size,
            "device": where.type,
        },
    )


def heldout_ssim(
    network: TwinNetwork,
    faces: FaceSet,
    side: Side,
    device: torch.device,
    judged: int = _HELDOUT_JUDGED,
    size: int | None = 64,
) -> float:
    """Mean SSIM between held-out faces and what their own decoder rebuilds; NaN when none are held out.

    judged: how many faces at most. size: px at which they are compared, None for the network's own.
    """
    if not len(faces):
        return float("nan")
    chosen = np.unique(np.linspace(0, len(faces) - 1, judged).round().astype(int))
    rebuilt = rebuild(network, faces.take(chosen), (side,), device)[side]
    return float(np.mean([ssim(a, b, size) for a, b in zip(faces.images[chosen], rebuilt, strict=True)]))
