"""Several processes do deeds in one database at once, some of which are undone, while one verifies; prints the outcome as JSON.

Run by `test_verify_audit.py` in an installation of its own. With the argument "cut" it takes away the last two entries instead.
"""

import json
import multiprocessing
import sys

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connections, transaction  # noqa: E402

from twinvault.audit import anchors  # noqa: E402
from twinvault.audit.models import Entry  # noqa: E402
from twinvault.audit.record import record  # noqa: E402
from twinvault.audit.verify import findings  # noqa: E402
from twinvault.custody.models import Keyring  # noqa: E402

WRITERS = 3
DEEDS = 40


class Undone(Exception):
    pass


def rush(number: int) -> tuple[int, int, list[str]]:
    """(deeds committed, deeds undone, what was found in the record meanwhile)."""
    if number == WRITERS:
        return 0, 0, [str(finding) for _ in range(10) for finding in findings()]
    undone = 0
    for deed in range(DEEDS):
        try:
            with transaction.atomic():
                record(f"deed {deed}", target=f"process {number}", count=deed)
                if deed % 5 == 4:
                    raise Undone
        except Undone:
            undone += 1
    return DEEDS - undone, undone, []


if sys.argv[1:] == ["cut"]:
    last = Entry.objects.order_by("-id")[0].id
    Entry.objects.filter(id__gt=last - 2).delete()
    sys.stdout.write("{}")
    sys.exit()

call_command("migrate", verbosity=0)
connections.close_all()
with multiprocessing.get_context("fork").Pool(WRITERS + 1) as pool:
    outcome = pool.map(rush, range(WRITERS + 1), chunksize=1)
sys.stdout.write(
    json.dumps(
        {
            "committed": sum(committed for committed, _, _ in outcome),
            "undone": sum(undone for _, undone, _ in outcome),
            "findings_meanwhile": [finding for _, _, found in outcome for finding in found],
            "entries": Entry.objects.count(),
            "anchors": len({anchor.entry_id for anchor in anchors.read()}),
            "keyrings": Keyring.objects.count(),
        }
    )
)
