"""Verbs on uploads, in the order of their life.

1. `begin_upload`: the row, and a file that holds nothing but the header of its encrypted stream.
2. `receive`, as often as it takes: bytes are encrypted as they arrive; what came before a disconnect or a full disk is kept.
3. With the last byte: fingerprint, then either footage with its analysis queued, or a refusal. Of a sidecar only what it says
   is kept.
4. Or `discard`, by the person or by the clock.
"""

import logging
import shutil
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from acquisition.dating.sidecars import LARGEST as LARGEST_SIDECAR
from acquisition.dating.sidecars import is_sidecar
from acquisition.files import clean_filename, clean_folder, content_type_for
from acquisition.models import Upload
from acquisition.services import FootageRefused, keep_footage
from acquisition.sidecars import SidecarRefused, keep_sidecar
from acquisition.uploads.errors import BadRequest, Busy, DiskFull, Gone, TooLarge, UploadRefused, WrongOffset
from acquisition.uploads.incoming import Incoming, arrived, new_wrapped_key
from acquisition.uploads.lease import Lease
from twinvault.audit.record import record
from twinvault.custody.objects import fingerprint, incoming_path
from twinvault.custody.stream import DecryptingReader
from twinvault.vaults.consents import require_consent
from twinvault.vaults.models import LifeStage, Vault

log = logging.getLogger(__name__)


def _expiry():
    return timezone.now() + timedelta(seconds=settings.ENV.upload_expires_s)


def begin_upload(
    vault: Vault, life_stage: LifeStage | None, filename: str, length: int, *, by, folder: str = "", batch: UUID | None = None
) -> Upload:
    """Announces a file of `length` bytes, for a stage of life or for the one that its date says.

    UploadRefused if it is empty, too large or finds no room; NotAllowed if no consent.
    """
    require_consent(vault.subject)
    filename = clean_filename(filename)
    limit = settings.ENV.upload_limit
    if length <= 0:
        raise BadRequest(f"{filename} is empty: there is nothing in it to keep.")
    if length > limit:
        raise TooLarge(
            f"{filename} is {filesizeformat(length)} large; this server takes files of up to {filesizeformat(limit)}. "
            "Cut it into shorter pieces, or ask the operator to raise the limit."
        )
    if is_sidecar(filename) and length > LARGEST_SIDECAR:
        raise TooLarge(f"{filename} is too large to be a file that says when footage was filmed.")
    upload_id = uuid4()
    path = incoming_path(upload_id)
    if shutil.disk_usage(path.parent).free < length:
        raise DiskFull
    upload = Upload(
        id=upload_id,
        vault=vault,
        life_stage=life_stage,
        user=by,
        filename=filename,
        folder=clean_folder(folder),
        batch=batch,
        length=length,
        wrapped_key=new_wrapped_key(upload_id, vault.keyring),
        expires_at=_expiry(),
    )
    try:
        with Incoming(upload) as incoming:
            state = incoming.state()
        upload.offset, upload.tail = state["offset"], state["tail"]
        upload.save(force_insert=True)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return upload


def require_open(upload: Upload) -> None:
    """UploadRefused if the upload was refused, or has expired before it was whole."""
    if upload.refusal:
        raise UploadRefused(upload.refusal)
    if upload.offset < upload.length and upload.expires_at < timezone.now():
        raise Gone(f"The upload of {upload.filename} was left alone for too long and is no longer kept: begin it again.")


def receive(upload: Upload, offset: int, announced: int, pieces: Iterable[bytes]) -> Upload:
    """Takes in `announced` bytes from `offset` on; fewer come if the connection breaks, and those are kept.

    Gives the upload back as it stands, with its footage if it is whole. UploadRefused, most often as WrongOffset, Busy, or the
    refusal of the whole file; OSError, or the database's error, if the disk is full, in which case what fits is kept.
    """
    require_open(upload)
    with Lease(upload.id) as lease:
        upload.refresh_from_db(fields=["offset", "tail", "footage", "refusal", "said"])
        require_open(upload)
        if upload.footage_id or upload.said:
            raise WrongOffset(f"{upload.filename} has arrived completely: there is nothing to add.")
        with Incoming(upload) as incoming:
            if offset != incoming.size:
                raise WrongOffset(f"{incoming.size} bytes of {upload.filename} have arrived: go on from there.")
            if offset + announced > upload.length:
                raise BadRequest(f"{upload.filename} was announced with {upload.length} bytes; this would be more.")
            try:
                for piece in pieces:
                    lease.renew_if_due()
                    incoming.write(piece)
            finally:
                lease.save(**incoming.state(), expires_at=_expiry())
            if incoming.size == upload.length:
                _complete(upload, incoming, lease)
    upload.refresh_from_db()
    return upload


