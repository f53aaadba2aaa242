"""What makes the record hold: each entry bears a digest of itself and of the one before, under a key that is not in the database.

The key is derived from a keyring of its own, so it survives a change of the master key, and whoever has only the database can
neither change an entry nor add one.
"""

import hmac
import json

from django.db import connection

from twinvault.audit.models import Entry
from twinvault.custody import keys
from twinvault.custody.models import Keyring

FIRST = "0" * 64
PURPOSE = "audit"
CHAIN_LOCK = 7253001


def hold() -> None:
    """Until the transaction ends nobody else appends to the chain. Call inside a transaction."""
    if connection.vendor == "postgresql":
        # two writers at once would otherwise both follow the same entry; SQLite has one writer anyway
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHAIN_LOCK])


def keyring() -> Keyring | None:
    """The record's own keyring; None before the first entry."""
    return Keyring.objects.filter(purpose=PURPOSE).order_by("created_at", "id").first()


def key_of(keyring: Keyring) -> bytes:
    """The key of the digests, 32 bytes. KeyUnavailable if the master key is not at hand or the keyring is not one of ours."""
    return keys.derive(keys.working_key(keyring), "audit chain")


def key_to_write() -> bytes:
    """The same, made with its keyring for the first entry. Call while you `hold` the chain."""
    return key_of(keyring() or keys.new_keyring(PURPOSE))


def mac(key: bytes, content: list) -> str:
    """HMAC-SHA256 of a list of plain values, hex."""
    # somebody with SQL may put into a column what we never would; that has a digest, too, and not the one of any entry of ours
    written = json.dumps(content, sort_keys=True, default=lambda value: {type(value).__name__: str(value)})
    return hmac.digest(key, written.encode(), "sha256").hex()


def digest_of(entry: Entry, key: bytes) -> str:
    """What `entry.digest` must be: it covers every other column."""
    content = [
        entry.id,
        entry.at.isoformat() if entry.at else None,
        entry.actor_id,
        str(entry.vault_id or ""),
        entry.verb,
        entry.target,
        entry.details,
        entry.origin,
        entry.previous_digest,
    ]
    return mac(key, content)
