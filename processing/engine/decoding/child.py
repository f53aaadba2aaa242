"""The process that decodes: it is started with a line to its parent, and ends with it.

Run as a file, `python -I child.py LINE RING PARENT SECONDS MEMORY`, never imported by the product.
"""

from __future__ import annotations

import faulthandler
import sys
import types
from pathlib import Path


def _name_packages() -> None:
    """Let the few modules needed here be imported without all that their packages would bring along."""
    here = Path(__file__).resolve().parents[3]
    for name in ("processing", "processing.engine", "processing.engine.decoding"):
        package = types.ModuleType(name)
        package.__path__ = [str(here.joinpath(*name.split(".")))]
        sys.modules[name] = package


def main(line: int, ring: int, parent: int, seconds: float, memory: int) -> None:
    faulthandler.enable()
    _name_packages()
    from processing.engine.decoding import confine

    confine.die_with_parent(parent)
    confine.renew_processor_time(2 * seconds)
    from processing.engine import films, stills
    from processing.engine.decoding.requests import serve

    films.warm_up()
    stills.warm_up()
    confine.limit(memory)
    confine.lock()
    serve(line, ring, seconds)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))