def standing(upload: Upload) -> Upload:
    """The upload with its `offset` as far as it is safe. One that is whole but was never completed is completed now.

    UploadRefused if it was refused, has expired, or (Busy) is being written.
    """
    require_open(upload)
    if upload.footage_id or upload.said:
        return upload
    if upload.offset == upload.length:
        return _complete_late(upload)
    if upload.writing_until and upload.writing_until > timezone.now():
        raise Busy
    upload.offset = arrived(upload)
    return upload


class _KeepsLease:
    """Reads through a reader, and renews the lease while that takes its time."""

    def __init__(self, reader: DecryptingReader, lease: Lease):
        self._reader, self._lease = reader, lease

    def read(self, size: int = -1) -> bytes:
        self._lease.renew_if_due()
        return self._reader.read(size)


def _complete(upload: Upload, incoming: Incoming, lease: Lease) -> None:
    """Ends an upload whose bytes are all there: footage, or a refusal that is remembered. Safe to run again after a crash."""
    incoming.finish()
    if is_sidecar(upload.filename):
        _complete_sidecar(upload, incoming, lease)
        return
    with incoming.reader() as reader:
        digest = fingerprint(upload.vault.keyring, _KeepsLease(reader, lease))
    try:
        with transaction.atomic():
            footage = keep_footage(
                upload.vault,
                upload.life_stage,
                upload.filename,
                digest,
                lambda: incoming.keep(content_type_for(upload.filename)),
                by=upload.user,
                folder=upload.folder,
                batch=upload.batch,
            )
            # the key is wrapped in the object's own row now, and in a sealed safe only there
            lease.save(footage=footage, tail=b"", wrapped_key=b"")
    except FootageRefused as refusal:
        raise _refused(upload, lease, str(refusal)) from refusal


def _complete_sidecar(upload: Upload, incoming: Incoming, lease: Lease) -> None:
    """Notes what a file says of others, and forgets the file."""
    try:
        with incoming.reader() as reader, transaction.atomic():
            said = keep_sidecar(upload.vault, upload.filename, reader, folder=upload.folder, batch=upload.batch)
            lease.save(said=said[:500], tail=b"", wrapped_key=b"")
            transaction.on_commit(lambda: incoming_path(upload.id).unlink(missing_ok=True))
    except SidecarRefused as refusal:
        raise _refused(upload, lease, str(refusal)) from refusal


def _refused(upload: Upload, lease: Lease, sentence: str) -> UploadRefused:
    with transaction.atomic():
        lease.save(refusal=sentence[:500], tail=b"", wrapped_key=b"")
        record("upload refused", actor=upload.user, vault_id=upload.vault_id, target=upload)
        transaction.on_commit(lambda: incoming_path(upload.id).unlink(missing_ok=True))
    return UploadRefused(sentence)


def discard(upload: Upload) -> None:
    """Forgets an upload and what has arrived of it; footage that it became stays. Busy while somebody writes to it."""
    with Lease(upload.id), transaction.atomic():
        path = incoming_path(upload.id)
        upload.delete()
        transaction.on_commit(lambda: path.unlink(missing_ok=True))


def expire_uploads() -> tuple[int, int]:
    """Discards uploads whose time is over, and files in the incoming folder that nothing knows of any more: how many of each.

    One that is whole and waits only for its completion is completed instead. One that is being written is left alone.
    """
    uploads = Upload.objects.filter(expires_at__lt=timezone.now()).select_related("vault__keyring", "vault__subject", "user")
    discarded = 0
    for upload in uploads.iterator():
        try:
            if upload.footage_id is None and not upload.refusal and not upload.said and upload.offset == upload.length:
                _complete_late(upload)
            else:
                discard(upload)
                discarded += 1
        except UploadRefused as error:
            log.info("upload %s is kept for now: %s", upload.id, error)
    return discarded, _sweep_incoming()


def _complete_late(upload: Upload) -> Upload:
    """Completes an upload whose last request ended after the last byte and before the footage."""
    with Lease(upload.id) as lease:
        upload.refresh_from_db(fields=["offset", "tail", "footage", "refusal", "said"])
        require_open(upload)
        if upload.footage_id is None and not upload.said:
            with Incoming(upload) as incoming:
                upload.offset = incoming.size
                if incoming.size == upload.length:
                    _complete(upload, incoming, lease)
                    upload.refresh_from_db()
    return upload


def _sweep_incoming() -> int:
    """Removes what a killed process left half written, once it is older than any upload may be."""
    known = {str(upload_id) for upload_id in Upload.objects.values_list("id", flat=True)}
    oldest = timezone.now().timestamp() - settings.ENV.upload_expires_s
    swept = 0
    for path in incoming_path(uuid4()).parent.iterdir():
        if path.name not in known and path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
            swept += 1
    return swept
