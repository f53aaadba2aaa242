"""Trainings of equal time on equal faces: `original`, ours from scratch, ours warm from a base; each with its curve.

Only time spent in training counts. `original` is judged between its steps, with its clock stopped; ours gives its checkpoints
away as it does in production, and is judged by them afterwards.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from generator.engine.augment import FaceTensors
from generator.engine.base import train_base
from generator.engine.checkpoint import Checkpoint, load_state
from generator.engine.config import PRESETS, TwinConfig
from generator.engine.faceset import FaceSet, split_heldout
from generator.engine.network import SIDES, Side, build_network
from generator.engine.preview import rebuild
from generator.engine.quality import ssim
from generator.engine.tone import retone, standard_tone
from generator.engine.training import train
from twinvault.env import BASE_DIR
from worker.bench import yardstick
from worker.bench.keeping import keep
from worker.bench.pairs import Pair, chosen_pairs, joined
from worker.bench.yardstick import OriginalTraining, train_for

Network = Literal["original", "scratch", "warm", "warm, short", "base"]

POINTS = 15  # of a curve
JUDGED = 64  # held-out faces of each side
# pixels on which held-out faces are compared, whatever size a network draws
COMPARED = 64
# part of the time after which a warm twin has to be as good as one from scratch is in the end
SHORT = 0.4
CPU = torch.device("cpu")
# parts of the engine that no training runs through
RENDERING = {"swap.py", "blend.py", "colour.py", "film_quality.py", "perceptual.py", "preview.py", "__init__.py"}


@dataclass(frozen=True)
class Wanted:
    """What the environment asks for: SECONDS of each training, SEEDS, PRESET, PAIRS."""

    seconds: float = 300
    seeds: int = 3
    preset: str = "quick"
    pairs: str = ""

    @classmethod
    def of_environment(cls) -> Wanted:
        given, usual = os.environ, cls()
        preset = given.get("PRESET") or usual.preset
        if preset not in PRESETS:
            raise SystemExit(f"There is no preset {preset}. There are: {', '.join(PRESETS)}.")
        try:
            seconds, seeds = float(given.get("SECONDS") or usual.seconds), int(given.get("SEEDS") or usual.seeds)
        except ValueError:
            raise SystemExit("SECONDS and SEEDS must be numbers.") from None
        if seconds <= 0 or seeds < 1:
            raise SystemExit("SECONDS and SEEDS must be more than 0.")
        return cls(seconds, seeds, preset, given.get("PAIRS", usual.pairs))


@dataclass(frozen=True)
class Trial:
    """One training. points: (seconds, held-out SSIM at 64 px, mean of both sides), rising. weights: for `Swapper`; none of
    `original`."""

    points: list[tuple[float, float]]
    images_per_second: float
    weights: bytes = b""

    def to_bytes(self) -> bytes:
        target = io.BytesIO()
        weights = np.frombuffer(self.weights, np.uint8)
        np.savez(target, allow_pickle=False, points=self.points, rate=self.images_per_second, weights=weights)
        return target.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Trial:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            points = [(float(seconds), float(value)) for seconds, value in stored["points"]]
            return cls(points, float(stored["rate"]), stored["weights"].tobytes())

    @property
    def final(self) -> float:
        return self.points[-1][1]

    def reaches(self, quality: float) -> float | None:
        """Seconds until it is so good, straight between points; None if it never is."""
        before = None
        for point in self.points:
            if point[1] >= quality:
                if before is None:
                    return point[0]
                share = (quality - before[1]) / (point[1] - before[1])
                return before[0] + share * (point[0] - before[0])
            before = point
        return None


@dataclass(frozen=True)
class Results:
    """All trainings of a pair: by network, one for each seed. least: see `nothing_learned`."""

    pair: Pair
    config: TwinConfig
    least: float
    trials: dict[Network, list[Trial]]


Faces = dict[Side, FaceSet]


def faces_of(pair: Pair, share: float) -> tuple[Faces, Faces]:
    """(to learn from, held out), 192 px, as `train` parts them."""
    learned: Faces = {}
    held: Faces = {}
    for side, faces in zip(SIDES, (pair.subject.subject_faces, pair.actor.actor_faces), strict=True):
        learned[side], held[side] = split_heldout(faces, share)
        if not len(held[side]):
            raise SystemExit(f"{pair}: there are too few faces to hold some back.")
        chosen = np.unique(np.linspace(0, len(held[side]) - 1, JUDGED).round().astype(int))
        held[side] = held[side].take(chosen)
    return learned, held


def quality(draw: Callable[[FaceSet, Side], NDArray[np.uint8]], held: Faces) -> float:
    """Mean SSIM, over the faces of a side and over the sides, between faces never learned from and what their decoder draws."""
    means = []
    for side in SIDES:
        true = held[side].resized(COMPARED).images
        means.append(np.mean([ssim(a, b, COMPARED) for a, b in zip(true, draw(held[side], side), strict=True)]))
    return float(np.mean(means))


def nothing_learned(learned: Faces, held: Faces) -> float:
    """The quality of a side's average face, in the light of each held-out face: where ours begins before its first step."""

    def draw(faces: FaceSet, side: Side) -> NDArray[np.uint8]:
        known, asked = (FaceTensors.of(some.resized(COMPARED), CPU) for some in (learned[side], faces))
        mean = known.sources()[:, :3].mean(0, keepdim=True).expand(len(asked), 3, COMPARED, COMPARED)
        lit = retone(mean, standard_tone(len(asked)), asked.tone).clamp(0, 1)
        return (lit * 255.0).round().byte().permute(0, 2, 3, 1).numpy()

    return quality(draw, held)


