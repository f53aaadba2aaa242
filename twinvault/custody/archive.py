"""Sealing: file keys of sources are wrapped to a public key whose private half only the owner's secondary password opens.

1. `make_archive`: a key pair; the private half locked by the password and by a recovery code, which is given out once.
2. `begin_sealing`, `seal_some` as often as it takes, `end_sealing`: the old wraps are overwritten. From the first step on new
   sources are wrapped to the public key as they come (`wrap_for`).
3. `unlock`: the private half, in memory, for whoever has the password or the code. Wrong ones are slowed down.
4. `lend`: for a time the server may read. `take_back` and `close_overdue` end it.

HPKE is RFC 9180 (X25519, HKDF-SHA256, AES-256-GCM), Argon2id is RFC 9106 with its second recommended parameters.
"""

import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from twinvault.custody import keys
from twinvault.custody.models import SOURCE_KINDS, Archive, Keyring, Lending, LentKey, StoredObject

SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
MEMORY_KIB, PASSES, LANES = 64 * 1024, 3, 4
# Crockford's alphabet: no letter that is easily taken for another
CODE_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_GROUPS, CODE_GROUP = 6, 5
BATCH = 500
FREE_TRIES = 3
LONGEST_WAIT = timedelta(minutes=15)


class ObjectSealed(RuntimeError):
    """The object is sealed, and the safe is not unsealed at the moment. The message is one sentence for the person."""

    def __init__(self) -> None:
        super().__init__("This is sealed: the owner of the safe unseals it with the secondary password before it can be used.")


class WrongSecret(Exception):
    """Neither the password nor the code opens the archive."""


class TooSoon(Exception):
    """After wrong passwords the next try has to wait. `until` says how long."""

    def __init__(self, until: datetime):
        super().__init__(f"not before {until}")
        self.until = until


@dataclass(frozen=True)
class Unlocked:
    """An archive with its private half, for as long as one request lasts."""

    archive: Archive
    private: X25519PrivateKey


def context_of(object_id: UUID) -> str:
    """What binds a file key and a stream to their object: neither opens under another's id."""
    return f"object {object_id}"


def archive_of(keyring: Keyring) -> Archive | None:
    return Archive.objects.select_related("keyring").filter(keyring_id=keyring.id).first()


# locks


def new_code() -> str:
    """150 random bits as a person can write them down: AAAAA-BBBBB-...."""
    groups = ["".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_GROUP)) for _ in range(CODE_GROUPS)]
    return "-".join(groups)


def plain_code(typed: str) -> str:
    """What was meant: case, spaces, dashes and letters that look alike do not matter."""
    return typed.upper().translate(str.maketrans("OIL", "011", " -–\t\r\n"))


def _by_password(archive: Archive, password: str) -> bytes:
    kdf = Argon2id(
        salt=bytes(archive.salt),
        length=32,
        iterations=archive.passes,
        lanes=archive.lanes,
        memory_cost=archive.memory_kib,
    )
    return kdf.derive(password.encode())


def _by_code(archive: Archive, code: str) -> bytes:
    return keys.derive(plain_code(code).encode() + bytes(archive.salt), "recovery code")


def _lock(archive: Archive, private: X25519PrivateKey, password: str) -> str:
    """Locks the private half anew, with a fresh salt and a fresh code; returns the code. The row is not saved."""
    code = new_code()
    archive.salt = os.urandom(16)
    archive.memory_kib, archive.passes, archive.lanes = MEMORY_KIB, PASSES, LANES
    outer = keys.derive(keys.working_key(archive.keyring), "archive locks")
    for field, key in (("locked_by_password", _by_password(archive, password)), ("locked_by_code", _by_code(archive, code))):
        inner = keys.seal(key, private.private_bytes_raw(), f"{field} of {archive.keyring_id}")
        setattr(archive, field, keys.seal(outer, inner, f"outer {field} of {archive.keyring_id}"))
    return code


def _open(archive: Archive, field: str, key: bytes) -> X25519PrivateKey:
    outer = keys.derive(keys.working_key(archive.keyring), "archive locks")
    inner = keys.unseal(outer, getattr(archive, field), f"outer {field} of {archive.keyring_id}")
    try:
        raw = keys.unseal(key, inner, f"{field} of {archive.keyring_id}")
    except keys.KeyUnavailable as error:
        raise WrongSecret from error
    return X25519PrivateKey.from_private_bytes(raw)


