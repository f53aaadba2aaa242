"""Makes and reads objects in an installation of its own, for `test_rotation_processes.py`; prints what came of it as JSON.

make KEYRINGS OBJECTS    keyrings, and one object under each of the first of them
read                     reads every object once
read-on                  reads them again and again, and adds one each round, until its standard input ends
"""

import hashlib
import json
import select
import sys

import django

django.setup()

from django.db import transaction  # noqa: E402

from twinvault.audit.verify import findings  # noqa: E402
from twinvault.custody import keys, objects  # noqa: E402
from twinvault.custody.models import Keyring, StoredObject  # noqa: E402


def content(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest() * 1000


def make(keyrings: int, kept: int) -> dict:
    with transaction.atomic():
        made = [keys.new_keyring("test") for _ in range(keyrings)]
    for number, keyring in enumerate(made[:kept]):
        objects.store(keyring, str(number), content(number))
    return {"master_key": keys.master_keys()[0]}


def read_all() -> list[str]:
    """What was wrong with those that did not come back as they went in."""
    wrong = []
    for stored in StoredObject.objects.select_related("keyring").exclude(kind="more"):
        try:
            if objects.read(stored) != content(int(stored.kind)):
                wrong.append(f"{stored} has other bytes")
        except (keys.KeyUnavailable, OSError, ValueError) as error:
            wrong.append(f"{type(error).__name__}: {error}")
    return wrong


def read() -> dict:
    wrong, opened = read_all(), 0
    for keyring in Keyring.objects.filter(purpose="test"):
        try:
            keys.working_key(keyring)
            opened += 1
        except keys.KeyUnavailable as error:
            wrong.append(str(error))
    return {
        "wrong": wrong,
        "keyrings_opened": opened,
        "under": sorted(set(Keyring.objects.values_list("master_key_id", flat=True))),
        "current": keys.master_keys()[0],
        "master_keys": len(keys.master_keys()[1]),
        "record_is_whole": findings() == [],
    }


def read_on() -> dict:
    rounds, wrong = 0, []
    while not select.select([sys.stdin], [], [], 0)[0]:
        wrong += read_all()
        more = objects.store(keys.new_keyring("test"), "more", content(rounds))
        if objects.read(more) != content(rounds):
            wrong.append("what was just stored has other bytes")
        rounds += 1
        sys.stdout.write("a round\n")
        sys.stdout.flush()
    return {"rounds": rounds, "wrong": wrong}


verb, *numbers = sys.argv[1:]
told = {"make": make, "read": read, "read-on": read_on}[verb](*map(int, numbers))
sys.stdout.write(json.dumps(told) + "\n")
