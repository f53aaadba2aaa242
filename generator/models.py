"""Twins: what was learned of a subject at one stage of life."""

import uuid

from django.db import models

from processing.datasets import label_of
from templates_library.models import TemplateRevision
from twinvault.custody.models import StoredObject
from twinvault.vaults.models import LifeStage, Vault


class Twin(models.Model):
    """One version of a learned face. Weights, checkpoint, statistics and previews are encrypted objects."""

    class State(models.TextChoices):
        TRAINING = "training", "learning"
        READY = "ready", "ready"
        RETIRED = "retired", "retired"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    vault = models.ForeignKey(Vault, on_delete=models.CASCADE, related_name="twins")
    life_stage = models.ForeignKey(LifeStage, on_delete=models.PROTECT, related_name="twins")
    condition = models.CharField(max_length=20, blank=True, help_text="of engine.categories.CONDITIONS; empty for all light")
    version = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.TRAINING)
    preset = models.CharField(max_length=20)
    train_seconds = models.FloatField(help_text="how long it may learn")
    library = models.ManyToManyField(TemplateRevision, related_name="twins", help_text="templates it was trained against")
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
    identity = models.ForeignKey(
        StoredObject,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="embeddings of the faces it learned from, to measure films by; they outlast the footage",
    )
    statistics = models.ForeignKey(StoredObject, on_delete=models.PROTECT, null=True, related_name="+")
    measures = models.JSONField(default=dict, help_text="parameters, images_seen, images_per_second, heldout_ssim")
    faces = models.PositiveIntegerField(default=0, help_text="faces it learned from")
    created_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["life_stage", "version"], name="one_twin_a_version")]

    def __str__(self) -> str:
        return f"{self.learned_from} v{self.version}"

    @property
    def learned_from(self) -> str:
        """The life stage, and the light if it learned from one light only."""
        return f"{self.life_stage.name}, {label_of(self.condition)}" if self.condition else self.life_stage.name


class Preview(models.Model):
    """A sheet of faces saved while a twin learns: source, rebuilt, swapped."""

    twin = models.ForeignKey(Twin, on_delete=models.CASCADE, related_name="previews")
    images_seen = models.PositiveBigIntegerField()
    sheet = models.OneToOneField(StoredObject, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["images_seen", "id"]

    def __str__(self) -> str:
        return f"{self.twin} after {self.images_seen} images"
