"""How long one worker takes over a film, and two: with a broker, workers and a database of their own, and a core for each worker.

Without that, one worker on a machine of two cores uses both: its decoding process runs beside it.

python -m worker.bench.sharing < FILM        prints {"1": seconds, "2": seconds}
"""

import io
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from twinvault.env import BASE_DIR

READY_WITHIN_S, DONE_WITHIN_S = 60, 900


def seconds_by_workers(film: bytes) -> dict[int, float]:
    """{1: seconds, 2: seconds} from the moment a worker begins to look at the film until it is joined."""
    # the stack begins a broker of its own where none is named
    environment = {name: value for name, value in os.environ.items() if name != "TWINVAULT_BROKER"}
    command = [sys.executable, "-m", "worker.bench.sharing"]
    done = subprocess.run(command, cwd=BASE_DIR, env=environment, input=film, stdout=subprocess.PIPE, check=True)
    return {int(workers): seconds for workers, seconds in json.loads(done.stdout.splitlines()[-1]).items()}


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "twinvault.settings")
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    footage = _footage(io.BytesIO(sys.stdin.buffer.read()))
    told = {workers: _look(footage, workers) for workers in (1, 2)}
    sys.stdout.write(json.dumps(told) + "\n")


def _footage(film: io.BytesIO):
    from acquisition.services import add_footage
    from twinvault.accounts.models import User
    from twinvault.jobs.models import Job
    from twinvault.vaults.consents import record_consent
    from twinvault.vaults.services import open_vault

    owner, _ = User.objects.get_or_create(username="sharing", email="sharing@example.org")
    vault = open_vault(owner, name="Sharing", subject_name="Nobody", stages=["adult"])
    record_consent(vault.subject, basis="guardian", given_by="Nobody", statement="We agree.", by=owner)
    footage = add_footage(vault, vault.subject.life_stages.first(), "film.mp4", film, by=owner)
    Job.objects.all().delete()
    return footage


def _look(footage, workers: int) -> float:
    from processing.services import request_analysis
    from worker.stack import Stack

    with tempfile.TemporaryDirectory() as logs, Stack(queues=["gpu"], logs=Path(logs)) as stack:
        _begin(stack, workers)
        _wait("the workers", READY_WITHIN_S, lambda: all("ready." in stack.tail(f"worker-cpu{n}") for n in ("", "-2")[:workers]))
        job = request_analysis(footage, footage.added_by)

        def over() -> bool:
            stack.check()
            job.refresh_from_db()
            return not job.is_open

        _wait("the look", DONE_WITHIN_S, over)
        if job.state != job.State.DONE:
            raise SystemExit(f"The film was not looked at: {job.error}\n{job.cause}")
        return (job.ended_at - job.started_at).total_seconds()


def _begin(stack, workers: int) -> None:
    """Starts workers, each with all its processes on a core of its own."""
    cores = os.sched_getaffinity(0)
    if len(cores) < workers:
        raise SystemExit(f"{workers} workers with a core each need a machine of {workers} cores.")
    try:
        for _, core in zip(range(workers), sorted(cores), strict=False):
            os.sched_setaffinity(0, {core})
            stack.start_worker("cpu")
    finally:
        os.sched_setaffinity(0, cores)


def _wait(what: str, seconds: float, over) -> None:
    until = time.monotonic() + seconds
    while not over():
        if time.monotonic() > until:
            raise SystemExit(f"{what} did not come to an end within {seconds} seconds")
        time.sleep(0.2)


if __name__ == "__main__":
    main()
