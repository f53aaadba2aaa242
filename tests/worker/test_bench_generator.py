"""The generator's bench: its yardstick is the published network, time and faces are alike, and what it makes of figures."""

import io
import os
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from generator.engine.config import PRESETS
from generator.engine.faceset import FaceSet
from generator.engine.quality import ssim
from generator.engine.swap import Swapper
from processing.engine.media import probe, read_frames
from tests.processing import clips as sample
from worker.bench import cores, curves, filming, generator, generator_gpu, keeping, pairs, rows, trials, yardstick
from worker.bench.pairs import Scene
from worker.bench.trials import Trial, Wanted

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def cast(tmp_path_factory):
    """Two short films of one man, and one of another: (pairs, all of them cast)."""
    folder = tmp_path_factory.mktemp("films")
    for name, film in {"b": sample.franck(3.0), "a": sample.actor(3.0), "c": sample.franck(3.0, 480)}.items():
        (folder / f"{name}.mp4").write_bytes(film)
    (folder / "d.mp4").write_bytes(b"no film")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOOTAGE", str(folder))
        pairs.pairs.cache_clear()
        yield pairs.pairs()
    pairs.pairs.cache_clear()


def drawn_faces(count: int = 24, size: int = 64) -> FaceSet:
    """Discs that wander: enough for a network to see that they are no noise."""
    images = np.full((count, size, size, 3), 90, np.uint8)
    for number, image in enumerate(images):
        cv2.circle(image, (20 + number, 32), 14, (200, 150, 120), -1)
    return FaceSet(images, np.full((count, size, size), 255, np.uint8), np.arange(count, dtype=np.float64))


def test_the_yardstick_is_the_published_network_and_learns():
    training = yardstick.OriginalTraining({"subject": drawn_faces(), "library": drawn_faces()}, seed=0)

    assert sum(one.numel() for one in training.network.parameters()) == 82_062_470
    assert [round(training.optimizer.defaults[name], 7) for name in ("lr", "eps")] == [5e-5, 1e-7]
    before = training.step()
    assert training.images_seen == 32
    assert training.step() < before
    assert training.draw(drawn_faces(3, 96), "library").shape == (3, 64, 64, 3)


def test_the_yardstick_judges_likeness_as_ours_does():
    sharp = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8), (0, 0), 2)
    soft = cv2.GaussianBlur(sharp, (0, 0), 2)
    a, b = (torch.from_numpy(one).permute(2, 0, 1)[None] / 255.0 for one in (sharp, soft))

    assert float(yardstick._similarity(a, b)) == pytest.approx(ssim(sharp, soft), abs=1e-4)


