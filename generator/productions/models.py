"""Films: what was ordered, and what came of it."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from generator.models import Twin
from templates_library.models import TemplateRevision
from twinvault.custody.models import StoredObject
from twinvault.vaults.models import Vault


class Film(models.Model):
    """One order. Its storyboard, which holds what is said, and the finished film are encrypted objects. A film that missed its
    marks is held back: owners alone see it, and release or erase it."""

    class State(models.TextChoices):
        ORDERED = "ordered", "being made"
        READY = "ready", "ready"
        HELD = "held", "held back"
        REVOKED = "revoked", "revoked"

    class Reason(models.TextChoices):
        """Why an owner lets a film out that missed its marks: words of the house, for the record holds no others."""

        LOOKS_RIGHT = "looks right", "We have looked at it, and it looks right to us"
        ONLY_FOOTAGE = "only footage", "There is no more footage, and this is the best that can be had"
        FAMILY_ONLY = "family only", "It is for ourselves alone, and we know what it lacks"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    vault = models.ForeignKey(Vault, on_delete=models.CASCADE, related_name="films")
    twin = models.ForeignKey(Twin, on_delete=models.PROTECT, related_name="films")
    revision = models.ForeignKey(
        TemplateRevision,
        on_delete=models.PROTECT,
        null=True,
        related_name="films",
        help_text="empty for a film that was imported and whose template is not in this library",
    )
    role = models.PositiveSmallIntegerField(default=0, help_text="number of the role that the twin plays in the template")
    template_title = models.CharField(max_length=120, default="")
    kind = models.CharField(max_length=20)
    storyboard = models.OneToOneField(StoredObject, on_delete=models.PROTECT, related_name="+")
    content = models.OneToOneField(StoredObject, on_delete=models.PROTECT, null=True, related_name="+")
    preview = models.OneToOneField(
        StoredObject, on_delete=models.PROTECT, null=True, related_name="+", help_text="three seconds, until the film is ready"
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.ORDERED)
    chosen_because = models.CharField(max_length=200, blank=True, help_text="why this twin; empty where a person chose it")
    measures = models.JSONField(default=dict, help_text="frames, frames_swapped, render_fps, distances, ...")
    missed = models.JSONField(default=list, help_text="names of the measures for which it was held back, of generator.marks")
    released_because = models.CharField(max_length=20, blank=True, choices=Reason, help_text="empty unless it had been held back")
    ordered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    ordered_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-ordered_at"]

    def __str__(self) -> str:
        return f"{self.kind} {self.ordered_at:%Y-%m-%d}"

    @property
    def waits_for_twins(self) -> bool:
        """Whether somebody who plays in it learns still."""
        return Twin.objects.filter(Q(films=self) | Q(further_parts__film=self), state=Twin.State.TRAINING).exists()

    @property
    def title(self) -> str:
        """How pages call it: what kind of film, and in which template."""
        return f"{self.kind.capitalize()}: {self.template_title}"


class FurtherPart(models.Model):
    """Another role of a film, and the twin that plays it, which may be of another vault."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    film = models.ForeignKey(Film, on_delete=models.CASCADE, related_name="further")
    role = models.PositiveSmallIntegerField(help_text="number of the role in the template")
    twin = models.ForeignKey(Twin, on_delete=models.PROTECT, related_name="further_parts")

    class Meta:
        ordering = ["role"]
        constraints = [models.UniqueConstraint(fields=["film", "role"], name="one_twin_a_role")]

    def __str__(self) -> str:
        return f"{self.twin} as role {self.role + 1} of {self.film_id}"


class FilmPiece(models.Model):
    """A stretch of a film that is being made, rendered by one worker in one go. All pieces are erased once they are joined."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    film = models.ForeignKey(Film, on_delete=models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    first = models.PositiveIntegerField(help_text="frame of the template")
    last = models.PositiveIntegerField(help_text="the frame after its last")
    content = models.OneToOneField(
        StoredObject, on_delete=models.PROTECT, null=True, related_name="+", help_text="once it is done"
    )
    frames = models.PositiveIntegerField(default=0, help_text="pictures in it, cards included")
    taken_by = models.UUIDField(null=True, help_text="the job that renders it just now")
    taken_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["film", "number"], name="one_piece_a_number")]

    def __str__(self) -> str:
        return f"piece {self.number} of {self.film_id}"


class SigningAuthority(models.Model):
    """The house's certificate authority for C2PA. The private keys are an encrypted object; the root is public."""

    credentials = models.OneToOneField(StoredObject, on_delete=models.PROTECT, related_name="+")
    root = models.TextField(help_text="PEM of the root certificate")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "signing authorities"

    def __str__(self) -> str:
        return f"signing authority of {self.created_at:%Y-%m-%d}"
