"""From where a deed was done, and the chain under a key: what was written before is linked anew.

The chain was a plain SHA-256 before, which anybody with the database could make anew. So that an edit made then is not
covered up now, an entry at the end says how many entries were taken over, and the first of them that did not hold (0: all did).
"""

import hashlib
import json
import os

from django.db import migrations, models, transaction
from django.utils import timezone

from twinvault.audit import anchors
from twinvault.audit.chain import FIRST, PURPOSE, mac
from twinvault.custody import keys

BATCH = 500


def old_digest(entry) -> str:
    content = [
        entry.at.isoformat(),
        entry.actor_id,
        str(entry.vault_id or ""),
        entry.verb,
        entry.target,
        entry.details,
        entry.previous_digest,
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def new_digest(entry, key: bytes) -> str:
    content = [
        entry.id,
        entry.at.isoformat(),
        entry.actor_id,
        str(entry.vault_id or ""),
        entry.verb,
        entry.target,
        entry.details,
        entry.origin,
        entry.previous_digest,
    ]
    return mac(key, content)


def the_key(keyring_model) -> bytes:
    """As `custody.keys.new_keyring` does it, on the columns that the table has at this point."""
    keyring = keyring_model.objects.filter(purpose=PURPOSE).order_by("created_at", "id").first()
    if keyring is None:
        current, master = keys.master_keys()
        keyring = keyring_model(purpose=PURPOSE, master_key_id=current)
        wrapping = keys.derive(master[current], "wrap working keys")
        keyring.wrapped_key = keys.seal(wrapping, os.urandom(32), f"keyring {keyring.id}")
        keyring.save()
    return keys.derive(keys.working_key(keyring), "audit chain")


def link_anew(apps, schema_editor) -> None:
    Entry = apps.get_model("audit", "Entry")
    if not Entry.objects.exists():
        return
    key = the_key(apps.get_model("custody", "Keyring"))
    after, taken_over, first_broken = 0, 0, 0
    before, previous = FIRST, FIRST
    while batch := list(Entry.objects.filter(id__gt=after).order_by("id")[:BATCH]):
        for entry in batch:
            if not first_broken and (entry.previous_digest != before or entry.digest != old_digest(entry)):
                first_broken = entry.id
            before = entry.digest
            entry.previous_digest = previous
            entry.digest = previous = new_digest(entry, key)
        Entry.objects.bulk_update(batch, ["previous_digest", "digest"])
        after, taken_over = batch[-1].id, taken_over + len(batch)
    last = Entry(
        id=after + 1,
        at=timezone.now(),
        verb="record put under a key",
        target="record",
        details={"entries": taken_over, "first_broken": first_broken},
        origin="command migrate",
        previous_digest=previous,
    )
    last.digest = new_digest(last, key)
    last.save(force_insert=True)
    transaction.on_commit(lambda: anchors.append(last.id, last.digest), robust=True)


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0001_initial'),
        ('custody', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='entry',
            name='origin',
            field=models.CharField(blank=True, default='', max_length=120),
        ),
        migrations.RunPython(link_anew, migrations.RunPython.noop),
    ]
