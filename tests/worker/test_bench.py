"""The bench's rows, table and files, and how its command ends. Not the figures: those are what the bench is for."""

import hashlib
import io
import json
import sys
import types
from dataclasses import replace

import cv2
import numpy as np
import pytest
from django.core.management import CommandError, call_command

from processing.engine.detection import near
from processing.engine.media import probe
from processing.engine.pack import tabulate
from tests.processing import clips as sample
from worker import sandbox
from worker.bench import BENCHES, OTHERS, clips, custody, disputed, generator, generator_gpu, processing, referees, rows
from worker.bench.memory import Noise
from worker.bench.rows import Row
from worker.management.commands.bench import Command


@pytest.mark.parametrize(
    ("value", "better", "holds"),
    [
        (0.6, "higher", True),
        (0.61, "higher", True),
        (0.59, "higher", False),
        (3, "lower", True),
        (2, "lower", True),
        (3.1, "lower", False),
    ],
)
def test_a_row_holds_at_its_mark_and_on_the_better_side(value, better, holds):
    row = Row("something", value, 0.6 if better == "higher" else 3, better)

    assert row.holds is holds
    assert rows.line(row).endswith("holds" if holds else "MISSED")


def test_rows_are_written_as_a_list_with_all_that_is_needed_to_judge_them(tmp_path):
    path = rows.write([Row("speed", 1.23456789, 0.6, "higher"), Row("memory, MiB", 65, 64, "lower")], "some", tmp_path / "new")

    assert path == tmp_path / "new/some.json"
    assert json.loads(path.read_text()) == [
        {"measure": "speed", "value": 1.2346, "mark": 0.6, "better": "higher", "holds": True},
        {"measure": "memory, MiB", "value": 65, "mark": 64, "better": "lower", "holds": False},
    ]


@pytest.fixture
def inside(db, monkeypatch, tmp_path):
    """A bench named "some" with rows to choose, measured in this process as if it were the sandbox's."""

    def measure(*found: Row) -> None:
        module = types.ModuleType("worker.bench.some")
        module.MEASURES = [lambda: iter(found[:1]), lambda: iter(found[1:])]
        monkeypatch.setitem(sys.modules, "worker.bench.some", module)
        monkeypatch.setenv(sandbox.INSIDE, "here")
        monkeypatch.setattr("worker.management.commands.bench.BENCHES", ("some",))
        monkeypatch.setattr(rows, "FOLDER", tmp_path)
        call_command("bench", "some")

    return measure


def test_the_command_prints_and_keeps_every_row(inside, tmp_path, capsys):
    inside(Row("speed", 0.7, 0.6, "higher"), Row("memory", 3, 64, "lower"), Row("time", 1, 60, "lower"))

    assert [row["measure"] for row in json.loads((tmp_path / "some.json").read_text())] == ["speed", "memory", "time"]
    told = capsys.readouterr().out
    assert "speed" in told and "0.70   >= 0.60" in told and "MISSED" not in told


def test_the_command_ends_with_1_if_a_mark_is_missed_and_keeps_the_rows_all_the_same(inside, tmp_path):
    with pytest.raises(SystemExit) as ended:
        inside(Row("speed", 0.5, 0.6, "higher"), Row("memory", 3, 64, "lower"))

    assert ended.value.code == 1
    assert [row["holds"] for row in json.loads((tmp_path / "some.json").read_text())] == [False, True]


def test_an_unknown_bench_is_named(capsys):
    with pytest.raises(CommandError, match=r"There is no bench tea\. There are: custody"):
        call_command("bench", "tea")


def test_every_bench_has_measures():
    assert set(BENCHES) == {"custody", "processing", "generator"}
    assert set(OTHERS) == {"generator-gpu"}
    for bench in (custody, processing, generator, generator_gpu):
        assert len(bench.MEASURES) == len(set(bench.MEASURES)) > 0


def test_the_source_gives_as_much_as_it_is_told_and_no_more_at_once_than_asked():
    source = Noise(2 * 2**20 + 5)

    assert [len(source.read(2**20)) for _ in range(4)] == [2**20, 2**20, 5, 0]


def test_bytes_read_are_counted(tmp_path):
    path = tmp_path / "some"
    path.write_bytes(bytes(100_000))
    before = custody.bytes_read()

    path.read_bytes()

    assert 100_000 <= custody.bytes_read() - before < 110_000


@pytest.fixture
def short_clips(monkeypatch, tmp_path):
    """A folder of two short films of different people, as FOOTAGE."""
    (tmp_path / "actor1.mp4").write_bytes(sample.actor(1.0))
    (tmp_path / "franck.mp4").write_bytes(sample.franck(1.0))
    (tmp_path / "notes.txt").write_text("no film")
    monkeypatch.setenv("FOOTAGE", str(tmp_path))
    return clips.clips()


def test_films_come_from_the_folder_or_from_the_packages(short_clips, monkeypatch, tmp_path):
    assert [(clip.name, clip.person) for clip in short_clips] == [("actor1", "actor"), ("franck", "franck")]

    monkeypatch.delenv("FOOTAGE")
    assert {clip.name for clip in clips.clips()} >= {"franck", "cap12_edit", "cap13_edit2"}
    monkeypatch.setenv("FOOTAGE", str(tmp_path / "nowhere"))
    with pytest.raises(SystemExit, match="no film"):
        clips.clips()


