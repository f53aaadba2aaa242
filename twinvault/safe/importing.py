"""Taking an export into this installation, byte for byte.

A ZIP is anybody's word. So every number, name and pointer in it is checked: an object must have the digest that the manifest
says, a row may only point to rows and objects of the same export, and nothing that is here already is touched.

1. The objects are stored, each under its old id, in a keyring of their own. A broken import goes on behind the last of them.
2. In one transaction come the vault and its rows; before that nobody sees anything.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from twinvault.accounts.models import User
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.custody.keys import new_keyring
from twinvault.custody.models import Keyring, StoredObject
from twinvault.custody.orphans import pointed_to_by_nobody
from twinvault.safe.exports import FORMAT, PIECE, VERSION
from twinvault.safe.holdings import holdings
from twinvault.safe.models import Import
from twinvault.vaults.models import Membership, Role, Vault

LARGEST_MANIFEST = 256 * 2**20
RECORD = "record/record.jsonl"


class ImportRefused(Exception):
    """The file cannot be imported. The message is one sentence for the person."""


@dataclass
class _Open:
    """An export that is being read, and what of it is here by now."""

    zip: zipfile.ZipFile
    manifest: dict
    owner: User
    people: dict[str, User] = field(default_factory=dict)
    stored: dict[str, StoredObject] = field(default_factory=dict)
    made: dict[type[models.Model], set[str]] = field(default_factory=dict)
    left_out: int = 0


def import_vault(path: Path, owner: User, progress: Callable[[int, int], None] = lambda _done, _total: None) -> Vault:
    """The vault of an export, owned by `owner`. ImportRefused if the file is no export, is damaged, or its vault is here already.

    `progress` hears bytes done and bytes in all.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _take_in(archive, owner, progress)
    except (zipfile.BadZipFile, EOFError) as error:
        raise ImportRefused(f"{path.name} is no ZIP file, or is damaged: {error}.") from error
    except OSError as error:
        if error.errno is None or not isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
            raise
        raise ImportRefused(f"{path} cannot be read: {error.strerror}.") from error


def _take_in(archive: zipfile.ZipFile, owner: User, progress) -> Vault:
    manifest = _manifest(archive)
    vault_id = _uuid(manifest["vault"].get("id"), "the vault's id")
    if Vault.objects.filter(id=vault_id).exists():
        raise ImportRefused("This vault is here already: an import touches nothing that is there.")
    taken = _begin(_uuid(manifest["export"], "the export's id"))
    opened = _Open(archive, manifest, owner, people=_people(manifest, owner))
    _store_objects(opened, taken.keyring, progress)
    return _make_rows(opened, taken, vault_id)


def _manifest(archive: zipfile.ZipFile) -> dict:
    try:
        if archive.getinfo("manifest.json").file_size > LARGEST_MANIFEST:
            raise ImportRefused("The manifest of this export is too large to be one.")
        manifest = json.loads(archive.read("manifest.json"))
        if manifest["format"] != FORMAT:
            raise KeyError("format")
        if manifest["version"] != VERSION:
            raise ImportRefused(f"This export has version {manifest['version']}; this TwinVault reads version {VERSION}.")
        for name in ("export", "vault", "people", "objects", "left_out"):
            manifest[name]
    except (KeyError, TypeError, ValueError) as error:
        raise ImportRefused("This file is no export of TwinVault: its manifest is missing or damaged.") from error
    return manifest


def _uuid(value: Any, what: str) -> UUID:
    try:
        return UUID(str(value))
    except ValueError as error:
        raise ImportRefused(f"The export is damaged: {what} is no id.") from error


def _begin(export_id: UUID) -> Import:
    taken = Import.objects.select_related("keyring").filter(id=export_id).first()
    if taken is None:
        with transaction.atomic():
            return Import.objects.create(id=export_id, keyring=new_keyring("vault"))
    if taken.done_at:
        raise ImportRefused("This export was imported here before.")
    return taken


def _people(manifest: dict, owner: User) -> dict[str, User]:
    """Who is who here: by e-mail address. Whoever has no account here is spoken for by the owner."""
    found = {}
    for key, person in manifest["people"].items():
        e_mail = str(person.get("e_mail", "")) if isinstance(person, dict) else ""
        found[key] = (User.objects.filter(email__iexact=e_mail).first() if e_mail else None) or owner
    return found


def _store_objects(opened: _Open, keyring: Keyring, progress) -> None:
    wanted = dict(opened.manifest["objects"])
    total = sum(int(one.get("size", 0)) for one in wanted.values()) or 1
    done = 0
    for key, one in wanted.items():
        object_id = _uuid(key, "an object's id")
        there = StoredObject.objects.filter(id=object_id).first()
        if there is None:
            there = _store(opened.zip, keyring, object_id, one)
        elif there.keyring_id != keyring.id:
            raise ImportRefused(f"{one.get('path')} is in another vault here already: an import touches nothing that is there.")
        opened.stored[str(object_id)] = there
        done += there.size
        progress(done, total)
    if RECORD in opened.zip.namelist():
        opened.stored["record"] = _store_record(opened, keyring)


