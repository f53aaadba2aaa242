"""Learning on a GPU: figures without marks, for docs/performance.md. Only `manage.py bench generator-gpu` runs it.

Faces are noise: how fast a step is does not hang on what it sees.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from itertools import product
from typing import Any

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from generator.engine.augment import FaceTensors, make_batch
from generator.engine.config import PRESETS, TwinConfig
from generator.engine.device import mixed_precision
from generator.engine.faceset import FaceSet
from generator.engine.losses import FaceLoss
from generator.engine.network import build_network
from generator.engine.training import train
from worker.bench import rows
from worker.bench.rows import Row, tell

COMMAND = "manage.py bench generator-gpu"
SIZES, BATCHES = (128, 256), (8, 16, 32, 64, 128)
FACES = 256
# seconds of a training that are counted; what it takes to compile goes before
TURN = 6.0
# side of the matrices, and bytes of the copy, that tell the device's peaks
MATRIX, COPIED, REPEATS = 8192, 2**30, 20
# steps that are not counted
WARM_UP = 5
# profiled steps, and lines of their table
PROFILED, LINES = 10, 15


@dataclass(frozen=True)
class Figures:
    """Of one size and batch. compiled: by torch.compile. ready: seconds to the end of the first steps, which are those of the
    compiler mostly. peak: part of the measured bfloat16 peak that the step's multiplications are; bandwidth: part of the
    measured bandwidth that its tensors are, if each is read and written once by every operation."""

    size: int
    batch: int
    compiled: bool
    ready: float
    images_per_second: float
    peak: float
    bandwidth: float


def noise(size: int) -> FaceSet:
    """FACES faces."""
    draws = np.random.default_rng(0)
    masks = np.full((FACES, size, size), 255, np.uint8)
    images = draws.integers(0, 256, (FACES, size, size, 3), np.uint8)
    return FaceSet(images, masks, np.arange(FACES, dtype=np.float64), masks, masks)


class BytesMoved(TorchDispatchMode):
    """Adds up the bytes of all tensors that operations read and write."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        # a view moves nothing
        if not operation.is_view:
            self.total += sum(one.nbytes for one in tree_leaves((args, kwargs, result)) if isinstance(one, torch.Tensor))
        return result


def step_of(config: TwinConfig, device: torch.device) -> Callable[[], None]:
    """A step without the optimizer: both batches, forth and back."""
    faces = FaceTensors.of(noise(config.size), device)
    network, loss = build_network(config).to(device), FaceLoss(config).to(device)
    generator = torch.Generator().manual_seed(0)

    def step() -> None:
        batches = [make_batch(config, faces, generator, warp=True) for _ in range(2)]
        with mixed_precision(device):
            drawn = network.rebuild(batches[0].source, batches[1].source)
        network.zero_grad(set_to_none=True)
        sum(loss(picture, batch).total for picture, batch in zip(drawn, batches, strict=True)).backward()

    return step


def work_of(config: TwinConfig, device: torch.device) -> tuple[int, int]:
    """(floating-point operations of multiplications, bytes) of one step."""
    step = step_of(config, device)
    counter = FlopCounterMode(display=False)
    with counter:
        step()
    with BytesMoved() as moved:
        step()
    return counter.get_total_flops(), moved.total


def peaks(device: torch.device, side: int = MATRIX, size: int = COPIED) -> tuple[float, float]:
    """(operations a second of a product of bfloat16 matrices, bytes a second read and written by a copy), as measured."""
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * side**3 / _seconds(lambda: a @ b, device), 2 * size / _seconds(lambda: target.copy_(source), device)


def _seconds(act: Callable[[], Any], device: torch.device) -> float:
    """Of one of REPEATS."""

    def all_done() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter()

    act()
    began = all_done()
    for _ in range(REPEATS):
        act()
    return (all_done() - began) / REPEATS


