"""The only videos that a face may ever be put into."""

import uuid

from django.conf import settings
from django.db import models

from twinvault.custody.models import StoredObject


class Template(models.Model):
    """A video that the board may approve. Its picture and sound lie in its revisions."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    title = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    submitted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.title


class TemplateRevision(models.Model):
    """One immutable version of a template. Approval belongs to a revision; an edit is a new one and starts at none."""

    class Preparation(models.TextChoices):
        NONE = "none", "not prepared"
        READY = "ready", "ready"
        FAILED = "failed", "cannot be prepared"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveSmallIntegerField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    content = models.OneToOneField(StoredObject, on_delete=models.PROTECT, related_name="+")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    frames = models.PositiveIntegerField()
    rate = models.FloatField(help_text="frames a second")
    seconds = models.FloatField()
    has_audio = models.BooleanField()
    poster = models.OneToOneField(StoredObject, on_delete=models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True, blank=True)
    preparation = models.CharField(max_length=10, choices=Preparation.choices, default=Preparation.NONE)
    prepared_by = models.PositiveSmallIntegerField(default=1, help_text="version of the preparation, see preparation.PREPARATION")
    preparation_error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="one_revision_a_number")]

    def __str__(self) -> str:
        return f"{self.template} r{self.number}"

    def role(self, number: int) -> "TemplateRole":
        """One of its roles, fit to be read; every prepared revision has number 0."""
        return self.roles.select_related("track__keyring", "pack__keyring").get(number=number)


class TemplateRole(models.Model):
    """One of the people of a prepared revision, whose face may be put another in place of. Number 0 leads; the others follow in
    the order in which much is seen of them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    revision = models.ForeignKey(TemplateRevision, on_delete=models.CASCADE, related_name="roles")
    number = models.PositiveSmallIntegerField()
    track = models.OneToOneField(
        StoredObject, on_delete=models.PROTECT, related_name="+", help_text="smoothed landmarks a frame (npz)"
    )
    pack = models.OneToOneField(StoredObject, on_delete=models.PROTECT, related_name="+", help_text="face crops for learning")
    portrait = models.OneToOneField(
        StoredObject, on_delete=models.PROTECT, null=True, related_name="+", help_text="a face of it (JPEG), to tell it by"
    )
    faces = models.PositiveIntegerField(help_text="frames that show the face")

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["revision", "number"], name="one_role_a_number")]

    def __str__(self) -> str:
        return f"role {self.number + 1} of {self.revision}"

    @property
    def share(self) -> float:
        """Of the frames, those that show the face."""
        return self.faces / max(1, self.revision.frames)


class Review(models.Model):
    """One board member's word on one revision; said once."""

    class Decision(models.TextChoices):
        APPROVE = "approve", "approved"
        REJECT = "reject", "rejected"

    revision = models.ForeignKey(TemplateRevision, on_delete=models.CASCADE, related_name="reviews")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decision = models.CharField(max_length=10, choices=Decision.choices)
    comment = models.TextField(blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["at"]
        constraints = [models.UniqueConstraint(fields=["revision", "reviewer"], name="one_review_a_member")]

    def __str__(self) -> str:
        return f"{self.reviewer} {self.decision} {self.revision}"
