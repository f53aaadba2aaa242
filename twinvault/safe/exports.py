"""Exports: all that a vault holds, as one ZIP that is put together while it is sent.

1. `ask`: by an owner who has just typed the secondary password. In a sealed safe it borrows the keys for itself alone.
2. `prepare_export`, a job: reads everything once, so that sizes and checksums are known, and leaves out what is damaged.
3. `open_zip`, as often as the browser asks for a range.
4. `end`: by the clock, by the owner, or by an erasure.
"""

import hashlib
import hmac
import json
import re
import secrets
import zlib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from twinvault.accounts.models import User
from twinvault.audit.export import as_json_lines
from twinvault.audit.queries import entries_of, oldest_first, people_in
from twinvault.audit.record import record
from twinvault.custody import archive as archives
from twinvault.custody import objects
from twinvault.custody.archive import Unlocked
from twinvault.custody.keys import KeyUnavailable
from twinvault.custody.models import LentKey, StoredObject
from twinvault.custody.stream import StreamDamaged
from twinvault.jobs.models import Job
from twinvault.jobs.services import OPEN, JobRefused, enqueue, stop
from twinvault.safe.holdings import holdings
from twinvault.safe.models import Export
from twinvault.safe.rows import dump
from twinvault.safe.zip_layout import Entry, ZipLayout, ZipReader
from twinvault.vaults.models import Vault

PREPARE = "prepare_export"
FORMAT, VERSION = "twinvault export", 1
KEPT_FOR = timedelta(hours=24)
PIECE = 2**20
# what is made anew whenever it is needed, or belongs to a training that is not over
NOT_EXPORTED = ("export", "checkpoint", "counts")
READ_ME = """This is everything that TwinVault kept in the vault “{name}” on {moment:%d %B %Y}.

originals/    footage as it was brought in        films/    finished films
twins/        learned faces                       other/    crops, measures, storyboards, previews
labels.json   who was seen where, in words        record/   who did what, and when
rows.jsonl, manifest.json                         what another TwinVault needs to take it in: manage.py import_vault

It is not encrypted any more. Keep it where you would keep the family's letters.
"""


class ExportOver(Exception):
    """The export cannot be sent (any more). The message is one sentence for the person."""


@transaction.atomic
def ask(vault: Vault, unlocked: Unlocked, *, by) -> tuple[Export, str]:
    """A new export, queued to be prepared, and the token that its download asks for."""
    token, until = secrets.token_urlsafe(32), timezone.now() + KEPT_FOR
    sealed = StoredObject.objects.filter(keyring_id=vault.keyring_id, sealed=True).exists()
    export = Export.objects.create(
        vault=vault,
        token_digest=_digest(token),
        lending=archives.lend(unlocked, until, general=False) if sealed else None,
        asked_by=by,
        until=until,
    )
    record("export asked for", actor=by, vault_id=vault.id, target=export)
    enqueue(PREPARE, export.id, queue="cpu", title=f"Put the export of {vault.name} together"[:200], vault=vault, user=by)
    return export, token


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def opens(export: Export, token: str) -> bool:
    return hmac.compare_digest(export.token_digest, _digest(token))


def prepare_export(export_id: UUID, work) -> None:
    """Job handler: reads everything that goes into an export once, and writes down what lies where in it.

    What is damaged or missing is left out and named in the manifest; the rest is not the worse for it.
    """
    export = Export.objects.select_related("vault__keyring", "lending").filter(id=export_id).first()
    if export is None or export.state != Export.State.PREPARING:
        raise JobRefused("This export was given up before it was put together.")
    _drop_parts(export)
    vault = export.vault
    held = list(_held(export))
    total, done = sum(stored.size for stored in held) or 1, 0
    names = _Paths(vault)
    manifest: dict = _head(export)
    entries: list[Entry] = []
    for number, stored in enumerate(held, start=1):
        path = names.of(stored)
        try:
            with objects.open_object(stored, export.lending) as reader:
                crc, sha256, size = 0, hashlib.sha256(), 0
                while piece := reader.read(PIECE):
                    crc, size = zlib.crc32(piece, crc), size + len(piece)
                    sha256.update(piece)
                    work.report(min((done + size) / total, 1.0) * 0.98, f"{number:,} of {len(held):,} objects read")
        except (StreamDamaged, KeyUnavailable, FileNotFoundError) as error:
            manifest["left_out"].append({"object": str(stored.id), "path": path, "kind": stored.kind, "why": str(error)})
        else:
            entries.append(Entry(path, size, crc, str(stored.id)))
            manifest["objects"][str(stored.id)] = {
                "path": path,
                "kind": stored.kind,
                "content_type": stored.content_type,
                "size": size,
                "sha256": sha256.hexdigest(),
            }
        done += stored.size
    texts = [_text(export, path, pieces) for path, pieces in _texts(export, manifest)]
    _finish(export, texts[:1] + entries + texts[1:], left_out=len(manifest["left_out"]))


def _held(export: Export) -> QuerySet[StoredObject]:
    """What the vault held when the export was asked for; what came into a sealed safe since was not lent to it."""
    rows = StoredObject.objects.filter(keyring_id=export.vault.keyring_id).exclude(kind__in=NOT_EXPORTED).exclude(wrapped_key=b"")
    lent = LentKey.objects.filter(lending_id=export.lending_id).values("stored_id")
    return rows.filter(Q(sealed=False) | Q(id__in=lent)).select_related("keyring").order_by("created_at", "id")


