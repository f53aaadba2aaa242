"""Scenes: what was asked for, what the board said of it, and the clips that came of it."""

import uuid

from django.conf import settings
from django.db import models

from generator.models import Twin
from templates_library.models import Review
from twinvault.custody.models import StoredObject
from twinvault.vaults.models import Vault


class CodeBookOfTwin(models.Model):
    """How a twin's code follows pose and expression; it goes when the twin does."""

    twin = models.OneToOneField(Twin, on_delete=models.CASCADE, related_name="code_book")
    content = models.OneToOneField(StoredObject, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"code book of {self.twin}"


class Scene(models.Model):
    """A scene that a vault asked the board for. What is seen in it lies in its revisions."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    vault = models.ForeignKey(Vault, on_delete=models.CASCADE, related_name="scenes")
    number = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=20)
    submitted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["vault", "number"], name="one_scene_a_number")]

    def __str__(self) -> str:
        return f"Scene {self.number}: {self.kind}"


class SceneRevision(models.Model):
    """One immutable version of a scene. Approval belongs to a revision and is counted from its reviews, which no import brings:
    an edit, and a scene from elsewhere, start at none. Configuration and background are encrypted objects."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    scene = models.ForeignKey(Scene, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveSmallIntegerField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    twin = models.ForeignKey(Twin, on_delete=models.PROTECT, related_name="scene_revisions")
    configuration = models.OneToOneField(StoredObject, on_delete=models.PROTECT, related_name="+")
    background = models.OneToOneField(StoredObject, on_delete=models.PROTECT, null=True, related_name="+")
    seconds = models.FloatField(help_text="of the scene, without its cards")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["scene", "number"], name="one_scene_revision_a_number")]

    def __str__(self) -> str:
        return f"{self.scene} r{self.number}"


class SceneReview(models.Model):
    """One board member's word on one revision; said once."""

    revision = models.ForeignKey(SceneRevision, on_delete=models.CASCADE, related_name="reviews")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decision = models.CharField(max_length=10, choices=Review.Decision.choices)
    comment = models.TextField(blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["at"]
        constraints = [models.UniqueConstraint(fields=["revision", "reviewer"], name="one_scene_review_a_member")]

    def __str__(self) -> str:
        return f"{self.reviewer} {self.decision} {self.revision}"


class Clip(models.Model):
    """One making of an approved revision; the finished clip is an encrypted object."""

    class State(models.TextChoices):
        ORDERED = "ordered", "being made"
        READY = "ready", "ready"
        REVOKED = "revoked", "revoked"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    vault = models.ForeignKey(Vault, on_delete=models.CASCADE, related_name="clips")
    revision = models.ForeignKey(SceneRevision, on_delete=models.PROTECT, related_name="clips")
    content = models.OneToOneField(StoredObject, on_delete=models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.ORDERED)
    measures = models.JSONField(default=dict, help_text="frames, swap_to_subject, flicker, asked against measured, ...")
    ordered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    ordered_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-ordered_at"]

    def __str__(self) -> str:
        return f"clip of {self.revision}"
