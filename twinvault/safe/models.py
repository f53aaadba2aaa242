"""What was done with a vault as a whole: erasures and their receipts, exports, imports, and when it closes by itself."""

import uuid

from django.conf import settings
from django.db import models

from twinvault.custody.models import Keyring, Lending, StoredObject
from twinvault.vaults.models import Vault


class Scope(models.TextChoices):
    """How much an erasure takes away; each takes all that the one before it takes."""

    SOURCES = "sources", "the footage, and every face that was found in it"
    SUBJECT = "subject", "everything that shows or imitates the subject: footage, faces, twins and films"
    VAULT = "vault", "the whole vault"


class Erasure(models.Model):
    """One erasure and its receipt. It outlives the vault, and says nothing of what was in it but how much."""

    class State(models.TextChoices):
        ASKED = "asked", "being erased"
        DONE = "done", "erased"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    vault_id = models.UUIDField(db_index=True)
    keyring_id = models.UUIDField()
    scope = models.CharField(max_length=10, choices=Scope.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ASKED)
    expected = models.PositiveIntegerField(help_text="objects whose keys were destroyed at once when it was asked for")
    counts = models.JSONField(default=dict, help_text="kind: [objects, bytes]")
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the receipt's lines")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-asked_at"]

    def __str__(self) -> str:
        return f"erasure of {self.scope} in {self.vault_id}"


class ErasedObject(models.Model):
    """One line of a receipt: an object that is gone. `digest` is the SHA-256 of its ciphertext, empty if that was gone before."""

    erasure = models.ForeignKey(Erasure, on_delete=models.CASCADE, related_name="objects_erased")
    object_id = models.UUIDField()
    kind = models.CharField(max_length=20)
    size = models.BigIntegerField(help_text="plaintext bytes")
    digest = models.CharField(max_length=64, blank=True)
    deleted = models.BooleanField(default=False, help_text="whether the ciphertext is deleted, too")

    class Meta:
        ordering = ["object_id"]
        constraints = [models.UniqueConstraint(fields=["erasure", "object_id"], name="one_line_an_erased_object")]

    def __str__(self) -> str:
        return f"{self.object_id} {self.kind} {self.size} {self.digest or '-'}"


class Export(models.Model):
    """A ZIP of all that a vault holds, as it was at one moment. It rests nowhere: it is put together as it is sent.

    `plan` says what lies where in it; `parts` are the texts that were written for it. Whoever downloads shows the token that was
    given to who typed the password; only its digest is kept.
    """

    class State(models.TextChoices):
        PREPARING = "preparing", "being put together"
        READY = "ready", "ready"
        OVER = "over", "over"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    vault = models.ForeignKey(Vault, on_delete=models.CASCADE, related_name="exports")
    token_digest = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PREPARING)
    lending = models.ForeignKey(Lending, on_delete=models.SET_NULL, null=True, related_name="+")
    plan = models.ForeignKey(StoredObject, on_delete=models.PROTECT, null=True, related_name="+")
    parts = models.ManyToManyField(StoredObject, related_name="+")
    size = models.BigIntegerField(null=True, help_text="bytes of the ZIP")
    left_out = models.PositiveIntegerField(default=0, help_text="objects that were damaged or missing")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    until = models.DateTimeField()

    class Meta:
        ordering = ["-asked_at"]

    def __str__(self) -> str:
        return f"export of {self.vault_id} ({self.state})"


class Import(models.Model):
    """A vault that came out of an export. Made before its vault, so that a broken import goes on where it was."""

    id = models.UUIDField(primary_key=True, help_text="of the export")
    keyring = models.OneToOneField(Keyring, on_delete=models.CASCADE, related_name="+")
    vault = models.OneToOneField(Vault, on_delete=models.CASCADE, null=True, related_name="imported")
    record = models.ForeignKey(
        StoredObject, on_delete=models.PROTECT, null=True, related_name="+", help_text="the record of its earlier home"
    )
    begun_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"import of {self.vault_id}"


class Retention(models.Model):
    """What happens to a vault's sources by itself, some days after the last footage came in."""

    class Action(models.TextChoices):
        SEAL = "seal", "seal the sources"
        ERASE = "erase", "erase the sources"

    vault = models.OneToOneField(Vault, on_delete=models.CASCADE, primary_key=True, related_name="retention")
    action = models.CharField(max_length=10, choices=Action.choices)
    days = models.PositiveSmallIntegerField()

    def __str__(self) -> str:
        return f"{self.get_action_display()} after {self.days} days"