def _head(export: Export) -> dict:
    vault = export.vault
    people = {*User.objects.filter(memberships__vault=vault), *people_in(vault.id)}
    return {
        "format": FORMAT,
        "version": VERSION,
        "export": str(export.id),
        "made": export.asked_at.isoformat(),
        "vault": {"id": str(vault.id), "name": vault.name},
        "people": {
            str(person.pk): {"user_name": person.username, "e_mail": person.email, "name": person.get_full_name()}
            for person in people
        },
        "objects": {},
        "left_out": [],
    }


class _Paths:
    """Names for people: `originals/Adult years/a.mp4`. Each is given once, and holds nothing that a file system trips over."""

    def __init__(self, vault: Vault):
        self._wanted = {object_id: path for holding in holdings() for object_id, path in holding.paths(vault)}
        self._taken: set[str] = set()

    def of(self, stored: StoredObject) -> str:
        wanted = self._wanted.get(stored.id, f"other/{stored.kind}/{stored.id}")
        parts = [re.sub(r'[\x00-\x1f\x7f<>:"|?*\\]', "_", part).strip(". ")[:120] or "_" for part in wanted.split("/")]
        path = "/".join(parts)
        if path.casefold() in self._taken:
            folder, _, name = path.rpartition("/")
            path = f"{folder}/{str(stored.id)[:8]} {name}"
        self._taken.add(path.casefold())
        return path


def _texts(export: Export, manifest: dict) -> Iterator[tuple[str, Iterable[bytes]]]:
    """(path, pieces) of what is written for this export; the manifest comes last, since it names all others."""
    vault = export.vault
    yield "READ-ME.txt", [READ_ME.format(name=vault.name, moment=export.asked_at).encode()]
    for holding in holdings():
        for path, content in holding.texts(vault):
            yield path, [content]
    yield "record/record.jsonl", _record(vault)
    yield "rows.jsonl", (line for holding in holdings() for rows in holding.rows(vault) for line in dump(rows))
    yield "manifest.json", [json.dumps(manifest, indent=1, ensure_ascii=False).encode()]


def _text(export: Export, path: str, pieces: Iterable[bytes]) -> Entry:
    """Keeps a text as an encrypted object of the export."""
    crc = 0
    with objects.ObjectWriter(export.vault.keyring, "export") as writer:
        for piece in pieces:
            crc = zlib.crc32(piece, crc)
            writer.write(piece)
    assert writer.stored is not None
    export.parts.add(writer.stored)
    return Entry(path, writer.stored.size, crc, str(writer.stored.id))


def _finish(export: Export, entries: list[Entry], left_out: int) -> None:
    plan = json.dumps([[entry.path, entry.size, entry.crc, entry.source] for entry in entries]).encode()
    stored = objects.store(export.vault.keyring, "export", plan)
    size = ZipLayout(entries, export.asked_at).size
    with transaction.atomic():
        ready = Export.objects.filter(id=export.id, state=Export.State.PREPARING).update(
            state=Export.State.READY, plan=stored, size=size, left_out=left_out
        )
        if ready:
            record("export put together", vault_id=export.vault_id, target=export, bytes=size, left_out=left_out)
    if not ready:
        objects.erase(stored)
        _drop_parts(export)
        raise JobRefused("This export was given up while it was put together.")


def open_zip(export: Export) -> ZipReader:
    """The whole ZIP as a seekable reader. ExportOver if its time is over, or if something of it was erased since."""
    if export.state != Export.State.READY or export.plan is None or export.until <= timezone.now():
        raise ExportOver("This export is over: ask for a new one.")
    entries = [Entry(*row) for row in json.loads(objects.read(export.plan))]
    there = set(map(str, StoredObject.objects.filter(keyring_id=export.vault.keyring_id).values_list("id", flat=True)))
    if not there.issuperset(entry.source for entry in entries):
        raise ExportOver("Something in the vault was erased since this export was put together: ask for a new one.")

    def open_entry(entry: Entry):
        return objects.open_object(StoredObject.objects.select_related("keyring").get(id=entry.source), export.lending)

    return ZipReader(ZipLayout(entries, export.asked_at), open_entry)


@transaction.atomic
def end(export: Export, *, by=None) -> None:
    """Nothing can be downloaded any more; the keys that were borrowed for it are gone, and its own texts are erased."""
    if not Export.objects.filter(id=export.id).exclude(state=Export.State.OVER).update(state=Export.State.OVER):
        return
    for job in Job.objects.filter(kind=PREPARE, target_id=export.id, state__in=OPEN):
        stop(job)
    if export.lending:
        archives.take_back(export.lending)
    plan = StoredObject.objects.filter(id=export.plan_id).first()
    Export.objects.filter(id=export.id).update(plan=None, lending=None)
    objects.erase(plan)
    _drop_parts(export)
    record("export ended", actor=by, vault_id=export.vault_id, target=export)


def end_all(vault: Vault, *, by=None) -> None:
    """Ends every export of a vault that can still be downloaded, or is being put together."""
    for export in Export.objects.filter(vault=vault).exclude(state=Export.State.OVER).select_related("lending"):
        end(export, by=by)


def _drop_parts(export: Export) -> None:
    parts = list(export.parts.all())
    export.parts.clear()
    for stored in parts:
        objects.erase(stored)


def end_overdue() -> int:
    overdue = list(Export.objects.select_related("lending").filter(until__lte=timezone.now()).exclude(state=Export.State.OVER))
    for export in overdue:
        end(export)
    return len(overdue)


def _record(vault: Vault) -> Iterator[bytes]:
    return (line.encode() for line in as_json_lines(oldest_first(entries_of(vault.id))))