def learn_original(learned: Faces, held: Faces, seconds: float, seed: int) -> Trial:
    training = OriginalTraining(learned, seed)
    points: list[tuple[float, float]] = []

    def look(spent: float) -> None:
        points.append((spent, quality(training.draw, held)))

    spent = train_for(seconds, training.step, every_s=seconds / POINTS, look=look)
    return Trial(points, training.images_seen / spent)


def learn_ours(config: TwinConfig, subject: FaceSet, library: FaceSet, held: Faces, seconds: float, base: bytes | None) -> Trial:
    saved: list[bytes] = []
    result = train(
        config,
        subject,
        library,
        seconds=seconds,
        base=base,
        on_checkpoint=saved.append,
        checkpoint_every_s=seconds / POINTS,
        device=CPU,
    )
    points = []
    while saved:
        state = Checkpoint.from_bytes(saved.pop(0))
        network = build_network(state.config)
        load_state(network, state.ema)
        network.eval()

        def draw(faces: FaceSet, side: Side, network=network) -> NDArray[np.uint8]:
            return rebuild(network, faces.resized(config.size), (side,), CPU)[side]

        points.append((state.seconds, quality(draw, held)))
    return Trial(points, float(result.metrics["images_per_second"]), result.weights)


def settled_rate(config: TwinConfig, subject: FaceSet, library: FaceSet, seconds: float, device: torch.device) -> float:
    """Images a second in the second half of a training, in which it knows how many threads are worth while; of all of it where
    that half is no two steps."""
    told: list[tuple[float, int]] = []
    result = train(
        config,
        subject,
        library,
        seconds=seconds,
        stats_every_s=0.0,
        on_stats=lambda row: told.append((row["seconds"], row["images_seen"])),
        device=device,
    )
    settled = [point for point in told if point[0] >= seconds / 2]
    if len(settled) < 2:
        return float(result.metrics["images_per_second"])
    (first, before), (last, after) = settled[0], settled[-1]
    return (after - before) / (last - first)


def untrained(config: TwinConfig, pair: Pair) -> bytes:
    """Weights after a single step: a twin that draws the subject's average face, whatever it sees."""
    return train(config, pair.subject.subject_faces, pair.actor.actor_faces, images=1, device=CPU).weights


def learn_base(config: TwinConfig, pair: Pair, seconds: float) -> bytes:
    """A house base that knows other people's faces only: those of every clip without the subject, the actor's among them."""
    return train_base(config, joined([other.actor_faces for other in pair.others]), seconds=seconds, device=CPU).weights