def make_archive(keyring: Keyring, password: str) -> tuple[Archive, str]:
    """A saved archive of this keyring, and its recovery code, which is kept nowhere. IntegrityError if there is one already."""
    private = X25519PrivateKey.generate()
    archive = Archive(keyring=keyring, public_key=private.public_key().public_bytes_raw())
    code = _lock(archive, private, password)
    archive.save(force_insert=True)
    return archive, code


def relock(unlocked: Unlocked, password: str) -> str:
    """Another password; the old one and the old recovery code open nothing any more. Returns the new code."""
    archive = unlocked.archive
    code = _lock(archive, unlocked.private, password)
    archive.save(update_fields=["salt", "memory_kib", "passes", "lanes", "locked_by_password", "locked_by_code"])
    return code


def unlock(archive: Archive, *, password: str = "", code: str = "") -> Unlocked:
    """The private half. WrongSecret, or TooSoon while earlier wrong tries hold the next one back.

    A try is counted before it is made, by compare and swap, so that many at once gain nothing. Call outside a transaction:
    a failed try must stay counted.
    """
    _count_try(archive)
    if code:
        private = _open(archive, "locked_by_code", _by_code(archive, code))
    else:
        private = _open(archive, "locked_by_password", _by_password(archive, password))
    Archive.objects.filter(keyring_id=archive.keyring_id).update(wrong_tries=0, next_try_at=None)
    return Unlocked(archive, private)


def _count_try(archive: Archive) -> None:
    archive.refresh_from_db()
    now = timezone.now()
    if archive.next_try_at and archive.next_try_at > now:
        raise TooSoon(archive.next_try_at)
    wrong = archive.wrong_tries + 1
    wait = timedelta(0) if wrong < FREE_TRIES else min(LONGEST_WAIT, timedelta(seconds=5 * 2 ** min(wrong - FREE_TRIES, 12)))
    counted = Archive.objects.filter(
        keyring_id=archive.keyring_id, wrong_tries=archive.wrong_tries, next_try_at=archive.next_try_at
    ).update(wrong_tries=min(wrong, 1000), next_try_at=now + wait)
    if not counted:
        raise TooSoon(now + timedelta(seconds=1))


# sealing


def wrap_to(archive: Archive, file_key: bytes, object_id: UUID) -> bytes:
    """A file key wrapped to the archive's public key: 80 bytes."""
    return SUITE.encrypt(file_key, X25519PublicKey.from_public_bytes(bytes(archive.public_key)), context_of(object_id).encode())


def unwrap_from(unlocked: Unlocked, stored: StoredObject) -> bytes:
    try:
        return SUITE.decrypt(bytes(stored.wrapped_key), unlocked.private, context_of(stored.id).encode())
    except (InvalidTag, ValueError) as error:
        raise keys.KeyUnavailable(f"the key of {stored} does not open with its archive") from error


@dataclass(frozen=True)
class Wrap:
    """How the file key of one object is kept."""

    wrapped_key: bytes
    sealed: bool
    lent: list[LentKey]


def wrap_for(keyring: Keyring, kind: str, object_id: UUID, file_key: bytes) -> Wrap:
    """The wrap of a new object's file key. Call in the transaction that saves the object: sealing waits for it.

    In a sealed safe a source goes straight in; while the safe is unsealed, what comes in can be read until it is closed again.
    """
    archive = None
    if kind in SOURCE_KINDS:
        archive = Archive.objects.select_for_update().filter(keyring_id=keyring.id).exclude(state=Archive.State.OPEN).first()
    if archive is None:
        return Wrap(keys.wrap_file_key(keyring, file_key, context_of(object_id)), sealed=False, lent=[])
    lendings = archive.lendings.filter(general=True, until__gt=timezone.now())
    lent = [LentKey(lending=one, wrapped_key=_wrap_lent(_lending_key(keyring, one), file_key, object_id)) for one in lendings]
    return Wrap(wrap_to(archive, file_key, object_id), sealed=True, lent=lent)


def begin_sealing(archive: Archive) -> bool:
    """From now on new sources are wrapped to the public key. False if the archive is not open."""
    begun = Archive.objects.filter(keyring_id=archive.keyring_id, state=Archive.State.OPEN).update(state=Archive.State.SEALING)
    return bool(begun)


def unsealed_sources(keyring: Keyring):
    """Sources whose keys the server still holds."""
    return StoredObject.objects.filter(keyring=keyring, kind__in=SOURCE_KINDS, sealed=False).exclude(wrapped_key=b"")