def test_films_are_enlarged_laid_beside_each_other_and_repeated(short_clips):
    first, second = short_clips

    (enlarged, _), pair = clips.at_720p(short_clips), clips.beside(first, second)
    again = clips.repeated(first.content, 3)

    assert (probe(enlarged.open()).width, probe(enlarged.open()).height) == (1280, 720)
    assert clips.at_720p([enlarged, first]) == [enlarged]
    assert (probe(pair.open()).width, probe(pair.open()).height) == (960, 480)
    assert sum(1 for _ in referees.pictures(clips.Clip("again", again))) == 3 * 24


def test_a_face_is_found_by_both(short_clips):
    faces = processing.seen(short_clips[0])
    time, picture = next(referees.pictures(short_clips[0]))
    (box,) = referees.faces(picture)

    assert time == faces[0].time == 0.0
    assert near(faces[0].box, box)


@pytest.fixture
def wall_looked_at(short_clips, tmp_path, monkeypatch):
    """Somebody has looked at a wall about (40, 50) in frame 3 of the first clip."""
    told = {hashlib.sha256(short_clips[0].content).hexdigest(): [[3, 40, 50]]}
    (tmp_path / "no_faces.json").write_text(json.dumps(told))
    monkeypatch.setattr(disputed, "LOOKED_AT", tmp_path / "no_faces.json")
    disputed.no_faces.cache_clear()
    yield np.array([21.0, 32, 61, 70], np.float32)
    disputed.no_faces.cache_clear()


def test_what_nobody_has_looked_at_counts_as_a_face(short_clips, wall_looked_at):
    first, second = short_clips

    assert disputed.is_no_face(first, 3, wall_looked_at)
    assert not disputed.is_no_face(first, 4, wall_looked_at)
    assert not disputed.is_no_face(second, 3, wall_looked_at)
    assert not disputed.is_no_face(first, 3, wall_looked_at + 8)


def test_the_boxes_to_look_at_are_laid_out_in_one_sheet(short_clips, wall_looked_at, monkeypatch, tmp_path):
    monkeypatch.setattr(disputed, "SHEET", tmp_path / "bench/missed.png")
    _, picture = next(referees.pictures(short_clips[0]))
    tiles = [disputed.tile(short_clips[0], number, picture, wall_looked_at) for number in range(disputed.COLUMNS + 1)]

    sheet = cv2.imread(str(disputed.write_sheet(tiles)))[..., ::-1]

    assert sheet.shape == (2 * disputed.TILE, disputed.COLUMNS * disputed.TILE, 3)
    assert np.array_equal(sheet[disputed.TILE :, : disputed.TILE], tiles[-1])
    assert not sheet[disputed.TILE :, disputed.TILE :].any()


def test_one_film_after_the_other_shows_who_was_seen_before(short_clips):
    tables = [tabulate(processing.seen(clip)) for clip in (*short_clips, short_clips[0])]
    known = []

    found = [processing.heaviest(processing.sorted_in(table, known), table) for table in tables]

    assert found == [0, 1, 0] and len(known) == 2
    assert processing.heaviest({}, tables[0]) is None


def test_an_eye_that_keeps_still_does_not_jitter(short_clips):
    face = processing.seen(short_clips[0])[0]
    moved = replace(face, landmarks=face.landmarks + np.float32([4, 0, 0]))

    assert processing.spreads_of([face] * 4, processing.RIGHT_EYE) == (0.0, 0.0)
    told, spot = processing.spreads_of([face, moved], processing.RIGHT_EYE)
    # the crop goes with the landmarks, and leaves the eye behind
    assert told == pytest.approx(0, abs=1e-3) and spot > 1


def test_films_of_every_kind_are_taken_and_nothing_else(tmp_path, monkeypatch):
    (tmp_path / "one.mkv").write_bytes(sample.film(sample.pictures("franck", 0, 6), container_format="matroska"))
    (tmp_path / "two.MOV").write_bytes(sample.film(sample.pictures("franck", 0, 6), container_format="mov"))
    (tmp_path / "three.jpg").write_bytes(sample.nobody())
    (tmp_path / "notes.txt").write_text("not a film")
    (tmp_path / ".hidden.mp4").write_bytes(sample.franck(1.0))
    monkeypatch.setenv("FOOTAGE", str(tmp_path))
    assert [clip.name for clip in clips.clips()] == ["one", "two"]


@pytest.mark.django_db
def test_a_measure_that_breaks_takes_no_other_row_with_it(tmp_path, monkeypatch):
    def breaks():
        yield Row("before it broke", 1.0, 1.0, "higher")
        raise ValueError("no such thing")

    def measures():
        yield Row("measured", 2.0, 1.0, "higher")

    monkeypatch.setattr(processing, "MEASURES", [breaks, measures])
    monkeypatch.setattr(rows, "FOLDER", tmp_path)
    told = io.StringIO()
    with pytest.raises(CommandError, match=r"Not measured, since it broke: breaks\."):
        Command(stdout=io.StringIO(), stderr=told)._measure("processing")

    kept = json.loads((tmp_path / "processing.json").read_text())
    assert [row["measure"] for row in kept] == ["before it broke", "measured"]
    assert "no such thing" in told.getvalue()
