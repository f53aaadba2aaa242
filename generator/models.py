"""Twins: what was learned of a subject at one stage of life. Bases: what was learned of the approved templates alone."""

import uuid

from django.db import models

from processing.datasets import label_of
from templates_library.models import TemplateRevision
from twinvault.custody.models import StoredObject
from twinvault.vaults.models import LifeStage, Vault


class Learned(models.Model):
    """One version of something that was learned. Weights, checkpoint and statistics are encrypted objects."""

    class State(models.TextChoices):
        TRAINING = "training", "learning"
        READY = "ready", "ready"
        RETIRED = "retired", "retired"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.TRAINING)
    preset = models.CharField(max_length=20)
    train_seconds = models.FloatField(help_text="how long it may learn")
    weights = models.ForeignKey(StoredObject, on_delete=models.PROTECT, null=True, related_name="+")
    checkpoint = models.ForeignKey(StoredObject, on_delete=models.PROTECT, null=True, related_name="+")
    checkpoint_before = models.ForeignKey(
        StoredObject,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="the last but one, should the last be damaged",
    )
    learner = models.CharField(max_length=80, blank=True, help_text="the attempt that teaches it, see `claims`")
    learner_until = models.DateTimeField(null=True)
    statistics = models.ForeignKey(StoredObject, on_delete=models.PROTECT, null=True, related_name="+")
    measures = models.JSONField(default=dict, help_text="parameters, images_seen, images_per_second, heldout_ssim")
    faces = models.PositiveIntegerField(default=0, help_text="faces it learned from")
    created_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class Base(Learned):
    """A version of the house base of one preset: learned from approved templates, and from nobody's footage.

    It lies under the key of the template library. Twins of the same preset start from the newest that is ready.
    """

    class Why(models.TextChoices):
        """Why it was retired."""

        WITHDRAWN = "withdrawn", "a template that it had learned was withdrawn"
        SUPERSEDED = "superseded", "newer versions took its place"
        BY_HAND = "by hand", "somebody retired it"

    library = models.ManyToManyField(TemplateRevision, related_name="bases", help_text="all that it was trained on")
    started_from = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="+")
    made_way_at = models.DateTimeField(null=True, help_text="when it stopped by itself because a family's work waited")
    retired_because = models.CharField(max_length=10, choices=Why.choices, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["preset", "version"], name="one_base_a_version"),
            models.UniqueConstraint(
                fields=["preset"], condition=models.Q(state="training"), name="one_base_of_a_preset_learns_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"house base {self.preset} v{self.version}"


class Twin(Learned):
    """One version of a learned face. What shows or describes it is encrypted objects.

    It starts from at most one of `refreshed_from`, `started_from` and `base`; from none of them it starts from nothing.
    """

    vault = models.ForeignKey(Vault, on_delete=models.CASCADE, related_name="twins")
    life_stage = models.ForeignKey(LifeStage, on_delete=models.PROTECT, related_name="twins")
    condition = models.CharField(max_length=20, blank=True, help_text="of engine.categories.CONDITIONS; empty for all light")
    library = models.ManyToManyField(TemplateRevision, related_name="twins", help_text="templates it was trained against")
    base = models.ForeignKey(Base, on_delete=models.SET_NULL, null=True, related_name="twins")
    started_from = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, related_name="+", help_text="a twin of the same person"
    )
    refreshed_from = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        related_name="refreshes",
        help_text="the twin that this one is but for a template learned later",
    )
    identity = models.ForeignKey(
        StoredObject,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="embeddings of the faces it learned from, to measure films by; they outlast the footage",
    )
    looks = models.ForeignKey(
        StoredObject,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="in which light and from which side it saw its faces, to choose it for a scene; they outlast the footage",
    )
    kept = models.PositiveIntegerField(default=0, help_text="faces that could be learned from when it was begun")

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["life_stage", "version"], name="one_twin_a_version")]

    def __str__(self) -> str:
        return f"{self.learned_from} v{self.version}"

    @property
    def learned_from(self) -> str:
        """The life stage, and the light if it learned from one light only."""
        return f"{self.life_stage.name}, {label_of(self.condition)}" if self.condition else self.life_stage.name


class Upkeep(models.Model):
    """Whether a vault's twins learn anew by themselves once enough footage has come."""

    vault = models.OneToOneField(Vault, on_delete=models.CASCADE, related_name="upkeep")
    by_itself = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.vault}: {'by itself' if self.by_itself else 'when asked'}"


class Sheet(models.Model):
    """A sheet of faces saved while something learns: source, rebuilt, swapped."""

    images_seen = models.PositiveBigIntegerField()
    sheet = models.OneToOneField(StoredObject, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
        ordering = ["images_seen", "id"]


class Preview(Sheet):
    """Of a twin."""

    twin = models.ForeignKey(Twin, on_delete=models.CASCADE, related_name="previews")

    def __str__(self) -> str:
        return f"{self.twin} after {self.images_seen} images"


class BasePreview(Sheet):
    """Of a base: the library's faces alone."""

    base = models.ForeignKey(Base, on_delete=models.CASCADE, related_name="previews")

    def __str__(self) -> str:
        return f"{self.base} after {self.images_seen} images"