def _store_record(opened: _Open, keyring: Keyring) -> StoredObject:
    object_id = uuid5(UUID(opened.manifest["export"]), RECORD)
    there = StoredObject.objects.filter(id=object_id, keyring=keyring).first()
    if there:
        return there
    with opened.zip.open(RECORD) as source, objects.ObjectWriter(keyring, "record", "application/jsonl", object_id) as writer:
        while piece := source.read(PIECE):
            writer.write(piece)
    assert writer.stored is not None
    return writer.stored


def _store(archive: zipfile.ZipFile, keyring: Keyring, object_id: UUID, one: dict) -> StoredObject:
    try:
        path, kind, digest, content_type = (str(one[name]) for name in ("path", "kind", "sha256", "content_type"))
        info = archive.getinfo(path)
        if info.file_size != one["size"]:
            raise KeyError(path)
    except (KeyError, TypeError) as error:
        raise ImportRefused(f"The export is damaged: the object {object_id} is not in it.") from error
    sha256 = hashlib.sha256()
    with archive.open(info) as source, objects.ObjectWriter(keyring, kind[:20], content_type[:80], object_id) as writer:
        while piece := source.read(PIECE):
            sha256.update(piece)
            writer.write(piece)
        if sha256.hexdigest() != digest:
            raise ImportRefused(f"{path} is not what the export says that it is: it was damaged or changed.")
    assert writer.stored is not None
    return writer.stored


@transaction.atomic
def _make_rows(opened: _Open, taken: Import, vault_id: UUID) -> Vault:
    name = str(opened.manifest["vault"].get("name") or "Imported")[:120]
    vault = Vault.objects.create(id=vault_id, name=name, keyring=taken.keyring)
    Membership.objects.create(vault=vault, user=opened.owner, role=Role.OWNER)
    opened.made[Vault] = {str(vault.id)}
    allowed = {model._meta.label_lower: model for holding in holdings() for model in holding.models}
    try:
        for line in _lines(opened.zip):
            _make_row(opened, allowed, line)
    except (KeyError, TypeError, ValueError, FieldDoesNotExist, ValidationError, IntegrityError) as error:
        raise ImportRefused(f"The export is damaged: a row in it cannot be used ({error}).") from error
    if not hasattr(vault, "subject"):
        raise ImportRefused("The export is damaged: it does not say whose face the vault keeps.")
    for holding in holdings():
        holding.imported(vault)
    Import.objects.filter(id=taken.id).update(vault=vault, done_at=timezone.now(), record=opened.stored.get("record"))
    # of rows that were left out
    for stored in pointed_to_by_nobody().filter(keyring=taken.keyring):
        objects.erase(stored)
    record("vault imported", actor=opened.owner, vault_id=vault.id, target=vault, export=str(taken.id), left_out=opened.left_out)
    return vault


def _lines(archive: zipfile.ZipFile) -> Iterator[dict]:
    with archive.open("rows.jsonl") as source:
        for line in source:
            yield json.loads(line)


def _make_row(opened: _Open, allowed: dict[str, type[models.Model]], line: dict) -> None:
    model = allowed[line["model"]]
    row = model()
    if not isinstance(model._meta.pk, models.AutoField):
        row.pk = model._meta.pk.to_python(line["pk"])
    many = {}
    for name, value in line["fields"].items():
        column = model._meta.get_field(name)
        if isinstance(column, models.ManyToManyField):
            many[name] = list(column.related_model.objects.filter(pk__in=value))
        elif isinstance(column, models.ForeignKey):
            found = _target(opened, column, value)
            if found is _MISSING:
                opened.left_out += 1
                return
            setattr(row, column.attname, found)
        elif column.concrete and not column.primary_key and not isinstance(column, models.BinaryField):
            setattr(row, column.attname, _checked(column, value, row))
    for name, value in line.get("words", {}).items():
        if not isinstance(getattr(model, name, None), property):
            raise ValueError(f"{line['model']} has no words {name}")
        setattr(row, name, str(value))
    # as it was: a row that is saved in the usual way would say that it was added today
    row.save_base(raw=True, force_insert=True)
    for name, rows in many.items():
        getattr(row, name).set(rows)
    opened.made.setdefault(model, set()).add(str(line["pk"]))


def _checked(column: models.Field, value: Any, row: models.Model) -> Any:
    """A value as its column takes it: its type, its length, its choices."""
    if value is None and not column.null:
        raise ValueError(f"{column.name} is missing")
    return value if value in column.empty_values else column.clean(value, row)


_MISSING = object()


def _target(opened: _Open, column: models.ForeignKey, value: Any) -> Any:
    """What a pointer points to here; None where that may be, _MISSING where the row cannot stand without it."""
    if value is None:
        return None
    missing = None if column.null else _MISSING
    target = column.related_model
    if target is User:
        return opened.people.get(str(value), opened.owner).pk
    if target is StoredObject:
        stored = opened.stored.get(str(value))
        return stored.pk if stored else missing
    if any(target in holding.models for holding in holdings()) or target is Vault:
        return column.to_python(value) if str(value) in opened.made.get(target, set()) else missing
    # the library is not exported: a template that is not here is not pointed to
    library = target._meta.app_label == "templates_library"
    return column.to_python(value) if library and target.objects.filter(pk=value).exists() else missing
