"""The bench's rows, table and files, and how its command ends. Not the figures: those are what the bench is for."""

import json
import sys
import types

import pytest
from django.core.management import CommandError, call_command

from worker import sandbox
from worker.bench import BENCHES, custody, rows
from worker.bench.memory import Noise
from worker.bench.rows import Row


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
    assert "custody" in BENCHES and len(custody.MEASURES) == len(set(custody.MEASURES)) > 0


def test_the_source_gives_as_much_as_it_is_told_and_no_more_at_once_than_asked():
    source = Noise(2 * 2**20 + 5)

    assert [len(source.read(2**20)) for _ in range(4)] == [2**20, 2**20, 5, 0]


def test_bytes_read_are_counted(tmp_path):
    path = tmp_path / "some"
    path.write_bytes(bytes(100_000))
    before = custody.bytes_read()

    path.read_bytes()

    assert 100_000 <= custody.bytes_read() - before < 110_000