def settled_rate(config: TwinConfig, device: torch.device, compiled: bool, seconds: float = TURN) -> tuple[float, float]:
    """(images a second of a training, seconds until it was counted). The first WARM_UP steps are not: they compile, choose
    algorithms and fetch memory."""
    faces, told = noise(config.size), []

    def over() -> bool:
        return len(told) > 1 and told[-1][0] - told[0][0] >= seconds

    def note(row: dict[str, Any]) -> None:
        if row["step"] >= WARM_UP:
            told.append((time.perf_counter(), row["images_seen"]))

    began = time.perf_counter()
    # as many faces as a long training sees, so that it does not come to an end by itself
    train(
        config, faces, faces, images=10**8, stats_every_s=0.0, on_stats=note, should_stop=over, device=device, compiled=compiled
    )
    (first, before), (last, after) = told[0], told[-1]
    return (after - before) / (last - first), first - began


def figures(
    config: TwinConfig, device: torch.device, most: tuple[float, float], compiled: bool = False, seconds: float = TURN
) -> Figures:
    operations, moved = work_of(config, device)
    speed, ready = settled_rate(config, device, compiled, seconds)
    steps = speed / (2 * config.batch)
    return Figures(config.size, config.batch, compiled, ready, speed, steps * operations / most[0], steps * moved / most[1])


def profiled(config: TwinConfig, device: torch.device) -> str:
    """The table of the costliest operations of some steps."""
    step = step_of(config, device)
    step()
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.type == "cuda" else [])]
    with profile(activities=kinds) as seen:
        for _ in range(PROFILED):
            step()
    return seen.key_averages().table(sort_by=f"self_{device.type}_time_total", row_limit=LINES, max_name_column_width=60)


def of_size(size: int) -> TwinConfig:
    """The preset of that size, or else `standard` at it."""
    return next((config for config in PRESETS.values() if config.size == size), replace(PRESETS["standard"], size=size))


def section(name: str, most: tuple[float, float], found: list[Figures], table: str) -> str:
    """The section of docs/performance.md."""
    lines = [
        f"Measured on {date.today().isoformat()} on {name}, torch {torch.__version__}, by `{COMMAND}`. Measured peaks: "
        f"{most[0] / 1e12:.1f} TFLOP/s in bfloat16, {most[1] / 1e9:.0f} GB/s.",
        "",
        "| px | batch a side | compiled | ready after, s | images/s | of the peak | of the bandwidth |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {one.size} | {one.batch} | {'yes' if one.compiled else 'no'} | {one.ready:.0f} | {one.images_per_second:,.0f} | "
            f"{one.peak:.1%} | {one.bandwidth:.0%} |"
            for one in found
        ),
        "",
        "```",
        table.rstrip(),
        "```",
    ]
    return "\n".join(lines) + "\n"


def learning() -> Iterator[Row]:
    """Says so where there is no GPU. There are no marks, and so no rows."""
    if not torch.cuda.is_available():
        tell("There is no GPU here that torch can use: nothing was measured.")
        return
    device, name = torch.device("cuda"), torch.cuda.get_device_name()
    most = peaks(device)
    found = []
    for compiled, size in product((False, True), SIZES):
        config = of_size(size)
        # a compiler takes its minute for each
        for batch in sorted({config.batch, BATCHES[-1]} if compiled else {config.batch, *BATCHES}):
            try:
                found.append(figures(replace(config, batch=batch), device, most, compiled))
            except torch.OutOfMemoryError:
                tell(f"{size} px with a batch of {batch} a side does not fit into the GPU's memory")
                break
            tell(f"{size} px, batch {batch}{', compiled' * compiled}: {found[-1].images_per_second:,.0f} images/s")
    text = section(name, most, found, profiled(of_size(SIZES[0]), device))
    rows.FOLDER.mkdir(parents=True, exist_ok=True)
    told: dict[str, Any] = {
        "date": date.today().isoformat(),
        "device": name,
        "command": COMMAND,
        "peak": most[0],
        "bandwidth": most[1],
    }
    (rows.FOLDER / "generator-gpu.json").write_text(
        json.dumps(told | {"figures": [asdict(one) for one in found]}, indent=1) + "\n"
    )
    path = rows.FOLDER / "generator-gpu.md"
    path.write_text(text)
    tell(f"{path}: to be put into docs/performance.md")
    yield from ()


MEASURES = [learning]
