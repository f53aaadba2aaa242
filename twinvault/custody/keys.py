"""Keys: a master key wraps working keys, a working key wraps file keys.

The master keys lie in one JSON file outside the data folder:

    {"current": id, "keys": {id: base64 of 32 bytes, ...}, "next": id of a key that was prepared, if one was}

New keyrings take the current one; the others open what they have wrapped. Whoever loses the file has lost everything that was
encrypted; whoever steals the data folder without it has stolen noise. `rotation` changes it while the site runs.
"""

import base64
import fcntl
import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import transaction

from twinvault.custody.models import Keyring


class KeyUnavailable(RuntimeError):
    """The master key file is missing, unreadable, or does not hold the key that is needed. For the operator."""


@dataclass
class KeyFile:
    """What stands in a master key file. `prepared` is the key that the next rotation takes."""

    current: str
    keys: dict[str, bytes]
    prepared: str | None = None

    @classmethod
    def parse(cls, text: str) -> "KeyFile":
        """ValueError, KeyError, TypeError or AttributeError if it is damaged."""
        content = json.loads(text)
        keys = {key_id: base64.b64decode(key, validate=True) for key_id, key in content["keys"].items()}
        file = cls(content["current"], keys, content.get("next"))
        if file.current not in keys or any(len(key) != 32 for key in keys.values()):
            raise ValueError("the current key is not in it, or a key is not 32 bytes long")
        if file.prepared is not None and file.prepared not in keys:
            raise ValueError("the next key is not in it")
        return file

    def text(self) -> str:
        content: dict = {
            "current": self.current,
            "keys": {key_id: base64.b64encode(key).decode() for key_id, key in self.keys.items()},
        }
        return json.dumps(content if self.prepared is None else content | {"next": self.prepared}, indent=1)

    def add(self, make_current: bool) -> str:
        """A fresh key, the current one or the prepared one; returns its id."""
        key_id = f"{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(3)}"
        self.keys[key_id] = os.urandom(32)
        if make_current:
            self.current = key_id
        else:
            self.prepared = key_id
        return key_id

    def take_prepared(self) -> str:
        """The prepared key becomes the current one."""
        assert self.prepared is not None
        self.current, self.prepared = self.prepared, None
        return self.current

    def remove(self, key_id: str) -> None:
        del self.keys[key_id]
        if self.prepared == key_id:
            self.prepared = None


def make_master_key_file(path: Path) -> str:
    """Writes a new master key file, readable by its owner only; returns the id of the key. FileExistsError if there is one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = KeyFile("", {})
    key_id = file.add(make_current=True)
    _write_new(path, file.text())
    return key_id


@contextmanager
def edit_key_file(path: Path) -> Iterator[KeyFile]:
    """Gives the content to be changed, and puts the changed file in the place of the old one on leaving.

    One process at a time edits it; those that read it find the old or the new one, whole, whenever the power fails. The new file
    has the owner and the mode of the old. KeyUnavailable if the file is missing or damaged, OSError if it cannot be replaced.
    """
    try:
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        raise KeyUnavailable(f"the folder of the master key file {path} cannot be read: {error.strerror}") from error
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        before = _read(path)
        file = KeyFile(before.current, dict(before.keys), before.prepared)
        yield file
        if file != before:
            _replace(path, file.text())
            os.fsync(folder)
    finally:
        os.close(folder)


def add_master_key(path: Path, make_current: bool) -> str:
    """Adds a fresh master key to the file; returns its id. One that is not made current is the one that comes next."""
    with edit_key_file(path) as file:
        return file.add(make_current)


def _write_new(path: Path, text: str, like: os.stat_result | None = None) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        if like is not None:
            # an operator who is root must not lock the site's own account out
            if (like.st_uid, like.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(descriptor, like.st_uid, like.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(like.st_mode))
        file.write(text)
        file.flush()
        os.fsync(descriptor)


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _write_new(fresh, text, like=path.stat())
        os.replace(fresh, path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def readable_by_group(path: Path) -> bool:
    return bool(path.stat().st_mode & stat.S_IRWXG)


def readable_by_others(path: Path) -> bool:
    return bool(path.stat().st_mode & stat.S_IRWXO)


def _read(path: Path) -> KeyFile:
    try:
        return KeyFile.parse(path.read_text())
    except OSError as error:
        raise KeyUnavailable(f"the master key file {path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyUnavailable(f"the master key file {path} is damaged: {error}") from error


@lru_cache(maxsize=4)
def _read_once(path: Path, _state: tuple[int, int, int]) -> KeyFile:
    return _read(path)


def key_file() -> KeyFile:
    """The master key file of this installation, read again whenever it changes. To be looked at; `edit_key_file` changes it."""
    path = settings.ENV.master_key_file
    try:
        found = path.stat()
    except OSError as error:
        raise KeyUnavailable(f"the master key file {path} cannot be read: {error.strerror}") from error
    # two changes within one tick of the clock are told apart by the file's number and size
    return _read_once(path, (found.st_mtime_ns, found.st_ino, found.st_size))


def master_keys() -> tuple[str, dict[str, bytes]]:
    """(id of the current key, all keys by id), read again whenever the file changes."""
    file = key_file()
    return file.current, file.keys


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
    keyring, working = Keyring(purpose=purpose), os.urandom(32)
    while True:
        keyring.master_key_id, _ = master_keys()
        keyring.wrapped_key = wrap_working_key(keyring, working, keyring.master_key_id)
        with transaction.atomic():
            keyring.save(force_insert=True)
            if still_there(keyring.master_key_id):
                return keyring
            transaction.set_rollback(True)


def still_there(key_id: str) -> bool:
    """Whether a master key that rows were just wrapped by was not retired meanwhile. To be asked in the transaction that wrote
    them: from then until its end the key cannot be retired (`rotation.retire` waits for those who write keyrings)."""
    return key_id in master_keys()[1]


def wrap_working_key(keyring: Keyring, working: bytes, key_id: str) -> bytes:
    _, keys = master_keys()
    if key_id not in keys:
        raise KeyUnavailable(f"master key {key_id} is not in {settings.ENV.master_key_file}")
    return seal(derive(keys[key_id], "wrap working keys"), working, f"keyring {keyring.id}")


def working_key(keyring: Keyring) -> bytes:
    _, keys = master_keys()
    if keyring.master_key_id not in keys:
        # it may have been in memory since before a rotation whose old key is retired by now
        keyring = Keyring.objects.filter(id=keyring.id).first() or keyring
    if keyring.master_key_id not in keys:
        raise KeyUnavailable(f"master key {keyring.master_key_id} is not in {settings.ENV.master_key_file}")
    return unseal(derive(keys[keyring.master_key_id], "wrap working keys"), keyring.wrapped_key, f"keyring {keyring.id}")


def wrap_file_key(keyring: Keyring, file_key: bytes, context: str) -> bytes:
    return seal(derive(working_key(keyring), "wrap file keys"), file_key, context)


def unwrap_file_key(keyring: Keyring, wrapped: bytes, context: str) -> bytes:
    return unseal(derive(working_key(keyring), "wrap file keys"), wrapped, context)
