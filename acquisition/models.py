"""What a family brings in."""

import uuid

from django.conf import settings
from django.db import models
from django.utils.formats import date_format

from acquisition.dating import TRUST, Precision, Source
from twinvault.custody.models import StoredObject
from twinvault.vaults.models import LifeStage, Vault


class Filmed(models.Model):
    """When something was filmed: between `filmed_on` and `filmed_to`, as exactly as `filmed_precision` says.

    `filmed_time` is the clock on the wall there, where it is known.
    """

    filmed_on = models.DateField(null=True, blank=True)
    filmed_to = models.DateField(null=True, blank=True)
    filmed_time = models.TimeField(null=True, blank=True)
    filmed_precision = models.CharField(max_length=6, blank=True, choices=[(one.value, one.value) for one in Precision])
    filmed_source = models.CharField(
        max_length=12, blank=True, choices=[(source.value, words) for source, words in TRUST.items()]
    )

    class Meta:
        abstract = True

    @property
    def filmed_in_words(self) -> str:
        """`4 July 2019, 15:30`, `July 2019`, `2019`; empty where it is not known."""
        if self.filmed_on is None:
            return ""
        day = {Precision.YEAR: "Y", Precision.MONTH: "F Y"}.get(Precision(self.filmed_precision), "j F Y")
        clock = f", {self.filmed_time:%H:%M}" if self.filmed_time else ""
        return date_format(self.filmed_on, day) + clock


def _dated_or_not(table: str) -> models.CheckConstraint:
    """Either all is said of a date, or nothing."""
    nothing = models.Q(filmed_on=None, filmed_to=None, filmed_time=None, filmed_precision="", filmed_source="")
    # a comparison with NULL is not false
    whole = models.Q(filmed_on__isnull=False, filmed_to__isnull=False, filmed_to__gte=models.F("filmed_on"))
    whole &= ~models.Q(filmed_precision="") & ~models.Q(filmed_source="")
    return models.CheckConstraint(condition=nothing | whole, name=f"{table}_is_dated_or_not")


class Footage(Filmed):
    """One video or picture in a vault. The bytes are an encrypted object; this row only says what it is."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting to be looked at"
        PROCESSED = "processed", "looked at"
        REFUSED = "refused", "cannot be used"

    class StageSource(models.TextChoices):
        PERSON = "person", "chosen by a person"
        DATE = "date", "by its date"
        GUESS = "guess", "a guess"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    vault = models.ForeignKey(Vault, on_delete=models.CASCADE, related_name="footage")
    life_stage = models.ForeignKey(LifeStage, on_delete=models.PROTECT, related_name="footage")
    stage_source = models.CharField(max_length=6, choices=StageSource.choices, default=StageSource.PERSON)
    guessed_because = models.CharField(
        max_length=600, blank=True, help_text="why its date or its stage of life is guessed, in a sentence"
    )
    content = models.OneToOneField(StoredObject, on_delete=models.PROTECT, related_name="footage")
    fingerprint = models.CharField(max_length=64, help_text="keyed digest of the bytes: the same bytes twice are noticed")
    filename = models.CharField(max_length=255)
    folder = models.CharField(
        max_length=255, blank=True, help_text="where it lay on the sender's machine, as far as that was sent"
    )
    batch = models.UUIDField(null=True, blank=True, help_text="what was sent in the same go")
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
        constraints = [
            models.UniqueConstraint(fields=["vault", "fingerprint"], name="same_bytes_once_a_vault"),
            _dated_or_not("footage"),
        ]
        indexes = [models.Index(fields=["vault", "filmed_on"], name="footage_by_day")]

    def __str__(self) -> str:
        return self.filename

    @property
    def is_guessed(self) -> bool:
        """Whether its date or its stage of life waits to be confirmed."""
        return Source.GUESS in (self.filmed_source, self.stage_source)

    @property
    def filmed_says(self) -> str:
        """Who says when it was filmed."""
        return TRUST[Source(self.filmed_source)] if self.filmed_source else ""


class Sidecar(Filmed):
    """What a file beside footage said of when that was filmed. The file itself is not kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    vault = models.ForeignKey(Vault, on_delete=models.CASCADE, related_name="sidecars")
    filename = models.CharField(max_length=255)
    folder = models.CharField(max_length=255, blank=True)
    batch = models.UUIDField(null=True, blank=True)

    class Meta:
        constraints = [_dated_or_not("sidecar")]
        indexes = [models.Index(fields=["vault", "folder", "filename"], name="sidecar_by_name")]

    def __str__(self) -> str:
        return self.filename


class TimelineChange(models.Model):
    """The last thing that a person changed on a vault's timeline, so that it can be taken back.

    `changes` is {id of footage: [columns as they were, columns as they became]}.
    """

    vault = models.ForeignKey(Vault, on_delete=models.CASCADE, related_name="timeline_changes")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    changes = models.JSONField(default=dict)
    count = models.PositiveIntegerField(default=0, help_text="pieces of footage")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["vault", "user"], name="one_timeline_change_to_take_back")]

    def __str__(self) -> str:
        return f"{self.count} pieces of footage in {self.vault_id}"


class Upload(models.Model):
    """A file that is on its way in (tus 1.0). Whole segments and the unfinished tail both rest encrypted."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    vault = models.ForeignKey(Vault, on_delete=models.CASCADE, related_name="uploads")
    life_stage = models.ForeignKey(
        LifeStage, on_delete=models.CASCADE, null=True, related_name="+", help_text="none: by the date"
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    filename = models.CharField(max_length=255)
    folder = models.CharField(max_length=255, blank=True)
    batch = models.UUIDField(null=True, blank=True)
    length = models.BigIntegerField(help_text="bytes")
    offset = models.BigIntegerField(default=0, help_text="bytes that have arrived")
    wrapped_key = models.BinaryField()
    tail = models.BinaryField(default=bytes, help_text="encrypted: what has arrived of the segment that is not whole yet")
    writing_until = models.DateTimeField(null=True, help_text="one request writes at a time")
    footage = models.OneToOneField(Footage, on_delete=models.SET_NULL, null=True, related_name="upload")
    refusal = models.CharField(max_length=500, blank=True)
    said = models.CharField(max_length=500, blank=True, help_text="what became of a file that only says when others were filmed")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.filename} {self.offset}/{self.length}"
