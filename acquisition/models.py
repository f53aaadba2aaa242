"""What a family brings in."""

import uuid

from django.conf import settings
from django.db import models

from twinvault.custody.models import StoredObject
from twinvault.vaults.models import LifeStage, Vault


class Footage(models.Model):
    """One video or picture in a vault. The bytes are an encrypted object; this row only says what it is."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting to be looked at"
        PROCESSED = "processed", "looked at"
        REFUSED = "refused", "cannot be used"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    vault = models.ForeignKey(Vault, on_delete=models.CASCADE, related_name="footage")
    life_stage = models.ForeignKey(LifeStage, on_delete=models.PROTECT, related_name="footage")
    content = models.OneToOneField(StoredObject, on_delete=models.PROTECT, related_name="footage")
    fingerprint = models.CharField(max_length=64, help_text="keyed digest of the bytes: the same bytes twice are noticed")
    filename = models.CharField(max_length=255)
    filmed_on = models.DateField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    refusal = models.CharField(max_length=500, blank=True)
    note = models.CharField(max_length=500, blank=True, help_text="what a person should know of footage that can be used")
    kind = models.CharField(max_length=10, blank=True, help_text="video or image")
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    seconds = models.FloatField(null=True)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-added_at"]
        verbose_name_plural = "footage"
        constraints = [models.UniqueConstraint(fields=["vault", "fingerprint"], name="same_bytes_once_a_vault")]

    def __str__(self) -> str:
        return self.filename


class Upload(models.Model):
    """A file that is on its way in (tus 1.0). Whole segments and the unfinished tail both rest encrypted."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    vault = models.ForeignKey(Vault, on_delete=models.CASCADE, related_name="uploads")
    life_stage = models.ForeignKey(LifeStage, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    filename = models.CharField(max_length=255)
    length = models.BigIntegerField(help_text="bytes")
    offset = models.BigIntegerField(default=0, help_text="bytes that have arrived")
    wrapped_key = models.BinaryField()
    tail = models.BinaryField(default=bytes, help_text="encrypted: what has arrived of the segment that is not whole yet")
    writing_until = models.DateTimeField(null=True, help_text="one request writes at a time")
    footage = models.OneToOneField(Footage, on_delete=models.SET_NULL, null=True, related_name="upload")
    refusal = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.filename} {self.offset}/{self.length}"
