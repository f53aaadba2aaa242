"""One request at a time writes to an upload: it holds a lease in the upload's row, taken and renewed by compare and swap."""

from datetime import timedelta
from time import monotonic
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from acquisition.models import Upload
from acquisition.uploads.errors import Busy

HELD_FOR = timedelta(seconds=30)
RENEW_AFTER_S = 5.0


class Lease:
    """The right to write to one upload. Every change passes through it, so that a writer who lost it changes nothing more.

    A connection that has gone quiet loses it after HELD_FOR, and only if another one asks for it. The writer renews *before*
    it writes to the file whenever RENEW_AFTER_S have passed; so it never writes with a lease that somebody else may hold.
    """

    def __init__(self, upload_id: UUID):
        """Takes the lease. Busy if another request holds it, or if the upload is gone."""
        self._upload_id = upload_id
        now = timezone.now()
        self._until = now + HELD_FOR
        free = Q(writing_until__isnull=True) | Q(writing_until__lt=now)
        if not Upload.objects.filter(free, id=upload_id).update(writing_until=self._until):
            raise Busy
        self._renewed = monotonic()

    def __enter__(self) -> "Lease":
        return self

    def __exit__(self, *_error) -> None:
        Upload.objects.filter(id=self._upload_id, writing_until=self._until).update(writing_until=None)

    def save(self, **changes) -> None:
        """Changes the row and renews the lease in one UPDATE. Busy if it is lost."""
        until = timezone.now() + HELD_FOR
        held = Upload.objects.filter(id=self._upload_id, writing_until=self._until)
        if not held.update(writing_until=until, **changes):
            raise Busy
        self._until, self._renewed = until, monotonic()

    def renew_if_due(self) -> None:
        if monotonic() - self._renewed > RENEW_AFTER_S:
            self.save()