class Trials:
    """Does all trainings that are wanted; see `keep` for those that were done before."""

    def __init__(self, wanted: Wanted, tell: Callable[[str], None]) -> None:
        self._wanted, self._tell = wanted, tell
        self._left = 0.0
        self._bases: dict[str, bytes] = {}

    def run(self) -> list[Results]:
        chosen = list(chosen_pairs(self._wanted.pairs))
        plan = [(pair, self._networks(full), range(self._wanted.seeds if full else 1)) for pair, full in chosen]
        bases = {pair.subject.clip.name for pair, _ in chosen}
        trainings = sum(len(seeds) * sum(map(_part, names)) for _, names, seeds in plan)
        self._left = self._wanted.seconds * (len(bases) + trainings)
        return [self._pair(pair, names, seeds) for pair, names, seeds in plan]

    def _networks(self, full: bool) -> list[Network]:
        return ["original", "scratch", "warm", "warm, short"] if full else ["scratch", "warm"]

    def _pair(self, pair: Pair, names: list[Network], seeds: range) -> Results:
        config = PRESETS[self._wanted.preset]
        least = nothing_learned(*faces_of(pair, config.heldout))
        self._tell(f"{pair}: the average face, in the right light, has SSIM {least:.3f}")
        found: dict[Network, list[Trial]] = {name: [] for name in names}
        for seed in seeds:
            for name in names:
                found[name].append(self._trial(pair, name, replace(config, seed=seed)))
        return Results(pair, config, least, found)

    def _trial(self, pair: Pair, name: Network, config: TwinConfig) -> Trial:
        seconds = self._wanted.seconds * _part(name)
        base = self._base(pair) if name.startswith("warm") else None
        learned, held = faces_of(pair, config.heldout)

        def learn() -> Trial:
            if name == "original":
                return learn_original(learned, held, seconds, config.seed)
            return learn_ours(config, pair.subject.subject_faces, pair.actor.actor_faces, held, seconds, base)

        trial = self._kept(pair, name, config, seconds, base, learn)
        self._left -= seconds
        self._tell(
            f"{pair}, {name}, seed {config.seed}: SSIM {trial.final:.3f} after {trial.points[-1][0]:.0f} s, "
            f"{trial.images_per_second:.0f} images/s; {max(0.0, self._left) / 60:.0f} min of training left"
        )
        return trial

    def _base(self, pair: Pair) -> bytes:
        name = pair.subject.clip.name
        if name not in self._bases:
            config, seconds = PRESETS[self._wanted.preset], self._wanted.seconds
            learned = self._kept(
                pair, "base", config, seconds, None, lambda: Trial([(seconds, 0.0)], 0.0, learn_base(config, pair, seconds))
            )
            self._left -= seconds
            self._bases[name] = learned.weights
            self._tell(f"a base without {name} has learned from {', '.join(map(str, pair.others))}")
        return self._bases[name]

    def _kept(
        self, pair: Pair, name: Network, config: TwinConfig, seconds: float, base: bytes | None, learn: Callable[[], Trial]
    ) -> Trial:
        """Finished before, under the same code, faces, values and time; or else learned now."""
        cast = pair.others if name == "base" else (pair.subject, pair.actor)
        values = {"seed": config.seed, "heldout": config.heldout} if name == "original" else config.to_dict()
        parts = [json.dumps([name, values, seconds]).encode(), *(one.clip.content for one in cast), base or b"", _code(name)]
        described = b"".join(hashlib.sha256(part).digest() for part in parts)
        return Trial.from_bytes(keep(name.replace(", ", "-"), described, lambda: learn().to_bytes()))


def _part(name: Network) -> float:
    """Of the time of a training."""
    return SHORT if name == "warm, short" else 1.0


def _code(name: Network) -> bytes:
    """The source that a training's outcome hangs on."""
    if name == "original":
        return Path(yardstick.__file__).read_bytes()
    engine = BASE_DIR / "generator/engine"
    return b"".join(path.read_bytes() for path in sorted(engine.glob("*.py")) if path.name not in RENDERING)
