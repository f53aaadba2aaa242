"""What was seen in footage. Everything that shows or describes a face lies in encrypted objects; rows only point there."""

import uuid

from django.db import models

from acquisition.models import Footage
from twinvault.custody.models import StoredObject


class Analysis(models.Model):
    """The faces of one piece of footage.

    `descriptors` (npz) has one row a face: landmarks, pose, light, embedding; `pack` holds the crops, one JPEG behind the other.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    footage = models.OneToOneField(Footage, on_delete=models.CASCADE, related_name="analysis")
    descriptors = models.OneToOneField(StoredObject, on_delete=models.PROTECT, related_name="+")
    pack = models.OneToOneField(StoredObject, on_delete=models.PROTECT, related_name="+")
    frames_seen = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "analyses"

    def __str__(self) -> str:
        return f"analysis of {self.footage_id}"


class Person(models.Model):
    """A group of faces in one piece of footage that belong together, until somebody says who it is."""

    class Who(models.TextChoices):
        UNKNOWN = "unknown", "not yet said"
        SUBJECT = "subject", "the subject"
        OTHER = "other", "someone else"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    analysis = models.ForeignKey(Analysis, on_delete=models.CASCADE, related_name="people")
    number = models.PositiveSmallIntegerField()
    who = models.CharField(max_length=10, choices=Who.choices, default=Who.UNKNOWN)
    proposed = models.BooleanField(default=False, help_text="looks like the faces that were confirmed before")

    class Meta:
        ordering = ["number"]
        verbose_name_plural = "people"
        constraints = [models.UniqueConstraint(fields=["analysis", "number"], name="one_person_a_number")]

    def __str__(self) -> str:
        return f"person {self.number + 1}"


class Face(models.Model):
    """One face in one frame: where its crop lies in the pack, and whether it may be learned from."""

    class State(models.TextChoices):
        PENDING = "pending", "waits until somebody says who it is"
        KEPT = "kept", "kept"
        REJECTED = "rejected", "rejected"

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="faces")
    row = models.PositiveIntegerField(help_text="row of the descriptor table")
    offset = models.BigIntegerField(help_text="bytes into the pack; -1 once erased")
    length = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    reason = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["person", "state"])]

    def __str__(self) -> str:
        return f"face {self.pk} {self.state} {self.reason}".rstrip()
