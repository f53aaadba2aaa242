"""Rows that say which key opens which stored object. No plaintext and no plain key is ever in them."""

import uuid

from django.db import models
from django.utils import timezone

# Kinds of objects that show or describe the subject as filmed. These are locked away by sealing, and are what "erase the
# sources" erases; what was learned (weights) and made (films) goes on to be used.
SOURCE_KINDS = ("footage", "pack", "descriptors", "counts", "reference", "preview")


class Keyring(models.Model):
    """A working key, wrapped by a master key. Every vault has one, the template library has one, the signer has one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    purpose = models.CharField(max_length=20)
    master_key_id = models.CharField(max_length=40)
    wrapped_key = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.purpose} {self.id}"


def in_use() -> models.QuerySet[Keyring]:
    """Keyrings whose working key was not destroyed by an erasure that still takes their rows away."""
    return Keyring.objects.exclude(wrapped_key=b"")


class StoredObject(models.Model):
    """One encrypted file in the ciphertext storage, with its own wrapped file key.

    `size` counts plaintext bytes; `kind` says what it is for the owner's overview (footage, pack, weights, film, ...).
    `wrapped_key` is made with the keyring's working key, or, where `sealed`, with the public key of the keyring's archive.
    An empty one means that the key was destroyed: nothing opens the object any more.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    keyring = models.ForeignKey(Keyring, on_delete=models.PROTECT, related_name="objects_held")
    kind = models.CharField(max_length=20)
    content_type = models.CharField(max_length=80, default="application/octet-stream")
    wrapped_key = models.BinaryField()
    sealed = models.BooleanField(default=False)
    size = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["keyring", "kind", "sealed"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @property
    def name(self) -> str:
        """Its name in the ciphertext storage. Says nothing of the content."""
        return f"{self.keyring_id}/{self.id}"


class Archive(models.Model):
    """The key pair that a vault's sources are sealed to. The server keeps the public half in the clear.

    The private half rests twice: locked by the owner's secondary password (Argon2id) and by the recovery code (HKDF), each lock
    inside one by the keyring's working key, so that a stolen database alone gives nobody a password to guess at.
    """

    class State(models.TextChoices):
        OPEN = "open", "open"
        SEALING = "sealing", "being sealed"
        SEALED = "sealed", "sealed"

    keyring = models.OneToOneField(Keyring, on_delete=models.CASCADE, primary_key=True, related_name="archive")
    public_key = models.BinaryField(help_text="X25519, 32 bytes")
    salt = models.BinaryField()
    locked_by_password = models.BinaryField()
    locked_by_code = models.BinaryField()
    memory_kib = models.PositiveIntegerField(help_text="Argon2id: memory")
    passes = models.PositiveSmallIntegerField(help_text="Argon2id: iterations")
    lanes = models.PositiveSmallIntegerField(help_text="Argon2id: lanes")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    sealed_at = models.DateTimeField(null=True)
    unsealed_until = models.DateTimeField(null=True, help_text="pages and jobs may read sealed objects until then")
    wrong_tries = models.PositiveSmallIntegerField(default=0, help_text="wrong passwords and codes since the last right one")
    next_try_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"archive of {self.keyring_id} ({self.state})"

    @property
    def is_locked(self) -> bool:
        """Whether nothing of what is sealed can be read at this moment."""
        return self.state != self.State.OPEN and not self.is_unsealed

    @property
    def is_unsealed(self) -> bool:
        return self.unsealed_until is not None and self.unsealed_until > timezone.now()


class Lending(models.Model):
    """A time in which the server may read what is sealed. The archive's private key itself is never lent.

    `wrapped_key` is a key of this lending alone, under the working key; the file keys of sealed objects are wrapped by it once
    more (`LentKey`). Deleting the row ends it. A `general` one serves pages and jobs, any other only who names it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    archive = models.ForeignKey(Archive, on_delete=models.CASCADE, related_name="lendings")
    wrapped_key = models.BinaryField()
    general = models.BooleanField()
    until = models.DateTimeField(db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"lending of {self.archive_id} until {self.until:%Y-%m-%d %H:%M}"


class LentKey(models.Model):
    lending = models.ForeignKey(Lending, on_delete=models.CASCADE, related_name="keys")
    stored = models.ForeignKey(StoredObject, on_delete=models.CASCADE, related_name="lent_keys")
    wrapped_key = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stored", "lending"], name="one_lent_key_an_object")]

    def __str__(self) -> str:
        return f"{self.stored_id} in {self.lending_id}"
