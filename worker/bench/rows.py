"""The rows of a bench: what was measured, and the mark it has to hold."""

import json
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from twinvault.env import BASE_DIR

FOLDER = BASE_DIR / "var/bench"


@dataclass(frozen=True)
class Row:
    """`value` has the unit that `measure` names; a value at the mark itself holds it."""

    measure: str
    value: float
    mark: float
    better: Literal["higher", "lower"]

    @property
    def holds(self) -> bool:
        return self.value >= self.mark if self.better == "higher" else self.value <= self.mark


def write(rows: Iterable[Row], name: str, folder: Path | None = None) -> Path:
    """Writes var/bench/<name>.json, a list of {"measure", "value", "mark", "better", "holds"}."""
    folder = folder or FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(
        json.dumps([asdict(row) | {"value": round(row.value, 4), "holds": row.holds} for row in rows], indent=1) + "\n"
    )
    return path


def line(row: Row) -> str:
    """The row in a table of three columns: measure, value, mark."""
    sign = ">=" if row.better == "higher" else "<="
    return f"{row.measure:<70} {row.value:>10,.2f}   {sign} {row.mark:<8,.2f} {'holds' if row.holds else 'MISSED'}"


def tell(sentence: str) -> None:
    """What stands beside the rows, for whoever looks on."""
    sys.stdout.write(f"  {time.strftime('%H:%M')} {sentence}\n")
    sys.stdout.flush()
