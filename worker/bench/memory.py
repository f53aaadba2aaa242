"""What a process needs at most that does one thing to one object, as told by a process of its own.

python -m worker.bench.memory idle -         loads what the others load, asks the database once, and does nothing
python -m worker.bench.memory store BYTES    stores that much
python -m worker.bench.memory read ID        reads it to its end, in pieces of 1 MiB
python -m worker.bench.memory export ID      puts the export together that was asked for, and reads its ZIP to the end
"""

import json
import os
import re
import subprocess
import sys

from twinvault.env import BASE_DIR

MIB = 2**20


def memory_of(verb: str, what: object) -> dict:
    """{"object": id, "peak_mib": float} of a fresh process."""
    command = [sys.executable, "-m", "worker.bench.memory", verb, str(what)]
    done = subprocess.run(command, cwd=BASE_DIR, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def peak_mib(process: int | str = "self") -> float:
    """VmHWM; `ru_maxrss` would begin with the memory of the process that started this one."""
    with open(f"/proc/{process}/status") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read()).group(1)) / 1024


class Noise:
    """A source of `length` bytes that never are in memory at once."""

    def __init__(self, length: int):
        self._piece, self._left = os.urandom(MIB), length

    def read(self, size: int) -> bytes:
        given = self._piece[: min(size, self._left)]
        self._left -= len(given)
        return given


def main(verb: str, what: str) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "twinvault.settings")
    django.setup()
    from twinvault.custody import keys, objects
    from twinvault.custody.models import StoredObject
    from worker.bench import exporting

    if verb == "idle":
        stored = StoredObject.objects.first()
    elif verb == "store":
        stored = objects.store_stream(keys.new_keyring("bench"), "footage", Noise(int(what)))
    else:
        stored = None if verb == "export" else StoredObject.objects.get(id=what)
        with objects.open_object(stored) if stored else exporting.zip_of(what) as reader:
            while reader.read(MIB):
                pass
    sys.stdout.write(json.dumps({"object": str(stored.id) if stored else "", "peak_mib": peak_mib()}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
