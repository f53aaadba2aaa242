"""Kills the real worker in the middle of a seal, of an export and of an erasure; prints what came of each as JSON.

Run by `test_killed.py` in an installation of its own. Everything is real: the broker, Celery workers, the database, the keys.
"""

import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import django

django.setup()

from django.core.files.storage import storages  # noqa: E402
from django.core.management import call_command  # noqa: E402

from acquisition.models import Footage  # noqa: E402
from twinvault.accounts.models import User  # noqa: E402
from twinvault.audit.verify import findings  # noqa: E402
from twinvault.custody import archive as archives  # noqa: E402
from twinvault.custody import keys, objects  # noqa: E402
from twinvault.custody.archive import ObjectSealed  # noqa: E402
from twinvault.custody.models import Archive, Keyring, StoredObject  # noqa: E402
from twinvault.jobs.models import Job  # noqa: E402
from twinvault.safe import erasure, exports, services  # noqa: E402
from twinvault.safe.models import ErasedObject, Erasure, Export, Import, Scope  # noqa: E402
from twinvault.vaults.models import Vault  # noqa: E402
from twinvault.vaults.services import open_vault  # noqa: E402
from worker.stack import Stack  # noqa: E402

WITHIN_S = 120
PASSWORD = "the boat under the walnut tree"
# real objects, and rows with keys whose ciphertext nobody reads: a seal touches keys alone
REAL, ROWS = 40, 8_000
FOLDER = Path(sys.argv[1])


def until(what: str, happened: Callable[[], object]):
    """Waits for something that other processes do, and gives it; names it, with the worker's log, if it does not come."""
    end = time.monotonic() + WITHIN_S
    while time.monotonic() < end:
        if found := happened():
            return found
        time.sleep(0.01)
    jobs = [f"{job} {job.error} {job.cause}" for job in Job.objects.all()]
    raise SystemExit(f"{what} did not come about:\n{jobs}\n{stack.tail('worker-cpu', 60)}")


def between(count: Callable[[], int], most: int) -> Callable[[], int]:
    """The count, once it has begun and is not through."""

    def now() -> int:
        found = count()
        if found >= most:
            raise SystemExit(f"it was over before it could be killed: {found} of {most}")
        return found

    return now


def ended(job: Job) -> Callable[[], bool]:
    return lambda: not Job.objects.get(id=job.id).is_open


def kill_and_go_on(job: Job) -> list:
    """[state of the row after the kill, how it ended, how often it was begun]"""
    stack.kill("worker-cpu")
    state = Job.objects.get(id=job.id).state
    stack.start_worker("cpu")
    until(job.title, ended(job))
    job = Job.objects.get(id=job.id)
    return [state, job.state, job.attempts]


def opens(stored: StoredObject) -> bool:
    try:
        objects.read(StoredObject.objects.select_related("keyring").get(id=stored.id))
    except (ObjectSealed, keys.KeyUnavailable):
        return False
    return True


def fill(vault: Vault) -> list[StoredObject]:
    real = [objects.store(vault.keyring, "footage", os.urandom(50_000)) for _ in range(REAL)]
    stage = vault.subject.life_stages.get()
    for stored in real:
        about = {"fingerprint": str(stored.id), "filename": f"{stored.id}.mp4", "state": Footage.State.PROCESSED}
        Footage.objects.create(vault=vault, life_stage=stage, content=stored, added_by=alice, **about)
    wrapping = keys.derive(keys.working_key(vault.keyring), "wrap file keys")
    rows = []
    for _ in range(ROWS):
        row = StoredObject(keyring=vault.keyring, kind="pack", size=1)
        row.wrapped_key = keys.seal(wrapping, os.urandom(32), archives.context_of(row.id))
        rows.append(row)
    StoredObject.objects.bulk_create(rows, batch_size=500)
    return real


def sealed_objects() -> int:
    return StoredObject.objects.filter(sealed=True).count()


told: dict = {}
call_command("migrate", verbosity=0)
alice = User.objects.create_user("alice", "alice@example.org", "correct horse battery")
with Stack(queues=["cpu"], logs=FOLDER) as stack:
    vault = open_vault(alice, name="Grandpa", subject_name="Franck", stages=["adult"])
    real = fill(vault)
    services.set_password(vault, PASSWORD, by=alice)

    # a seal
    job = services.seal(vault, by=alice, password=PASSWORD)
    told["sealed_when_killed"] = until("some sealed objects", between(sealed_objects, REAL + ROWS))
    told["seal"] = kill_and_go_on(job)
    told["sealed"] = [Archive.objects.get().state, sealed_objects(), REAL + ROWS]
    told["opens_while_sealed"] = sum(map(opens, real))
    services.unseal(vault, by=alice, password=PASSWORD, hours=1)
    told["opens_unsealed"] = sum(map(opens, real))

    # an export; the rows without ciphertext are what is left out
    export, _ = exports.ask(vault, services.unlock(vault, by=alice, password=PASSWORD), by=alice)
    job = Job.objects.get(target_id=export.id)
    until("some progress", lambda: Job.objects.get(id=job.id).progress > 0)
    told["export"] = kill_and_go_on(job)
    export = Export.objects.select_related("vault", "plan__keyring", "lending").get(id=export.id)
    path = FOLDER / "export.zip"
    with exports.open_zip(export) as reader, path.open("wb") as file:
        while piece := reader.read(2**20):
            file.write(piece)
    told["zip"] = [zipfile.ZipFile(path).testzip(), export.left_out, export.size == path.stat().st_size]

    # an erasure
    asked = erasure.ask(vault, Scope.VAULT, by=alice)
    told["opens_when_asked"] = sum(map(opens, real))
    job = Job.objects.get(target_id=asked.id)
    told["erased_when_killed"] = until("some lines", between(ErasedObject.objects.count, REAL + ROWS))
    told["erase"] = kill_and_go_on(job)
    asked.refresh_from_db()
    told["receipt"] = [asked.state, sum(count for count, _ in asked.counts.values()) >= REAL + ROWS]
    told["left"] = [
        Vault.objects.count(),
        Keyring.objects.filter(id=vault.keyring_id).count(),
        StoredObject.objects.filter(keyring_id=vault.keyring_id).count(),
        sum(storages["ciphertext"].exists(stored.name) for stored in real),
    ]

# an import of what was exported
importing = [sys.executable, "manage.py", "import_vault", str(path), "--owner", "alice"]
child = subprocess.Popen(importing, env=os.environ)
told["imported_when_killed"] = until("some objects", between(StoredObject.objects.filter(kind="footage").count, REAL))
child.kill()
child.wait()
told["vault_when_killed"] = Vault.objects.count()
subprocess.run(importing, env=os.environ, check=True, stdout=subprocess.DEVNULL)
vault = Vault.objects.get()
told["imported"] = [
    StoredObject.objects.filter(keyring_id=vault.keyring_id, kind="footage").count(),
    Import.objects.filter(done_at__isnull=False).count(),
]
told["record"] = [str(finding) for finding in findings()]
told["erasures_open"] = Erasure.objects.filter(state="asked").count()
sys.stdout.write("\n" + json.dumps(told))
