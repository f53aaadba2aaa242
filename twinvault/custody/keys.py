"""Keys: a master key wraps working keys, a working key wraps file keys.

The master keys lie in one JSON file outside the data folder: {"current": id, "keys": {id: base64 of 32 bytes}}. Whoever loses
it has lost everything that was encrypted; whoever steals the data folder without it has stolen noise.
"""

import base64
import json
import os
import secrets
import stat
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from twinvault.custody.models import Keyring


class KeyUnavailable(RuntimeError):
    """The master key file is missing, unreadable, or does not hold the key that is needed. For the operator."""


def make_master_key_file(path: Path) -> str:
    """Writes a new master key file, readable by its owner only; returns the id of the key. FileExistsError if there is one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key_id = f"{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(3)}"
    content = {"current": key_id, "keys": {key_id: base64.b64encode(os.urandom(32)).decode()}}
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    return key_id


def readable_by_others(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


@lru_cache(maxsize=4)
def _read(path: Path, _changed: int) -> tuple[str, dict[str, bytes]]:
    try:
        content = json.loads(path.read_text())
        keys = {key_id: base64.b64decode(key, validate=True) for key_id, key in content["keys"].items()}
        current = content["current"]
        if current not in keys or any(len(key) != 32 for key in keys.values()):
            raise ValueError("the current key is not in it, or a key is not 32 bytes long")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyUnavailable(f"the master key file {path} is damaged: {error}") from error
    return current, keys


def master_keys() -> tuple[str, dict[str, bytes]]:
    """(id of the current key, all keys by id), read again whenever the file changes."""
    path = settings.ENV.master_key_file
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise KeyUnavailable(f"the master key file {path} cannot be read: {error.strerror}") from error
    return _read(path, changed)


def derive(key: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose only (HKDF-SHA256, RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"twinvault {purpose}".encode()).derive(key)


def seal(key: bytes, plain: bytes, context: str) -> bytes:
    """Encrypts a few bytes: 12 bytes nonce, then AES-256-GCM. `context` must be the same to open it."""
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, plain, context.encode())


def unseal(key: bytes, sealed: bytes, context: str) -> bytes:
    try:
        return AESGCM(key).decrypt(bytes(sealed[:12]), bytes(sealed[12:]), context.encode())
    except InvalidTag as error:
        raise KeyUnavailable(f"a wrapped key does not open ({context})") from error


def new_keyring(purpose: str) -> Keyring:
    """A saved keyring with a fresh working key under the current master key."""
    current, keys = master_keys()
    keyring = Keyring(purpose=purpose, master_key_id=current)
    keyring.wrapped_key = seal(derive(keys[current], "wrap working keys"), os.urandom(32), f"keyring {keyring.id}")
    keyring.save()
    return keyring


def working_key(keyring: Keyring) -> bytes:
    _, keys = master_keys()
    if keyring.master_key_id not in keys:
        raise KeyUnavailable(f"master key {keyring.master_key_id} is not in {settings.ENV.master_key_file}")
    return unseal(derive(keys[keyring.master_key_id], "wrap working keys"), keyring.wrapped_key, f"keyring {keyring.id}")


def wrap_file_key(keyring: Keyring, file_key: bytes, context: str) -> bytes:
    return seal(derive(working_key(keyring), "wrap file keys"), file_key, context)


def unwrap_file_key(keyring: Keyring, wrapped: bytes, context: str) -> bytes:
    return unseal(derive(working_key(keyring), "wrap file keys"), wrapped, context)
