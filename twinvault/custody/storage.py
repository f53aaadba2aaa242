"""A Django storage that encrypts whatever is saved through it."""

from uuid import UUID

from django.core.files import File
from django.core.files.storage import Storage
from django.utils.deconstruct import deconstructible

from twinvault.custody import objects
from twinvault.custody.models import Keyring, StoredObject


@deconstructible
class EncryptedStorage(Storage):
    """Save under `<keyring id>/<kind>`; what comes back, `<keyring id>/<object id>`, is the name to open, measure and delete by.

    There is no URL: a file leaves only through a view that has asked who wants it.
    """

    def _row(self, name: str) -> StoredObject:
        try:
            keyring_id, object_id = (UUID(part) for part in name.split("/"))
            return StoredObject.objects.select_related("keyring").get(id=object_id, keyring_id=keyring_id)
        except (ValueError, StoredObject.DoesNotExist) as error:
            raise FileNotFoundError(f"no stored object is called {name}") from error

    def _open(self, name: str, mode: str = "rb") -> File:
        if mode != "rb":
            raise ValueError("a stored object is read only; save a new one instead")
        return File(objects.open_object(self._row(name)), name)

    def _save(self, name: str, content: File) -> str:
        keyring_id, kind = name.replace("\\", "/").split("/")
        with objects.ObjectWriter(Keyring.objects.get(id=keyring_id), kind) as writer:
            for piece in content.chunks():
                writer.write(piece)
        assert writer.stored is not None
        return writer.stored.name

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def exists(self, name: str) -> bool:
        try:
            return bool(self._row(name))
        except FileNotFoundError:
            return False

    def size(self, name: str) -> int:
        return self._row(name).size

    def delete(self, name: str) -> None:
        objects.erase(self._row(name))

    def url(self, name: str | None) -> str:
        raise ValueError("a stored object has no URL; serve it through a view that checks access")
