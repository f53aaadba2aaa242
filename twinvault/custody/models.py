"""Rows that say which key opens which stored object. No plaintext and no plain key is ever in them."""

import uuid

from django.db import models


class Keyring(models.Model):
    """A working key, wrapped by a master key. Every vault has one, the template library has one, the signer has one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    purpose = models.CharField(max_length=20)
    master_key_id = models.CharField(max_length=40)
    wrapped_key = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.purpose} {self.id}"


class StoredObject(models.Model):
    """One encrypted file in the ciphertext storage, with its own wrapped file key.

    `size` counts plaintext bytes; `kind` says what it is for the owner's overview (footage, pack, weights, film, ...).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    keyring = models.ForeignKey(Keyring, on_delete=models.PROTECT, related_name="objects_held")
    kind = models.CharField(max_length=20)
    content_type = models.CharField(max_length=80, default="application/octet-stream")
    wrapped_key = models.BinaryField()
    size = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @property
    def name(self) -> str:
        """Its name in the ciphertext storage. Says nothing of the content."""
        return f"{self.keyring_id}/{self.id}"
