"""The append-only record of who did what, when, and from where."""

from django.conf import settings
from django.db import models


class Entry(models.Model):
    """One deed: who did what, to which row, when, and from where.

    `digest` covers all of it and the digest of the entry before, under a key (`chain`), so that a gap or an edit shows.
    """

    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    vault_id = models.UUIDField(null=True, db_index=True)
    verb = models.CharField(max_length=60)
    target = models.CharField(max_length=80, blank=True)
    details = models.JSONField(default=dict)
    origin = models.CharField(max_length=120, blank=True, default="")
    previous_digest = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "entries"

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.verb} {self.target}"