def test_looking_at_the_yardstick_is_not_counted_as_training(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    looks = []

    def step():
        now[0] += 1.0

    def look(spent):
        looks.append(spent)
        now[0] += 100.0

    assert yardstick.train_for(6, step, every_s=2, look=look) == 6
    assert looks == [2, 4, 6]


def test_pairs_are_of_different_people_that_fill_their_clips_and_what_is_no_film_is_left_out(cast):
    names = {(str(pair.subject), str(pair.actor)): [str(other) for other in pair.others] for pair in cast}

    # b and c show one man
    assert names == {("a", "b"): ["b", "c"], ("a", "c"): ["b", "c"], ("b", "a"): ["a"], ("c", "a"): ["a"]}


def test_pairs_are_chosen_by_name_and_the_first_gets_all_seeds(cast):
    assert [full for _, full in pairs.chosen_pairs("")] == [True, True, False, False]
    assert [full for _, full in pairs.chosen_pairs("all")] == [True] * 4
    assert [str(pair) for pair, _ in pairs.chosen_pairs("first")] == ["a in b"]
    assert [str(pair) for pair, _ in pairs.chosen_pairs("c:a,b:a")] == ["c in a", "b in a"]
    with pytest.raises(SystemExit, match="There is no pair b:c"):
        list(pairs.chosen_pairs("b:c"))


def test_faces_held_back_are_those_that_our_training_does_not_see(cast):
    learned, held = trials.faces_of(cast[0], 0.2)

    for side in ("subject", "library"):
        assert len(held[side]) >= 5
        assert not set(held[side].moments) & set(learned[side].moments)
    assert trials.quality(lambda faces, _side: faces.resized(64).images, held) == pytest.approx(1.0)
    assert 0.3 < trials.nothing_learned(learned, held) < 0.95


def test_a_training_gives_a_curve_a_film_and_its_figures(cast, tmp_path):
    pair, config = cast[0], PRESETS["tiny"]
    _, held = trials.faces_of(pair, config.heldout)

    base = trials.learn_base(config, pair, 0.5)
    trial = trials.learn_ours(config, pair.subject.subject_faces, pair.actor.actor_faces, held, 2.0, base)

    assert 2 <= len(trial.points) <= trials.POINTS + 2
    assert 0.2 < trial.points[0][1] <= trial.final + 0.1 < 1.1
    assert trial.points[-1][0] == pytest.approx(2.0, abs=1.5)
    assert Swapper(trial.weights).size == 32
    film = filming.filmed(trial.weights, pair)
    assert sum(1 for _ in read_frames(io.BytesIO(film.content))) == 72
    # two seconds make no likeness, but the film follows its template
    assert film.to_subject > 0.2 and film.apart > 0.6 and 0 <= film.lost < 1
    assert 0.001 < film.landmarks < 0.2 and film.own_flicker > 0.1
    sheet = cv2.imread(str(filming.write_sheet(pair, {"scratch": film.content}, tmp_path)))
    assert sheet.shape[0] == filming.MOMENTS * filming.HEIGHT


def test_a_scene_on_a_square_keeps_its_landmarks_on_the_face(monkeypatch):
    monkeypatch.setattr(filming, "TIMED", 1.0)
    points = np.zeros((12, 468, 3), np.float32)
    points[:, :, :2] = 100, 50

    def picture():
        image = np.zeros((96, 192, 3), np.uint8)
        cv2.circle(image, (100, 50), 5, (255, 255, 255), -1)
        return image

    scene = Scene(filming.encoded((picture() for _ in range(12)), 24), points, 24.0, 192, 96)
    square = filming.square(scene)

    info = probe(io.BytesIO(square.content))
    assert (info.width, info.height, len(square.landmarks)) == (512, 512, 36)
    shown = next(iter(read_frames(io.BytesIO(square.content)))).image
    middle = np.argwhere(shown[..., 1] > 128).mean(0)[::-1]
    assert np.linalg.norm(middle - square.landmarks[0, 0, :2]) < 1.0


@pytest.mark.parametrize(("quality", "seconds"), [(0.5, 20), (0.4, 20), (0.6, 30), (0.7, 40), (0.71, None)])
def test_when_a_quality_is_reached_lies_straight_between_points(quality, seconds):
    trial = Trial([(20, 0.5), (40, 0.7), (60, 0.6)], 1.0)

    assert trial.reaches(quality) == (None if seconds is None else pytest.approx(seconds))


def test_what_is_finished_is_kept_only_where_that_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.setattr(rows, "FOLDER", tmp_path)
    made = []

    def make():
        made.append(1)
        return Trial([(1.0, 0.5)], 7.0, b"weights").to_bytes()

    monkeypatch.delenv("RESUME", raising=False)
    keeping.keep("scratch", b"one", make)
    assert made == [1] and not list(tmp_path.iterdir())
    monkeypatch.setenv("RESUME", "1")
    trial = [Trial.from_bytes(keeping.keep("scratch", described, make)) for described in (b"one", b"one", b"other")][1]
    assert trial == Trial([(1.0, 0.5)], 7.0, b"weights") and len(made) == 3


def test_the_environment_is_told_in_one_sentence_what_is_wrong(monkeypatch):
    for name in ("SECONDS", "SEEDS", "PRESET", "PAIRS"):
        monkeypatch.delenv(name, raising=False)
    assert Wanted.of_environment() == Wanted() == Wanted(300, 3, "quick", "")
    for name, value, sentence in (
        ("PRESET", "huge", "no preset huge"),
        ("SEEDS", "many", "numbers"),
        ("SECONDS", "-1", "than 0"),
    ):
        with monkeypatch.context() as patch, pytest.raises(SystemExit, match=sentence):
            patch.setenv(name, value)
            Wanted.of_environment()


def test_rows_give_the_worst_pair_and_the_mean_of_seeds(monkeypatch, cast):
    def tried(*finals):
        return [Trial([(10, final / 2), (20, final)], 1.0) for final in finals]

    good, bad, tiny = *cast[:2], PRESETS["tiny"]
    results = [
        trials.Results(good, tiny, 0.5, {"original": tried(0.5, 0.3), "scratch": tried(0.9, 0.94), "warm": tried(1.0, 1.0)}),
        trials.Results(bad, tiny, 0.5, {"scratch": tried(0.8), "warm": tried(0.7)}),
    ]
    monkeypatch.setattr(generator, "results", lambda: results)
    monkeypatch.setattr(generator, "wanted", lambda: Wanted(20, 2, "tiny", ""))

    ahead, ours = generator.sharpness()
    (warm,) = generator.warmth()

    assert (ahead.value, ours.value) == (pytest.approx(0.52), pytest.approx(0.8))
    assert ours.measure == "held-out SSIM at 64 px from scratch (20 s, tiny)"
    # the second pair's never gets there
    assert (warm.value, warm.mark, warm.holds) == (20, 8, False)


def test_flicker_is_looked_for_in_frames_in_a_row():
    assert filming.in_a_row(np.array([0, 1, 5, 6, 7, 8, 20]), 3).tolist() == [5, 6, 7]
    assert filming.in_a_row(np.array([4]), 3).tolist() == [4]


def test_every_thread_is_tied_to_as_many_cores_as_are_asked_for_and_let_go_again():
    before, threads = os.sched_getaffinity(0), torch.get_num_threads()
    torch.ones(2000, 2000) @ torch.ones(2000, 2000)  # torch's own threads are there

    with cores.tied(1):
        tied = [os.sched_getaffinity(int(thread)) for thread in os.listdir("/proc/self/task")]
        assert torch.get_num_threads() == 1

    assert {len(each) for each in tied} == {1}
    assert (os.sched_getaffinity(0), torch.get_num_threads()) == (before, threads)


def test_curves_show_mean_and_spread(tmp_path):
    seeds = [[(10, 0.4), (20, 0.6)], [(12, 0.5), (22, 0.9)]]

    times, low, mean, high = curves.band(seeds)
    path = curves.draw_curves(tmp_path / "new/curves.png", "quality", {"original": seeds[:1], "ours": seeds})

    assert (times[0], times[-1]) == (12, 20)
    assert low[0] == pytest.approx(0.44) and high[-1] == pytest.approx(0.82) and mean[0] == pytest.approx(0.47)
    colours = set(map(tuple, cv2.imread(str(path))[..., ::-1].reshape(-1, 3)))
    assert {curves.COLOURS[0], curves.COLOURS[1]} <= colours


def test_figures_of_a_gpu_become_a_section_of_the_docs(tmp_path, monkeypatch, capsys):
    config = replace(PRESETS["tiny"], batch=2)
    most = generator_gpu.peaks(CPU, 64, 2**16)

    operations, moved = generator_gpu.work_of(config, CPU)
    twice = generator_gpu.work_of(replace(config, batch=4), CPU)
    figures = generator_gpu.figures(config, CPU, most, seconds=0.3)
    text = generator_gpu.section("some device", most, [figures], generator_gpu.profiled(config, CPU))

    assert twice[0] == 2 * operations and moved < twice[1] < 2 * moved
    assert figures.images_per_second > 0 and figures.peak > 0 and figures.bandwidth > 0
    assert "on some device" in text and generator_gpu.COMMAND in text and "aten::" in text
    monkeypatch.setattr(rows, "FOLDER", tmp_path)
    if not torch.cuda.is_available():
        assert list(generator_gpu.learning()) == [] and not list(tmp_path.iterdir())
        assert "no GPU" in capsys.readouterr().out
