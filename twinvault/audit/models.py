"""The append-only record of who did what."""

from django.conf import settings
from django.db import models


class Entry(models.Model):
    """One deed. `digest` covers the entry and the digest of the one before it, so that a gap or an edit shows."""

    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    vault_id = models.UUIDField(null=True, db_index=True)
    verb = models.CharField(max_length=60)
    target = models.CharField(max_length=80, blank=True)
    details = models.JSONField(default=dict)
    previous_digest = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "entries"

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.verb} {self.target}"