@transaction.atomic
def seal_some(archive: Archive) -> int:
    """Wraps up to BATCH more sources to the public key and overwrites their old wraps; returns how many, 0 at the end."""
    keyring = archive.keyring
    wrapping = keys.derive(keys.working_key(keyring), "wrap file keys")
    batch = list(unsealed_sources(keyring).select_for_update().only("id", "wrapped_key")[:BATCH])
    for stored in batch:
        file_key = keys.unseal(wrapping, stored.wrapped_key, context_of(stored.id))
        stored.wrapped_key, stored.sealed = wrap_to(archive, file_key, stored.id), True
    StoredObject.objects.bulk_update(batch, ["wrapped_key", "sealed"])
    return len(batch)


@transaction.atomic
def end_sealing(archive: Archive) -> bool:
    """Sealed, unless some source is not yet (False)."""
    Archive.objects.select_for_update().get(keyring_id=archive.keyring_id)
    if unsealed_sources(archive.keyring).exists():
        return False
    Archive.objects.filter(keyring_id=archive.keyring_id, state=Archive.State.SEALING).update(
        state=Archive.State.SEALED, sealed_at=timezone.now()
    )
    return True


def _sealed(archive: Archive):
    return StoredObject.objects.filter(keyring_id=archive.keyring_id, sealed=True).exclude(wrapped_key=b"")


# lending


def _lending_key(keyring: Keyring, lending: Lending) -> bytes:
    key = keys.derive(keys.working_key(keyring), "lendings")
    return keys.unseal(key, lending.wrapped_key, f"lending {lending.id}")


def _wrap_lent(lending_key: bytes, file_key: bytes, object_id: UUID) -> bytes:
    return keys.seal(lending_key, file_key, context_of(object_id))


def lend(unlocked: Unlocked, until: datetime, *, general: bool) -> Lending:
    """Lets the server read everything that is sealed until then. A general one takes the place of the one before.

    Nothing can be read by it before its last step, so that a broken one leaves the safe closed.
    """
    archive = unlocked.archive
    lending_key = os.urandom(32)
    with transaction.atomic():
        Archive.objects.select_for_update().get(keyring_id=archive.keyring_id)
        if general:
            archive.lendings.filter(general=True).delete()
        lending = Lending(archive=archive, general=general, until=until)
        lending.wrapped_key = keys.seal(
            keys.derive(keys.working_key(archive.keyring), "lendings"), lending_key, f"lending {lending.id}"
        )
        lending.save(force_insert=True)
        rows = (
            LentKey(
                lending=lending,
                stored_id=stored.id,
                wrapped_key=_wrap_lent(lending_key, unwrap_from(unlocked, stored), stored.id),
            )
            for stored in _sealed(archive).only("id", "kind", "wrapped_key").iterator(BATCH)
        )
        LentKey.objects.bulk_create(rows, batch_size=BATCH)
        if general:
            Archive.objects.filter(keyring_id=archive.keyring_id).update(unsealed_until=until)
    return lending


@transaction.atomic
def take_back(lending: Lending) -> bool:
    """Ends a lending now. False if somebody else has done so already."""
    deleted, _ = Lending.objects.filter(id=lending.id).delete()
    if deleted and lending.general:
        Archive.objects.filter(keyring_id=lending.archive_id).update(unsealed_until=None)
    return bool(deleted)


def overdue() -> QuerySet[Lending]:
    """Lendings whose time is over. Nothing is readable by them any more, whether they were ended or not."""
    return Lending.objects.filter(until__lte=timezone.now())


def close_overdue() -> list[Lending]:
    """Ends every lending whose time is over, and gives those that it ended."""
    return [lending for lending in list(overdue()) if take_back(lending)]


def file_key_of(stored: StoredObject, lending: Lending | None = None) -> bytes:
    """The key that opens an object. ObjectSealed if it is sealed and nothing lends it; KeyUnavailable if it was destroyed.

    `lending` names one that is not general.
    """
    if not stored.wrapped_key:
        raise keys.KeyUnavailable(f"the key of {stored} was destroyed")
    if not stored.sealed:
        return keys.unwrap_file_key(stored.keyring, stored.wrapped_key, context_of(stored.id))
    lent = LentKey.objects.select_related("lending").filter(stored_id=stored.id, lending__until__gt=timezone.now())
    lent = lent.filter(lending=lending) if lending else lent.filter(lending__general=True)
    found = lent.first()
    if found is None:
        raise ObjectSealed
    return keys.unseal(_lending_key(stored.keyring, found.lending), found.wrapped_key, context_of(stored.id))
