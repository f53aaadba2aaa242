"""What was seen in footage. Everything that shows or describes a face lies in encrypted objects; rows only point there.

Footage - Analysis - Segment - Track - Face        what was seen where
                     Vault - Person - Track        who is who, over all footage of a vault
"""

import uuid

from django.conf import settings
from django.db import models

from acquisition.models import Footage
from twinvault.custody.models import StoredObject
from twinvault.vaults.models import LifeStage, Vault


class Analysis(models.Model):
    """One piece of footage that was looked at from its beginning to its end."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    footage = models.OneToOneField(Footage, on_delete=models.CASCADE, related_name="analysis")
    frames_seen = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "analyses"

    def __str__(self) -> str:
        return f"analysis of {self.footage_id}"


class Segment(models.Model):
    """A stretch of a piece of footage, looked at by one worker in one go. Stills and short films have one.

    `descriptors` (npz) has one row a face: landmarks, pose, light, embedding; `pack` holds the crops, one JPEG behind the other,
    each with the mask of its background behind it. Both are absent while it was not looked at, and where no face is in it.
    Without an `analysis` it is part of a look that has not ended.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    footage = models.ForeignKey(Footage, on_delete=models.CASCADE, related_name="segments")
    analysis = models.ForeignKey(Analysis, on_delete=models.CASCADE, null=True, related_name="segments")
    number = models.PositiveIntegerField()
    starts = models.FloatField(help_text="seconds into the footage")
    ends = models.FloatField(null=True, help_text="seconds; empty for the end of the footage")
    descriptors = models.OneToOneField(StoredObject, on_delete=models.PROTECT, null=True, related_name="+")
    pack = models.OneToOneField(StoredObject, on_delete=models.PROTECT, null=True, related_name="+")
    frames_seen = models.PositiveIntegerField(default=0)
    reached = models.FloatField(default=0.0, help_text="seconds into the footage up to which it could be read")
    places = models.JSONField(null=True, help_text="[offset, length, mask length] of every crop, until its faces have rows")
    looked_at = models.DateTimeField(null=True)
    taken_by = models.UUIDField(null=True, help_text="the job that looks at it just now")
    taken_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(
                fields=["footage", "number"], condition=models.Q(analysis=None), name="one_segment_a_number_in_a_look"
            )
        ]

    def __str__(self) -> str:
        return f"segment {self.number} of {self.footage_id}"


class Person(models.Model):
    """Tracks that belong together, of all footage of a vault, whether somebody said who it is or not."""

    class Who(models.TextChoices):
        UNKNOWN = "unknown", "not yet said"
        SUBJECT = "subject", "the subject"
        UNSURE = "unsure", "not sure"
        OTHER = "other", "someone else"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    vault = models.ForeignKey(Vault, on_delete=models.CASCADE, related_name="people")
    who = models.CharField(max_length=10, choices=Who.choices, default=Who.UNKNOWN)
    proposed = models.BooleanField(default=False, help_text="looks like the faces that were confirmed before")
    erase_at = models.DateTimeField(null=True, help_text="someone else: when the pictures go, unless that is taken back before")
    erased_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "people"
        indexes = [models.Index(fields=["vault", "who"])]

    def __str__(self) -> str:
        return f"person {self.id}"


class Track(models.Model):
    """One face followed through one shot. Who it is says its person."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="tracks")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="tracks")
    number = models.PositiveIntegerField(help_text="as in the descriptor table")
    shot = models.PositiveIntegerField(default=0)
    starts = models.FloatField(help_text="seconds into the footage")
    ends = models.FloatField()
    by_hand = models.BooleanField(default=False, help_text="somebody put its person together or took them apart")

    class Meta:
        ordering = ["segment_id", "number"]
        constraints = [models.UniqueConstraint(fields=["segment", "number"], name="one_track_a_number")]

    def __str__(self) -> str:
        return f"track {self.number} of {self.segment_id}"


class Face(models.Model):
    """One face in one frame: where its crop lies in the pack, and whether it may be learned from."""

    class State(models.TextChoices):
        PENDING = "pending", "waits until somebody says who it is"
        KEPT = "kept", "kept"
        REJECTED = "rejected", "rejected"

    track = models.ForeignKey(Track, on_delete=models.CASCADE, related_name="faces")
    row = models.PositiveIntegerField(help_text="row of the descriptor table")
    offset = models.BigIntegerField(help_text="bytes into the pack; -1 once erased")
    length = models.PositiveIntegerField()
    mask_length = models.PositiveIntegerField(default=0, help_text="bytes of the mask that follows the crop")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    reason = models.CharField(max_length=20, blank=True)
    by_hand = models.BooleanField(default=False, help_text="a person decided, and no threshold decides otherwise")

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["track", "state"])]

    def __str__(self) -> str:
        return f"face {self.pk} {self.state} {self.reason}".rstrip()


class Change(models.Model):
    """What somebody did on the faces pages, and what was there before, to be taken back. Names rows, describes nobody.

    `before`: {"people": {id: [who, proposed]}, "tracks": {id: [person id, by_hand]}, "faces": {id: [state, reason, by_hand]}}.
    """

    vault = models.ForeignKey(Vault, on_delete=models.CASCADE, related_name="face_changes")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    deed = models.CharField(max_length=100, help_text="in words, for the button that takes it back")
    before = models.JSONField()
    undone_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-made_at", "-id"]
        indexes = [models.Index(fields=["vault", "made_by", "undone_at"])]

    def __str__(self) -> str:
        return self.deed


class Judging(models.Model):
    """By what bounds a family wants its faces judged, where they are not the usual ones."""

    vault = models.OneToOneField(Vault, on_delete=models.CASCADE, related_name="judging")
    thresholds = models.JSONField(default=dict, help_text="bounds of engine.filtering.Thresholds that were moved")

    def __str__(self) -> str:
        return f"bounds of {self.vault_id}"


class Dataset(models.Model):
    """What the kept faces of a life stage amount to, counted when they were judged last.

    `count` (JSON) holds looks, light, conditions; `corrections` (JSON) what was measured to help the faces of each scene. Both
    describe a face, and so are encrypted. Whatever is here can be counted again from descriptors and packs.
    """

    life_stage = models.OneToOneField(LifeStage, on_delete=models.CASCADE, related_name="dataset")
    counted = models.CharField(max_length=60, help_text="which faces were counted: their number and the sum of their ids")
    count = models.OneToOneField(StoredObject, on_delete=models.PROTECT, null=True, related_name="+")
    corrections = models.OneToOneField(StoredObject, on_delete=models.PROTECT, null=True, related_name="+")

    def __str__(self) -> str:
        return f"dataset of {self.life_stage_id}"
