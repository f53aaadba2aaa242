"""Looking for faces in footage: cut into segments, which whichever workers are free look at, and joined at the end.

1. `analyse_footage` plans the segments and asks for help with them.
2. It looks at one segment after the other that nobody has taken; so does every helper (`help_look`) that a worker is free for.
3. What a segment holds is stored encrypted as soon as it is done. A worker that dies leaves its segment to the others; a look
   that was stopped goes on where it was.
4. When all are done the first joins them (see `joining`), and only then takes the place of what was seen before.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from acquisition.dates import date_footage
from acquisition.models import Footage
from acquisition.services import ANALYSE
from processing.datasets import wanted
from processing.engine.analysis import AnalysisSettings, FaceObservation, analyse
from processing.engine.decoding import Decoder, open_media
from processing.engine.frames import MediaError, MediaInfo
from processing.engine.pack import PackWriter, dump_descriptors, tabulate
from processing.erasure import forget_analysis, forget_look
from processing.joining import join
from processing.models import Segment
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.custody.models import StoredObject
from twinvault.jobs import sharing
from twinvault.jobs.services import JobRefused, JobStopped
from twinvault.vaults.consents import require_consent
from twinvault.vaults.models import Subject, Vault
from twinvault.vaults.services import NotAllowed

HELP = "help_look"
SEGMENT_S = 120.0
ASK_AGAIN_S = 0.3


class NoFace(MediaError):
    """The footage can be read, and nobody is in it."""


def analyse_footage(footage_id: UUID, work) -> None:
    """Job handler: finds the faces in one piece of footage and sorts them into people. Running it again replaces what was found.

    Without a consent in force nothing is looked at. Footage that cannot be read or shows no face is marked as refused, with the
    reason; JobRefused says the same. All new faces wait until somebody says who they are.
    """
    footage = _footage(footage_id)
    if footage is None:
        raise JobRefused("This footage was removed before it could be looked at.")
    _consent_or_refuse(footage)
    try:
        with Decoder() as decoder:
            info = _plan(footage, decoder)
            _ask_for_help(footage)
            _look_at_free(footage, decoder, work)
            _wait_for_the_others(footage, decoder, work)
        try:
            _end(footage, info)
        except NotAllowed:
            _consent_or_refuse(footage)
            raise
    except MediaError as error:
        _refuse(footage, str(error), "no face" if isinstance(error, NoFace) else "unreadable")
        raise JobRefused(str(error)) from error
    finally:
        _send_helpers_home(footage)


def help_look(segment_id: UUID, work) -> None:
    """Job handler: looks at segments of a footage that somebody else looks at, too, as long as there are any."""
    segment = Segment.objects.filter(id=segment_id, analysis=None).first()
    footage = _footage(segment.footage_id) if segment else None
    if footage is not None and _is_looked_at(footage):
        with Decoder() as decoder:
            _look_at_free(footage, decoder, work)


def _footage(footage_id: UUID) -> Footage | None:
    related = "vault__keyring", "vault__subject", "content__keyring", "life_stage__subject__vault"
    return Footage.objects.select_related(*related).filter(id=footage_id).first()


def _is_looked_at(footage: Footage) -> bool:
    return sharing.is_worked_at(ANALYSE, footage.id)


def _consent_or_refuse(footage: Footage) -> None:
    """Without a consent in force nothing is kept of what was seen so far. Not to be called in a transaction, which would end."""
    try:
        require_consent(footage.vault.subject, footage.life_stage)
    except NotAllowed as error:
        with transaction.atomic():
            forget_look(footage)
        raise JobRefused(str(error)) from error


def _plan(footage: Footage, decoder: Decoder) -> MediaInfo:
    """Makes the segments, unless a look that did not end has made them already, and notes what the tags say of the time."""
    with objects.open_object(footage.content) as source:
        date_footage(footage, source)
        with open_media(source, decoder=decoder) as media:
            info = media.info
            if not footage.segments.filter(analysis=None).exists():
                rows = [
                    Segment(footage=footage, number=number, starts=starts, ends=ends if math.isfinite(ends) else None)
                    for number, (starts, ends) in enumerate(media.segments(SEGMENT_S))
                ]
                Segment.objects.bulk_create(rows, ignore_conflicts=True)
    return info


def _undone(footage: Footage) -> QuerySet[Segment]:
    return footage.segments.filter(analysis=None, looked_at=None)


def _ask_for_help(footage: Footage) -> None:
    sharing.ask_for_help(HELP, _undone(footage).order_by("number"), queue="cpu", title="Help to look for faces")


def _send_helpers_home(footage: Footage) -> None:
    sharing.send_helpers_home(HELP, footage.segments)


def _look_at_free(footage: Footage, decoder: Decoder, work) -> None:
    def still_wanted() -> bool:
        _consent_or_refuse(footage)
        return _is_looked_at(footage)

    sharing.work_through(_undone(footage), work.job.id, lambda segment: _look_at(footage, segment, decoder, work), still_wanted)


def _look_at(footage: Footage, segment: Segment, decoder: Decoder, work) -> None:
    """Looks at one segment and stores what it holds. What cannot be read of a later segment is told by how far it was read."""
    eye = _Progress(footage, segment, work)
    found: list[FaceObservation] = []
    places: list[tuple[int, int, int]] = []
    stored: list[StoredObject] = []
    try:
        with objects.ObjectWriter(footage.vault.keyring, "pack") as writer:
            pack = PackWriter(writer.write)
            for face in _faces(footage, segment, decoder, eye):
                places.append(pack.add_masked(face.crop, face.mask))
                found.append(replace(face, crop=face.crop[:0].copy(), mask=None))
            if not found:
                raise _Nobody
        stored.append(writer.stored)
        stored.append(objects.store(footage.vault.keyring, "descriptors", dump_descriptors(tabulate(found))))
    except _Nobody:
        pass
    except BaseException:
        for each in stored:
            objects.erase(each)
        raise
    pack, descriptors = stored or (None, None)
    held = Segment.objects.filter(id=segment.id, taken_by=work.job.id, looked_at=None).update(
        pack=pack,
        descriptors=descriptors,
        places=places,
        frames_seen=eye.frames,
        reached=eye.reached,
        looked_at=timezone.now(),
    )
    if not held:
        for each in stored:
            objects.erase(each)


class _Nobody(Exception):
    """Ends the writing of a pack that nothing is in."""


def _faces(footage: Footage, segment: Segment, decoder: Decoder, eye: "_Progress") -> Iterator[FaceObservation]:
    lacking = wanted(footage.life_stage)
    with objects.open_object(footage.content) as source:
        try:
            yield from analyse(
                source, AnalysisSettings(), eye.saw, wanted=lacking, start=segment.starts, end=segment.ends, decoder=decoder
            )
        except MediaError:
            # the beginning must be readable; a later part that is not is where the film was cut off
            if not segment.number:
                raise


class _Progress:
    """Counts the frames of a segment, tells how far the whole footage is, and keeps hold of the segment."""

    def __init__(self, footage: Footage, segment: Segment, work) -> None:
        self.frames, self.reached = 0, segment.starts
        self._footage, self._work = footage, work
        self._grip = sharing.Grip(segment, work.job.id)
        self._whole = _counted(footage)

    def saw(self, seconds: float, share: float) -> None:
        """A frame was looked at: `seconds` into the footage, `share` (0..1) of the segment. JobStopped if the job is to stop."""
        self.frames, self.reached = self.frames + 1, seconds
        if self._work.report(*_progress(self._footage, self._whole, share)):
            _consent_or_refuse(self._footage)
            self._whole = _counted(self._footage)
        if self._grip.keep() and not _is_looked_at(self._footage):
            raise JobStopped


def _counted(footage: Footage) -> tuple[int, int]:
    """Segments that were looked at, and all."""
    counts = footage.segments.filter(analysis=None).aggregate(done=Count("looked_at"), total=Count("id"))
    return counts["done"], counts["total"]


def _progress(footage: Footage, whole: tuple[int, int], share: float) -> tuple[float, str]:
    """(0..1, words) of the whole look, if beside `whole` of the segment at hand `share` is done."""
    done, total = whole
    return 0.97 * min(1.0, (done + share) / max(1, total)), f"Looking for faces in {footage.filename}"


def _wait_for_the_others(footage: Footage, decoder: Decoder, work) -> None:
    """Until every segment is done; one whose worker is lost is looked at here."""
    while _undone(footage).exists():
        work.report(*_progress(footage, _counted(footage), 0.0))
        time.sleep(ASK_AGAIN_S)
        _look_at_free(footage, decoder, work)


@transaction.atomic
def _end(footage: Footage, info: MediaInfo) -> None:
    # one change of a vault's people at a time
    Vault.objects.select_for_update().get(id=footage.vault_id)
    if Footage.objects.select_for_update().filter(id=footage.id).first() is None:
        raise JobRefused("This footage was removed while it was looked at.")
    subject = Subject.objects.select_related("vault__keyring", "reference__keyring").get(vault_id=footage.vault_id)
    require_consent(subject, footage.life_stage)
    if not footage.segments.filter(analysis=None, descriptors__isnull=False).exists():
        raise NoFace(
            f"No face was found in {footage.filename}: choose footage in which the face is seen from near, "
            "from the front, and in good light."
        )
    join(footage, info, subject)


def _refuse(footage: Footage, sentence: str, reason: str) -> None:
    """`sentence` is for the person and names the file; `reason`, a word, is for the record, which never does."""
    with transaction.atomic():
        if not Footage.objects.filter(id=footage.id).update(state=Footage.State.REFUSED, refusal=sentence[:500]):
            return
        forget_analysis(footage)
        forget_look(footage)
        record("footage refused", vault_id=footage.vault_id, target=footage, reason=reason)
