"""What the tests of backups do in an installation of its own: `python site.py VERB ...` prints its answer as JSON."""

import hashlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterator

import django

django.setup()

from django.apps import apps  # noqa: E402
from django.contrib.auth.models import Permission  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402
from django.db.migrations.recorder import MigrationRecorder  # noqa: E402

from acquisition.models import Footage, Upload  # noqa: E402
from acquisition.services import add_footage  # noqa: E402
from acquisition.uploads.services import begin_upload, receive, standing  # noqa: E402
from processing.recognition import Index, keep_index  # noqa: E402
from tests.consenting import consent_in_person  # noqa: E402
from twinvault.accounts.models import User  # noqa: E402
from twinvault.audit.models import Entry  # noqa: E402
from twinvault.audit.record import record  # noqa: E402
from twinvault.audit.verify import findings  # noqa: E402
from twinvault.custody import keys, objects  # noqa: E402
from twinvault.custody.models import Keyring, StoredObject  # noqa: E402
from twinvault.jobs.services import claim  # noqa: E402
from twinvault.safe import services as safe  # noqa: E402
from twinvault.vaults import services  # noqa: E402
from twinvault.vaults.models import Subject, Vault  # noqa: E402
from worker.work import Work  # noqa: E402

CLIP = bytes(range(256)) * 6000
SENT = CLIP[::-1]
HALF = len(SENT) // 2
SECONDARY = "the boat under the walnut tree"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def load(rows: str) -> None:
    """A story that was written down."""
    call_command("migrate", verbosity=0)
    call_command("loaddata", rows, verbosity=0)


def open_vault(objects_kept: str) -> None:
    """A vault of Alice's, through the services, with that many small objects."""
    call_command("migrate", verbosity=0)
    alice = User.objects.create_user("alice", "alice@example.org", "correct horse battery")
    vault = services.open_vault(alice, name="Grandpa", subject_name="Franck", born=1940, stages=["adult", "senior"])
    consent_in_person(vault.subject, given_by="Franck", statement="I agree.", by=alice)
    for number in range(int(objects_kept)):
        objects.store(vault.keyring, "pack", f"object {number}".encode() * 500)


def film_something() -> str:
    """Adds footage through the service; gives its id."""
    alice, vault = User.objects.get(username="alice"), Vault.objects.get()
    return str(add_footage(vault, vault.subject.life_stages.first(), "clip.mp4", io.BytesIO(CLIP), by=alice).id)


def recognise() -> None:
    """Compares the people of the vault with the subject. Its lock on a row with an empty reference failed on PostgreSQL."""
    with transaction.atomic():
        keep_index(Subject.objects.get(), Index())


def give_a_permission() -> None:
    """To Alice; the permission has another number here than in a fresh installation."""
    permission = Permission.objects.get(codename="add_template")
    permission.delete()
    permission.id = 4711
    permission.save(force_insert=True)
    User.objects.get(username="alice").user_permissions.add(permission)


def begin_sending() -> str:
    """An upload of SENT of which half has arrived; gives its id."""
    alice, vault = User.objects.get(username="alice"), Vault.objects.select_related("subject", "keyring").get()
    upload = begin_upload(vault, vault.subject.life_stages.first(), "under way.mp4", len(SENT), by=alice)
    return str(receive(upload, 0, HALF, [SENT[:HALF]]).id)


def go_on_sending(upload_id: str) -> list:
    """Does as the browser does: asks how much has arrived, and sends the rest. [what was asked, whether it is whole]"""
    upload = Upload.objects.select_related("vault__keyring", "vault__subject", "life_stage", "user").get(id=upload_id)
    offset = standing(upload).offset
    receive(upload, offset, len(SENT) - offset, [SENT[offset:]])
    return [offset, objects.read(Footage.objects.get(filename="under way.mp4").content) == SENT]


def erase(number: str) -> list[str]:
    """Erases so many packs; gives their names."""
    gone = list(StoredObject.objects.filter(kind="pack").order_by("id")[: int(number)])
    names = [stored.name for stored in gone]
    for stored in gone:
        objects.erase(stored)
    return names


def store(number: str) -> list[str]:
    keyring = Vault.objects.get().keyring
    return [objects.store(keyring, "pack", os.urandom(5000)).name for _ in range(int(number))]


def bustle() -> None:
    """Stores and erases until it is killed: of what it has stored it keeps every third for good."""
    keyring = Vault.objects.get().keyring
    number = 0
    while True:
        number += 1
        stored = objects.store(keyring, "pack", os.urandom(3000))
        record("bustle", target=stored)
        if number % 3:
            objects.erase(stored)
        if number == 20:
            say("bustling")


def store_large() -> None:
    """One object of three segments."""
    objects.store(Vault.objects.get().keyring, "footage", os.urandom(5 * 2**19))


def seal() -> int:
    """Seals the vault by Alice's secondary password; how many objects are sealed by it."""
    alice, vault = User.objects.get(username="alice"), Vault.objects.get()
    safe.set_password(vault, SECONDARY, by=alice)
    job = claim(safe.seal(vault, by=alice, password=SECONDARY).id, "here")
    with Work(job) as work:
        safe.seal_vault(vault.id, work)
    return StoredObject.objects.filter(sealed=True).count()


def unseal() -> None:
    safe.unseal(Vault.objects.get(), by=User.objects.get(username="alice"), password=SECONDARY, hours=1)


def forget_a_migration() -> None:
    MigrationRecorder.Migration.objects.filter(app="accounts").delete()


def lose_a_key() -> None:
    """A keyring under a master key that is in nobody's file."""
    Keyring.objects.filter(id=keys.new_keyring("test").id).update(master_key_id="20200101-lost")


def facts() -> dict:
    """All that a backup must bring back, told without the serializer that it uses."""
    return {
        "rows": {model._meta.label: list(_rows(model)) for model in apps.get_models(include_auto_created=True) if _kept(model)},
        "plaintexts": {str(stored.id): _digest(stored) for stored in StoredObject.objects.select_related("keyring")},
        "chain holds": findings() == [],
        "entries": Entry.objects.count(),
    }


def _kept(model) -> bool:
    return model._meta.label not in {"sessions.Session", "contenttypes.ContentType", "auth.Permission", "admin.LogEntry"}


def _rows(model) -> Iterator[dict]:
    rows = model._base_manager.order_by("pk")
    if model is Entry:
        rows = rows.exclude(verb="backup restored")
    for row in rows:
        yield {field.attname: _plain(row, field) for field in model._meta.concrete_fields}


def _plain(row, field) -> object:
    if field.is_relation and field.related_model is Permission:
        return getattr(row, field.name).codename
    value = getattr(row, field.attname)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value if isinstance(value, dict | list) else repr(value)


def _digest(stored: StoredObject) -> str:
    return hashlib.sha256(objects.read(stored)).hexdigest()


VERBS: list[Callable] = [
    load,
    open_vault,
    film_something,
    recognise,
    give_a_permission,
    begin_sending,
    go_on_sending,
    erase,
    store,
    bustle,
    store_large,
    seal,
    unseal,
    forget_a_migration,
    lose_a_key,
    facts,
]

if __name__ == "__main__":
    verb = next(verb for verb in VERBS if verb.__name__ == sys.argv[1])
    say(json.dumps(verb(*sys.argv[2:])))
